import { describe, expect, test } from "vitest";
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

describe("beside a second owner", () => {
  const second = { replicaId: "2", isLocal: false } as OwnerPort;
  function shared(slots: number, held: { id: JobId; token: Token }[] = []): Seat {
    const seat = seatWith(slots, held);
    seat.join(second);
    return seat;
  }
  const given = (seat: Seat, of: OwnerPort): { target?: number; granted?: number } => seat.book.shares.get(of.replicaId) ?? {};

  test("an owner that goes leaves its own attempts behind and none of the other's", () => {
    const seat = shared(4);
    plan(seat);
    const [mine, theirs] = [attempt(), attempt()];
    seat.assigned("1", mine, undefined, 0);
    seat.assigned("2", theirs, undefined, 0);
    seat.leave(owner);
    expect([seat.book.orphans, seat.live.get(mine.token)?.cover, seat.live.get(theirs.token)?.cover]).toEqual([1, undefined, "2"]);
    expect([seat.ended(theirs.token), seat.book.orphans]).toEqual([false, 1]);
    expect([seat.ended(mine.token), seat.ended(mine.token), seat.book.orphans]).toEqual([true, false, 0]);
  });

  test("what one owner claims is not forgotten with the other, nor when the other gives something away", () => {
    const held = attempt();
    const seat = shared(4, [held]);
    seat.report(owner, adopt([held.token]));
    seat.leave(second);
    expect(seat.live.get(held.token)).toMatchObject({ cover: "1", claim: "1" });
    seat.join(second);
    expect(seat.report(second, { seq: 0, round: 1, slots: 0, uncovered: [held.token], adopted: [] })).toEqual({ orders: [], freed: true });
    expect([seat.live.get(held.token)?.cover, seat.live.get(held.token)?.claim, seat.book.orphans]).toEqual(["1", "1", 0]);
  });

  test("an attempt that an owner has is not counted again when it says so again, nor when another one says so; that one gets it when it is given away", () => {
    const held = attempt();
    const seat = shared(2, [held]);
    expect(seat.report(owner, adopt([held.token])).orders).toHaveLength(1);
    expect(seat.report(owner, adopt([held.token])).orders).toEqual([]);
    expect(seat.report(second, adopt([held.token])).orders).toEqual([]);
    expect([given(seat, owner).granted, given(seat, second).granted]).toEqual([1, 0]);
    const { orders } = seat.report(owner, { seq: 1, round: 1, slots: 0, uncovered: [held.token], adopted: [] });
    expect(orders).toMatchObject([{ owner: "2", slots: 1 }]);
    expect([given(seat, owner).granted, given(seat, second).granted, seat.book.orphans]).toEqual([0, 1, 0]);
  });

  test("what an owner runs here, and what waits for an agent like this one, is its need; what waits for others is not", () => {
    const waits = (tag: string, waiting: number) => new Map([[tag, { tag, language: "bash", waiting, tenants: 1 }]]);
    const planned = (of: { runs: number; tags: [string, string]; waiting: number; usable?: string }): unknown[] => {
      const seat = shared(6);
      for (let made = 0; made < of.runs; made++) seat.assigned("1", attempt(), undefined, 0);
      seat.plan(
        (replicaId) => replicaId === (of.usable ?? replicaId),
        (replicaId) => waits(replicaId === "1" ? of.tags[0] : of.tags[1], of.waiting),
        0,
      );
      return [given(seat, owner).target, given(seat, second).target];
    };
    expect(planned({ runs: 2, tags: ["other", "t"], waiting: 9 })).toEqual([2, 4]);
    expect(planned({ runs: 4, tags: ["other", "t"], waiting: 1 })).toEqual([4, 2]);
    expect(planned({ runs: 0, tags: ["other", "other"], waiting: 9 })).toEqual([3, 3]);
    expect(planned({ runs: 0, tags: ["t", "t"], waiting: 9, usable: "2" })).toEqual([0, 6]);
  });
});

test("a copy of an assignment is no second attempt, and does not bring one back whose owner has gone", () => {
  const seat = seatWith(2);
  const sent = attempt();
  seat.assigned("1", sent, undefined, 0);
  seat.leave(owner);
  seat.assigned("1", sent, undefined, 10);
  expect([seat.book.orphans, seat.live.get(sent.token)?.sinceMs]).toEqual([1, 0]);
  expect([seat.ended(sent.token), seat.book.orphans]).toEqual([true, 0]);
});

test("what an agent holds is said each time, also what is only on its way or was never given to it here", () => {
  const unknown = attempt();
  const seat = seatWith(2);
  const held = new Map([[unknown.id, unknown.token]]);
  expect(seat.keepalive(new Map(), 0).all?.size).toBe(0);
  for (const nowMs of [1, 2]) expect(seat.keepalive(held, nowMs).all).toEqual(held);
  const sent = attempt();
  seat.assigned("1", sent, undefined, 0);
  for (const nowMs of [3, 4]) expect(seat.keepalive(new Map(), nowMs).all).toEqual(new Map([[sent.id, sent.token]]));
});

test("another attempt of a job confirms nothing; an orphan that is lost makes room", () => {
  const seat = seatWith(2);
  const sent = attempt();
  seat.assigned("1", sent, undefined, 0);
  expect(seat.keepalive(new Map([[sent.id, attempt().token]]), 1).freed).toBe(false);
  expect(seat.live.get(sent.token)?.confirmed).toBe(false);
  expect(seat.keepalive(new Map(), 15_000).all?.size).toBe(1);
  expect(seat.keepalive(new Map(), 15_001).all?.size).toBe(0);
  const [first, last, given] = [attempt(), attempt(), attempt()];
  const returned = seatWith(3, [first, last]);
  returned.assigned("1", given, undefined, -20_000);
  // Of the two that are gone one is an owner's, which has its slot without being told.
  expect(returned.keepalive(new Map([[last.id, last.token]]), 1).freed).toBe(true);
  expect(returned.keepalive(new Map([[last.id, last.token]]), 2).freed).toBe(false);
});
