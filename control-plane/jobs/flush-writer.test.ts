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
  const connect = () => ({
    open: () => Promise.resolve(),
    close: () => Promise.resolve(),
    run: (_lane: number, operations: readonly FlushOperation[]) =>
      new Promise<FlushResult>((commit) => {
        underWay.push({ size: operations.length, commit });
      }),
  });
  const owner = { url: "", replicaId: "1", epoch: 1, connections: 2, onLeaseLost: nothing };
  const writer = new FlushWriter({ ...owner, log: { warn: nothing }, metrics: { flushed: nothing }, eager, connect });
  return {
    /** @returns sizes of the flushes that are under way then */
    async submit(count = 1, workspace = "1"): Promise<number[]> {
      for (let at = 0; at < count; at++) writer.submit(operation(workspace), nothing, nothing);
      await nextTurn();
      return underWay.map(({ size }) => size);
    },
    async commit(): Promise<number[]> {
      for (const { commit } of underWay.splice(0)) commit({ kind: "committed", gone: new Set() });
      // Large ones are followed up in slices.
      for (let turns = 0; turns < 3; turns++) await nextTurn();
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
