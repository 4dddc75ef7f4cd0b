// How a replica learns of what others change. What that costs one that has nothing to do is a figure of the load test `idle-latency`.
import { Pool } from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { asWorkspaceId, type WorkspaceId } from "../../kernel/ids.ts";
import { registerSession } from "../agents/agent-store.ts";
import { orderAgent, type StandingOrders } from "../agents/order-store.ts";
import { watchOrders } from "../agents/order-watch.ts";
import { deleteHook, insertHook, pauseHook } from "../notifications/hook-store.ts";
import { WantedEvents } from "../notifications/wanted-events.ts";
import { writeQuotas } from "../quotas/quota-store.ts";
import { Quotas } from "../quotas/quotas.ts";
import { hasPendingLocks } from "../scripts/lock-store.ts";
import type { Log } from "../telemetry/log.ts";
import { changedWorkspaceLimits, hasChangedLimits, writeWorkspaceLimits } from "../workspaces/workspace-limit-store.ts";
import { ChangeWatch, type Watched } from "./change-watch.ts";
import { createPools } from "./pools.ts";
import { createTestDatabase, openTestPool, type TestDatabase } from "./test-database.ts";

let database: TestDatabase;
let pool: Pool;
let workspace: WorkspaceId;
const said: Record<string, unknown>[] = [];
const quiet = (): void => undefined;
const log = { debug: quiet, info: quiet, error: quiet, warn: (fields: Record<string, unknown>) => void said.push(fields) };
const clock = { nowMs: 0, wallMs: () => clock.nowMs, monotonicMs: () => clock.nowMs };

beforeAll(async () => {
  database = await createTestDatabase();
  pool = openTestPool(database.url);
  const { rows } = await pool.query<{ id: string }>("INSERT INTO workspace (name) VALUES ('watched') RETURNING id::text");
  workspace = asWorkspaceId(rows[0]?.id ?? "");
});
afterAll(async () => {
  await pool.end();
  await database.drop();
});

/** A watch over some things. `look` says what was read, when all of it has been. */
function watching(things: readonly Watched[], on = pool): { changes: ChangeWatch; look: () => Promise<string[]> } {
  const changes = new ChangeWatch({ owner: on }, clock, log);
  let names: string[] = [];
  let reads: Promise<unknown>[] = [];
  for (const thing of things) {
    const read = (): Promise<unknown> => {
      names.push(thing.name);
      const reading = thing.read();
      reads.push(reading);
      return reading;
    };
    changes.watch({ name: thing.name, isNew: thing.isNew, since: () => thing.since(), read, ...(thing.restMs !== undefined && { restMs: thing.restMs }) });
  }
  return {
    changes,
    async look() {
      [names, reads] = [[], []];
      await changes.look();
      await Promise.allSettled(reads);
      return names;
    },
  };
}

/** Something that is new when `state.isNew` says so. */
function thing(name: string, state: { isNew: string; read?: () => Promise<unknown> }): Watched {
  return { name, isNew: () => state.isNew, since: () => "", read: () => state.read?.() ?? Promise.resolve() };
}

const NO_QUOTAS = { requestsPerS: undefined, tokenRequestsPerS: undefined, jobsPerMinute: undefined, maxQueued: undefined, maxStorageBytes: undefined };

