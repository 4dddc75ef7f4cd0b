import { expect, test } from "vitest";
import { asAgentKey, asSessionId, asToken, createJobIdGenerator, type JobId, type Token } from "../../kernel/ids.ts";
import type { OwnerPort } from "../scheduler/owner-port.ts";
import { Seat } from "./seat.ts";

const newId = createJobIdGenerator(() => 1_000_000);
// Only who it is matters here.
const owner = { replicaId: "1", isLocal: false } as OwnerPort;
let made = 0;

function attempt(): { id: JobId; token: Token } {
  made += 64;
  return { id: newId(), token: asToken(String(made)) };
}

function seatWith(slots: number, held: { id: JobId; token: Token }[] = []): Seat {
  const hello = { key: asAgentKey("5"), name: "a", session: asSessionId("s"), workspace: undefined, tags: ["t"], languages: ["bash"] };
  const seat = new Seat({ ...hello, slots, held: new Map(held.map(({ id, token }) => [id, token])) }, 0);
  seat.join(owner);
  return seat;
}

const plan = (seat: Seat) =>
  seat.plan(
    () => true,
    () => undefined,
    0,
  );
const adopt = (tokens: Token[]) => ({ seq: 0, round: 0, slots: 0, uncovered: [], adopted: tokens });

test("what an agent brings along takes slots of nobody until an owner adopts it, and then of that owner", () => {
  const [mine, foreign] = [attempt(), attempt()];
  const seat = seatWith(3, [mine, foreign]);
  expect(plan(seat)).toMatchObject([{ owner: "1", slots: 1 }]);
  const { orders } = seat.report(owner, adopt([mine.token]));
  expect(orders).toMatchObject([{ owner: "1", slots: 2 }]);
  // The other one ends: its slot is free for all.
  expect(seat.ended(foreign.token)).toBe(true);
  expect(plan(seat)).toMatchObject([{ owner: "1", slots: 3 }]);
  // The adopted one ends: its owner uses the slot again by itself.
  expect(seat.ended(mine.token)).toBe(false);
  expect(plan(seat)).toEqual([]);
});

test("owners hear of attempts that are on their way, as long as the agent may get them", () => {
  const seat = seatWith(3);
  plan(seat);
  const sent = attempt();
  seat.assigned("1", sent, undefined, 1000);
  expect(seat.keepalive(new Map(), 2000).all).toEqual(new Map([[sent.id, sent.token]]));
  // Confirmed, and then gone: it is lost.
  expect(seat.keepalive(new Map([[sent.id, sent.token]]), 3000).all?.size).toBe(1);
  expect(seat.keepalive(new Map(), 4000).all?.size).toBe(0);
  const never = attempt();
  seat.assigned("1", never, undefined, 5000);
  expect(seat.keepalive(new Map(), 6000).all?.size).toBe(1);
  expect(seat.keepalive(new Map(), 60_000).all?.size).toBe(0);
});

test("that an agent holds nothing is said once, and again when an owner believes otherwise", () => {
  const seat = seatWith(3);
  expect(seat.keepalive(new Map(), 1000).all?.size).toBe(0);
  expect(seat.keepalive(new Map(), 2000).all).toBeUndefined();
  seat.report(owner, adopt([attempt().token]));
  expect(seat.keepalive(new Map(), 3000).all?.size).toBe(0);
  expect(seat.keepalive(new Map(), 4000).all).toBeUndefined();
});

test("attempts of an owner that is gone keep their slots until they end", () => {
  const seat = seatWith(2);
  plan(seat);
  const running = attempt();
  seat.assigned("1", running, undefined, 0);
  seat.leave(owner);
  seat.join(owner);
  expect(plan(seat)).toMatchObject([{ slots: 1 }]);
  expect(seat.ended(running.token)).toBe(true);
  expect(plan(seat)).toMatchObject([{ slots: 2 }]);
});

test("an owner that took an attempt over and then gave it away gets no slot for it", () => {
  const held = attempt();
  const seat = seatWith(3, [held]);
  plan(seat);
  expect(seat.report(owner, adopt([held.token])).orders).toMatchObject([{ owner: "1", slots: 3 }]);
  const gaveAway = { seq: 2, round: 1, slots: 2, uncovered: [held.token], adopted: [] };
  expect(seat.report(owner, gaveAway)).toEqual({ orders: [], freed: true });
  expect(plan(seat)).toEqual([]);
});

test("an agent that holds more than its slots gets no more attempts for those that are adopted", () => {
  // One of them has ended on the agent, which has not said so yet.
  const [first, second, ended] = [attempt(), attempt(), attempt()];
  const seat = seatWith(2, [first, second, ended]);
  seat.report(owner, adopt([first.token, second.token, ended.token]));
  expect(seat.book.shares.get("1")).toMatchObject({ target: 0, granted: 3 });
  expect(seat.ended(ended.token)).toBe(false);
  expect(seat.report(owner, { seq: 3, round: 0, slots: 2, uncovered: [], adopted: [] })).toEqual({ orders: [], freed: true });
  expect(plan(seat)).toMatchObject([{ owner: "1", slots: 2 }]);
});

test("what waits for this very agent counts as something that it serves, what waits for another does not", () => {
  const seat = seatWith(1);
  const asks = (tag: string, language = "bash") => seat.serves({ tag, language, waiting: 1, tenants: 1 });
  expect([asks("t"), asks("$agent:5"), asks("$agent:5", "go"), asks("$agent:6")]).toEqual([true, true, false, false]);
});
