import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { asJobId, asToken, asWorkspaceId } from "../../kernel/ids.ts";
import { nextTurn } from "../../kernel/slices.ts";
import type { FlushResult } from "./flush-store.ts";
import { FlushWriter } from "./flush-writer.ts";
import type { FlushOperation } from "./model.ts";

const nothing = (): void => undefined;
let made = 0;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["performance", "setTimeout", "clearTimeout"] });
});
afterEach(() => {
  vi.useRealTimers();
});

function operation(workspace: string): FlushOperation {
  made += 1;
  const job = {
    id: asJobId(`00000000-0000-7000-8000-${String(made).padStart(12, "0")}`),
    workspace: asWorkspaceId(workspace),
    shard: 0,
    tag: "default",
    language: "bash",
    prio: 4,
    dueAtMs: 0,
    attempt: 0,
    lost: 0,
    scriptId: undefined,
    timeoutMs: undefined,
  };
  return { kind: "requeue", job, token: asToken("1") };
}

/** A writer whose commits come when the test says so. */
function open(eager: boolean) {
  const underWay: { size: number; commit: (result: FlushResult) => void }[] = [];
  /** How many operations have been settled, and had been when the first connection was closed. */
  const settled = { now: 0, atClose: -1 };
  const settle = (): void => {
    settled.now += 1;
  };
  const connect = () => ({
    open: () => Promise.resolve(),
    close: () => {
      if (settled.atClose < 0) settled.atClose = settled.now;
      return Promise.resolve();
    },
    run: (_lane: number, operations: readonly FlushOperation[]) =>
      new Promise<FlushResult>((commit) => {
        underWay.push({ size: operations.length, commit });
      }),
  });
  const owner = { url: "", replicaId: "1", epoch: 1, connections: 2, onLeaseLost: nothing };
  const writer = new FlushWriter({ ...owner, log: { warn: nothing }, metrics: { flushed: nothing }, eager, connect });
  return {
    settled,
    stop: () => writer.stop(),
    /** @returns sizes of the flushes that are under way then */
    async submit(count = 1, workspace = "1"): Promise<number[]> {
      for (let at = 0; at < count; at++) writer.submit(operation(workspace), settle, nothing);
      await nextTurn();
      return underWay.map(({ size }) => size);
    },
    /** Commits all that is under way. @returns how many operations were settled in each turn of the event loop from then on */
    async settledByTurn(): Promise<number[]> {
      const after = [settled.now];
      for (const { commit } of underWay.splice(0)) commit({ kind: "committed", gone: new Set() });
      do {
        // What an answer sets off comes before the turn ends.
        for (let microtasks = 0; microtasks < 20; microtasks++) await Promise.resolve();
        after.push(settled.now);
        await nextTurn();
      } while (after.at(-1) !== settled.now);
      return after.slice(1).map((sum, turn) => sum - (after[turn] ?? 0));
    },
    async commit(): Promise<number[]> {
      for (const { commit } of underWay.splice(0)) commit({ kind: "committed", gone: new Set() });
      // Large ones are followed up in slices.
      for (let turns = 0; turns < 5; turns++) await nextTurn();
      return underWay.map(({ size }) => size);
    },
  };
}

test("what comes during a flush gathers for the next one", async () => {
  const { submit, commit } = open(false);
  expect([await submit(), await submit(), await submit()]).toEqual([[1], [1], [1]]);
  expect(await commit()).toEqual([2]);
});

test("while there is little to do an eager writer lets nobody wait for another one's commit, and gathers as soon as there is more", async () => {
  const { submit, commit } = open(true);
  expect([await submit(), await submit()]).toEqual([[1], [1, 1]]);
  for (let flushes = 2; flushes < 8; flushes++) {
    expect(await commit()).toEqual([]);
    await submit();
  }
  expect(await submit()).toEqual([1]);
  expect(await commit()).toEqual([1]);
  await commit();
  vi.advanceTimersByTime(101);
  expect([await submit(), await submit()]).toEqual([[1], [1, 1]]);
});

test("a workspace that has nothing in a large flush goes past it; one that has waits for the next", async () => {
  const { submit, commit } = open(false);
  expect(await submit(100)).toEqual([100]);
  expect(await submit()).toEqual([100]);
  expect(await submit(2, "2")).toEqual([100, 2]);
  expect(await submit(1, "3")).toEqual([100, 2, 1]);
  expect(await commit()).toEqual([1]);
});

test("a large flush is followed up in one turn; in slices while workspaces share the writer", async () => {
  const alone = open(false);
  await alone.submit(200);
  expect(await alone.settledByTurn()).toEqual([200]);
  const shared = open(false);
  await shared.submit(200);
  await shared.submit(1, "2");
  expect(await shared.settledByTurn()).toEqual([64 + 1, 64, 64, 8]);
});

test("a flush that takes several turns to follow up leaves the thread to others in between", async () => {
  const { submit, settledByTurn } = open(false);
  await submit(1);
  await submit(833);
  expect(await settledByTurn()).toEqual([1 + 512, 833 - 512]);
});

test("a writer that stops follows up what it wrote before it closes its connections", async () => {
  const { submit, commit, settled, stop } = open(false);
  await submit(130);
  const stopped = stop();
  await commit();
  await stopped;
  expect(settled).toEqual({ now: 130, atClose: 130 });
});