test("what others change is read at the next look, and nothing else is", async () => {
  const quotas = new Quotas(pool, { ...NO_QUOTAS, anonymousPerS: undefined });
  const hooks = new WantedEvents(pool);
  const orders: StandingOrders[] = [];
  let limitsSince = "0";
  const limits: Watched = {
    name: "limits",
    isNew: hasChangedLimits,
    since: () => limitsSince,
    async read() {
      limitsSince = (await changedWorkspaceLimits(pool, limitsSince)).next;
    },
  };
  const locks: Watched = { name: "locks", isNew: hasPendingLocks, since: () => "", read: () => Promise.resolve(), restMs: 5000 };
  const { look } = watching([quotas, hooks, limits, locks, watchOrders(pool, (standing) => void orders.push(standing))]);
  const agentId = crypto.randomUUID();
  await registerSession(pool, { agentId, name: "a", workspace, tokenId: "t", order: { start: 1, dial: 1 } });
  expect(await look()).toEqual(["hooks", "orders to agents"]);
  expect(await look()).toEqual([]);

  // A transaction of another test may be older than a change: until it has ended the change comes again.
  const untilQuiet = (): Promise<void> => expect.poll(look).toEqual([]);
  await writeQuotas(pool, workspace, { ...NO_QUOTAS, maxQueued: 7 }, "test");
  expect(await look()).toEqual(["quotas"]);
  expect(quotas.of(workspace, "maxQueued")).toBe(7);
  await untilQuiet();
  await writeWorkspaceLimits(pool, workspace, { weight: 2, maxRunning: undefined }, "test");
  expect(await look()).toEqual(["limits"]);
  await untilQuiet();

  const hook = { path: "f/a/hook", url: "https://example.org", events: ["job.failed" as const], pathPrefix: "", paused: false, description: "", by: "test" };
  const wanted = async (): Promise<[string[], boolean]> => [await look(), hooks.of(workspace)?.failed === true];
  await insertHook(pool, workspace, hook, 10);
  expect(await wanted()).toEqual([["hooks"], true]);
  await pauseHook(pool, workspace, hook.path, true, "test", undefined);
  expect(await wanted()).toEqual([["hooks"], false]);
  await pauseHook(pool, workspace, hook.path, false, "test", undefined);
  expect(await wanted()).toEqual([["hooks"], true]);
  await deleteHook(pool, workspace, hook.path, undefined);
  expect(await wanted()).toEqual([["hooks"], false]);
  expect(await look()).toEqual([]);

  // A lock stays pending until its job has ended.
  await pool.query("INSERT INTO script_lock (workspace_id, hash, state) VALUES ($1, 'h', 0)", [workspace]);
  expect([await look(), await look()]).toEqual([["locks"], []]);
  clock.nowMs += 5000;
  expect(await look()).toEqual(["locks"]);

  await orderAgent(pool, agentId, "pause", { workspace, withShared: false, label: "x" });
  expect(await look()).toEqual(["orders to agents"]);
  expect(orders).toEqual([expect.objectContaining({ paused: true, revoked: false })]);
});

test("readers that hold all connections of the API keep nobody from learning of a change", async () => {
  const pools = createPools(database.url, log as unknown as Log);
  const readers = await Promise.all(Array.from({ length: pools.api.options.max }, () => pools.api.connect()));
  let reads = 0;
  const changes = new ChangeWatch(pools, clock, log);
  const read = async (): Promise<void> => {
    reads += 1;
  };
  changes.watch(thing("limits", { isNew: "true", read }));
  await changes.look();
  for (const reader of readers) reader.release();
  await pools.close();
  expect(reads).toBe(1);
});

describe("a look that fails", () => {
  test("because of one of its questions keeps nobody from reading, and is told", async () => {
    const broken = { isNew: "1 / 0 = 1" };
    const { changes, look } = watching([thing("one", broken), thing("two", { isNew: "false" })]);
    clock.nowMs += 3000;
    said.length = 0;
    expect(await look()).toEqual(["one", "two"]);
    expect(changes.unseenMs).toBe(3000);
    expect(said).toEqual([expect.objectContaining({ event: "changes.not_seen", unseenS: 3 })]);
    broken.isNew = "false";
    expect([await look(), changes.unseenMs]).toEqual([[], 0]);
  });

  test("because there is no server reads nothing", async () => {
    const away = new Pool({ host: "127.0.0.1", port: 1 });
    const { look, changes } = watching([thing("one", { isNew: "true" })], away);
    clock.nowMs += 2000;
    expect([await look(), changes.unseenMs]).toEqual([[], 2000]);
    await away.end();
  });
});

test("a read that takes long holds up no other, and is not begun twice; one that failed is tried again at once", async () => {
  let done = quiet;
  let fails = true;
  const untilDone = (resolve: () => void): void => {
    done = resolve;
  };
  const slow = thing("slow", { isNew: "true", read: () => new Promise<void>(untilDone) });
  const failing: Watched = { ...thing("failing", { isNew: "true", read: () => (fails ? Promise.reject(new Error("no")) : Promise.resolve()) }), restMs: 1000 };
  const changes = new ChangeWatch({ owner: pool }, clock, log);
  const begun: string[] = [];
  for (const one of [slow, failing]) {
    const read = (): Promise<unknown> => {
      begun.push(one.name);
      return one.read();
    };
    changes.watch({ ...one, read });
  }
  await changes.look();
  await changes.look();
  expect(begun).toEqual(["slow", "failing", "failing"]);
  fails = false;
  done();
  await changes.look();
  await changes.look();
  expect(begun.slice(3).sort()).toEqual(["failing", "slow"]);
});
