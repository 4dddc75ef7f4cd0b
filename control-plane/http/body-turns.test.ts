import { expect, test } from "vitest";
import { type BodyTurn, BodyTurns } from "./body-turns.ts";

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function turns(hasRoom: () => boolean = () => true): { all: BodyTurns; order: string[]; enter: (owner: string, name: string, bytes?: number) => void } {
  const all = new BodyTurns({ hasRoom, ownerBytes: 1000, allBytes: 1500 });
  const order: string[] = [];
  return { all, order, enter: (owner, name, bytes = 10) => all.enter(owner, bytes, () => void order.push(name)) };
}

test("one body at a time, workspaces in rotation", async () => {
  const { order, enter } = turns();
  for (let n = 1; n <= 4; n++) enter("noisy", `noisy ${n}`);
  enter("calm", "calm 1");
  expect(order).toEqual([]);
  await nextTurn();
  expect(order).toEqual(["noisy 1"]);
  await expect.poll(() => order).toEqual(["noisy 1", "calm 1", "noisy 2", "noisy 3", "noisy 4"]);
});

test("after a body others have the event loop for as long as it took, also when no body waited", async () => {
  const all = new BodyTurns({ hasRoom: () => true, ownerBytes: 1000, allBytes: 1000 });
  const tookMs = 15;
  let endedMs = Number.NaN;
  all.enter("noisy", 1, () => {
    for (const begunMs = performance.now(); performance.now() - begunMs < tookMs; );
    endedMs = performance.now();
  });
  await nextTurn();
  expect(endedMs).toBeGreaterThan(0);
  const begunMs = await new Promise<number>((resolve) => all.enter("noisy", 1, () => resolve(performance.now())));
  // Timers may fire up to a millisecond early.
  expect(begunMs - endedMs).toBeGreaterThanOrEqual(tookMs - 1);
});

test("nothing is handled while there is no room behind, and all of it when there is again", async () => {
  let room = false;
  const { all, order, enter } = turns(() => room);
  enter("a", "a");
  enter("b", "b");
  for (let n = 0; n < 5; n++) await nextTurn();
  expect([order, all.waitingBytes]).toEqual([[], 20]);
  room = true;
  await expect.poll(() => order).toEqual(["a", "b"]);
  expect(all.waitingBytes).toBe(0);
});

test("a workspace that has too much waiting is refused, the others are not; one body of any size is always taken", async () => {
  const { order, enter } = turns(() => false);
  enter("noisy", "first", 900);
  expect(() => enter("noisy", "second", 200)).toThrow("too many large requests");
  enter("calm", "calm", 500);
  expect(() => enter("other", "one too many", 200)).toThrow("too many large requests");
  const alone = turns();
  alone.enter("large", "large", 1400);
  await nextTurn();
  expect([order, alone.order]).toEqual([[], ["large"]]);
});

test("a body that is cut into slices keeps its turn to its end, and rests between them for as long as each took", async () => {
  const { all, order, enter } = turns();
  const sliceMs = 5;
  const rests: number[] = [];
  const done = Promise.withResolvers<void>();
  const work = async (turn: BodyTurn): Promise<void> => {
    for (let slice = 1; slice <= 3; slice++) {
      for (const begunMs = performance.now(); performance.now() - begunMs < sliceMs; );
      order.push(`slice ${slice}`);
      if (slice === 3) break;
      const fromMs = performance.now();
      await turn.rest();
      rests.push(performance.now() - fromMs);
    }
    turn.end();
    turn.end();
    done.resolve();
  };
  all.enter("large", 10, (turn) => void work(turn));
  enter("calm", "calm");
  await done.promise;
  expect(order).toEqual(["slice 1", "slice 2", "slice 3"]);
  // Timers may fire up to a millisecond early.
  for (const restMs of rests) expect(restMs).toBeGreaterThanOrEqual(sliceMs - 1);
  expect(rests).toHaveLength(2);
  await expect.poll(() => order).toEqual(["slice 1", "slice 2", "slice 3", "calm"]);
});

test("who rests after the turn went by does not hold up others, and ends nothing", async () => {
  const { all, order, enter } = turns();
  const late = Promise.withResolvers<BodyTurn>();
  all.enter("late", 10, (turn) => late.resolve(turn));
  const turn = await late.promise;
  await nextTurn();
  await nextTurn();
  await turn.rest();
  turn.end();
  enter("calm", "first");
  enter("calm", "second");
  await expect.poll(() => order).toEqual(["first", "second"]);
});
