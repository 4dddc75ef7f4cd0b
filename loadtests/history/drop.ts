import { setTimeout as sleep } from "node:timers/promises";
import type pg from "pg";
import { withExclusiveSession } from "../../control-plane/db/session.ts";
import { DAY_MS } from "../../control-plane/housekeeping/partition-store.ts";
import { runRetention } from "../../control-plane/housekeeping/retention.ts";
import { FlushWriter } from "../../control-plane/jobs/flush-writer.ts";
import { type FlushOperation, type FlushOutcome, shardOf } from "../../control-plane/jobs/model.ts";
import { acquireLease } from "../../control-plane/scheduler/lease-store.ts";
import { exitOf } from "../../kernel/exit.ts";
import { asAgentKey, asToken, asWorkspaceId, createJobIdGenerator } from "../../kernel/ids.ts";

const log = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
/** Whole lives that are under way at a time, and those that begin each millisecond: well below what the machine can do, so that a stall shows as one. */
const EVERY_MS = 10;
const PER_TICK = 20;

/**
 * What the hot path feels while past days are let go: jobs are dispatched and ended at a steady rate through the group commit, first alone, then
 * while the oldest days are thinned or dropped one after the other. The figure is the time from the submission of a dispatch to its commit.
 */
export async function measureDrop(
  url: string,
  pool: pg.Pool,
  workspace: string,
  days: readonly number[],
  drops: number,
  say: (text: string) => void,
): Promise<Record<string, number>> {
  const acquired = await acquireLease(pool, { name: "history", address: "", version: "" });
  if (acquired.kind !== "acquired") throw new Error("the lease is not free");
  const writer = new FlushWriter({ url, ...acquired.lease, connections: 2, log, metrics: { flushed: () => undefined }, onLeaseLost: () => undefined });
  await writer.start();
  const load = startLoad(writer, workspace, say);
  await sleep(5000);
  load.take();
  await sleep(20_000);
  const alone = load.take();
  // The oldest days are let go one by one: what is measured is many drops, not one.
  const took: number[] = [];
  for (const day of days.slice(0, drops)) {
    const begun = performance.now();
    const retentionMs = Date.now() - (day + DAY_MS) - 1000;
    await withExclusiveSession(url, "cold-days", (session) =>
      runRetention(session, { nowMs: Date.now(), retentionMs, archiver: undefined, forgetLogs: async () => undefined, log }),
    );
    took.push(performance.now() - begun);
    await sleep(1000);
  }
  const during = load.take();
  await load.stop();
  await writer.stop();
  const p = (times: number[], share: number): number => times.sort((a, b) => a - b)[Math.min(times.length - 1, Math.floor(times.length * share))] ?? 0;
  const round = (ms: number): number => Math.round(ms * 10) / 10;
  for (const [name, times] of [
    ["alone", alone],
    ["while days are dropped", during],
  ] as const)
    say(`dispatch commit ${name}: ${times.length} jobs, p50 ${round(p(times, 0.5))}, p99 ${round(p(times, 0.99))}, max ${round(p(times, 1))} ms`);
  say(`${took.length} days dropped, each in ${took.map((ms) => Math.round(ms)).join(", ")} ms`);
  return {
    "drop: dispatch commit max ms": round(p(during, 1)),
    "drop: dispatch commit p99 ms": round(p(during, 0.99)),
    "drop: dispatch commit max ms without": round(p(alone, 1)),
  };
}

function startLoad(writer: FlushWriter, key: string, say: (text: string) => void): { take(): number[]; stop(): Promise<void> } {
  const workspace = asWorkspaceId(key);
  const newId = createJobIdGenerator(() => Date.now());
  const shard = shardOf(workspace);
  const submit = (operation: FlushOperation): Promise<FlushOutcome> => new Promise((resolve, reject) => writer.submit(operation, resolve, reject));
  let times: number[] = [];
  let token = Date.now() * 1000;
  let open = 0;
  const live = async (): Promise<void> => {
    open += 1;
    token += 1;
    const of = asToken(String(token));
    const job = {
      id: newId(),
      workspace,
      shard,
      tag: "default",
      language: "noop",
      prio: 4,
      dueAtMs: Date.now(),
      attempt: 0,
      lost: 0,
      scriptId: undefined,
      timeoutMs: undefined,
    };
    const begun = performance.now();
    const payload = { kind: "inline", scriptHash: undefined, code: "", argsJson: "{}", createdBy: "history" } as const;
    await submit({ kind: "insert", job, payload, direct: { token: of, agent: asAgentKey("1") } });
    times.push(performance.now() - begun);
    const now = Date.now();
    const end = {
      id: job.id,
      workspace,
      token: of,
      exit: exitOf("succeeded"),
      resultJson: "1",
      startedAtMs: now,
      doneAtMs: now,
      runUs: 5,
      logChunks: 0,
      logBytes: 0,
      logDroppedBytes: 0,
    };
    await submit({ kind: "finish", job, end });
    open -= 1;
  };
  const timer = setInterval(() => {
    for (let n = 0; n < PER_TICK; n++) live().catch((error: unknown) => say(`a job failed: ${String(error)}`));
  }, EVERY_MS);
  return {
    take() {
      const taken = times;
      times = [];
      return taken;
    },
    async stop() {
      clearInterval(timer);
      for (let waited = 0; open > 0 && waited < 100; waited++) await sleep(50);
    },
  };
}
