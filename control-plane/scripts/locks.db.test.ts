import type pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { asJobId, asWorkspaceId } from "../../kernel/ids.ts";
import { createTestDatabase, openTestPool, type TestDatabase } from "../db/test-database.ts";
import { createWorkspaces, type Workspace } from "../workspaces/workspace-store.ts";
import { deployScript, presentScript } from "./deploy.ts";
import { askAgain, noteLockJob, pendingLockOf, pendingLocks, settleLock } from "./lock-store.ts";
import { createScriptCache } from "./script-cache.ts";
import { codeOf } from "./script-code.ts";
import { findVersion } from "./script-store.ts";

let database: TestDatabase;
let pool: pg.Pool;
let workspace: Workspace;
beforeAll(async () => {
  database = await createTestDatabase();
  pool = openTestPool(database.url);
  workspace = await createWorkspaces(pool).ensure("locks");
});
afterAll(async () => {
  await pool.end();
  await database.drop();
});

const JOB = asJobId("01a2000c-5c41-7000-92f2-ed0c5a100103");
const PANDAS = "import pandas\ndef main(): ...\n";

async function deploy(path: string, more: object = {}) {
  const cache = createScriptCache(pool, () => 0);
  return deployScript(pool, cache, workspace, "test", { path, language: "python3", content: PANDAS, ...more });
}

async function pending(hash: string) {
  const lock = await pendingLockOf(pool, workspace.id, hash);
  if (lock === undefined) throw new Error("it does not wait");
  return lock;
}

async function lockOf(hash: string) {
  return (await findVersion(pool, workspace.id, hash))?.lock;
}

test("a lock goes from waiting to ready once, whoever settles it first", async () => {
  const { version } = await deploy("f/l/once");
  expect(version.lock).toEqual({ state: "pending", lock: "", jobId: undefined, error: undefined });
  const lock = await pending(version.hash);
  await noteLockJob(pool, lock, JOB);
  expect(await pending(version.hash)).toEqual({ ...lock, jobId: JOB });
  await settleLock(pool, lock, { kind: "ready", lock: "a==1" });
  await settleLock(pool, lock, { kind: "ready", lock: "a==2" });
  await settleLock(pool, lock, { kind: "failed", error: "late" });
  await askAgain(pool, workspace.id, version.hash, "failed");
  expect(await lockOf(version.hash)).toEqual({ state: "ready", lock: "a==1", jobId: JOB, error: undefined });
  expect(await pendingLockOf(pool, workspace.id, version.hash)).toBeUndefined();
});

test("what belongs to an earlier round changes nothing", async () => {
  const { version } = await deploy("f/l/rounds");
  const first = await pending(version.hash);
  await settleLock(pool, first, { kind: "failed", error: "no network" });
  const again = await deploy("f/l/rounds");
  expect(again).toMatchObject({ created: false, version: { hash: version.hash, lock: { state: "pending", error: undefined } } });
  const second = await pending(version.hash);
  expect(second.round).toBe(first.round + 1);
  await noteLockJob(pool, first, JOB);
  await settleLock(pool, first, { kind: "ready", lock: "stale" });
  expect(await pending(version.hash)).toEqual(second);
  // A job that is no longer in history is asked for once more, but only from the round that knew it.
  await askAgain(pool, workspace.id, version.hash, "pending", first.round);
  expect((await pending(version.hash)).round).toBe(second.round);
});

test("a version with the same code takes over a lock that is ready; one with other code, of another path or without a ready one does not", async () => {
  const { version } = await deploy("f/l/take");
  expect((await deploy("f/l/take", { priority: 1 })).version.lock.state).toBe("pending");
  await settleLock(pool, await pending(version.hash), { kind: "ready", lock: "pandas==1" });
  expect((await deploy("f/l/take", { priority: 2 })).version.lock).toMatchObject({ state: "ready", lock: "pandas==1" });
  expect((await deploy("f/l/take", { content: `${PANDAS}\n` })).version.lock.state).toBe("pending");
  expect((await deploy("f/l/other")).version.lock.state).toBe("pending");
  expect((await deploy("f/l/take", { priority: 3, lock: "mine" })).version.lock).toMatchObject({ state: "ready", lock: "mine" });
});

test("looks go through all that wait, in turn", async () => {
  const { version } = await deploy("f/l/turn");
  const seen: string[] = [];
  for (let after: Awaited<ReturnType<typeof pendingLocks>>[number] | undefined; ; ) {
    const [next] = await pendingLocks(pool, after, 1);
    if (next === undefined) break;
    seen.push(next.hash);
    after = next;
  }
  expect(seen).toContain(version.hash);
  expect(new Set(seen).size).toBe(seen.length);
  expect(seen).toHaveLength((await pendingLocks(pool, undefined, 1000)).length);
  expect(await pendingLocks(pool, { workspace: asWorkspaceId("9223372036854775807"), hash: "" }, 10)).toEqual([]);
});

test("a cached version whose lock is not known is read again after a second, a final one never", async () => {
  let nowMs = 0;
  const cache = createScriptCache(pool, () => nowMs);
  const { version } = await deploy("f/l/cache");
  expect((await cache.loadVersion(workspace.id, version.hash))?.lock.state).toBe("pending");
  await settleLock(pool, await pending(version.hash), { kind: "ready", lock: "x" });
  nowMs = 999;
  expect(cache.version(workspace.id, version.hash)?.lock.state).toBe("pending");
  nowMs = 1000;
  expect(cache.version(workspace.id, version.hash)).toBeUndefined();
  const loaded = await cache.loadVersion(workspace.id, version.hash);
  expect(loaded === undefined ? undefined : codeOf(loaded).lock).toBe("x");
  nowMs = 1e9;
  expect(cache.version(workspace.id, version.hash)?.lock.lock).toBe("x");
});

test("requirements are stored, shown and part of the hash; without them the hash is what it always was", async () => {
  const plain = await deploy("f/l/place", { content: "def main(): ...\n" });
  expect(plain.version.hash).toBe("e03c9f3277848a00119aa1952d36f4f433951b0bd73526cfa989d3fb392489d0");
  const wanted = { network: ["10.0.0.0/8:5432"], min_sandbox_level: 1, memory_mb: 64, cpu_millis: 250, dedicated: false };
  const { version } = await deploy("f/l/place", { content: "def main(): ...\n", ...wanted });
  expect(version.hash).not.toBe(plain.version.hash);
  expect(version.requirements).toEqual(wanted);
  expect(presentScript(version)).toMatchObject({ ...wanted, lock_state: "none" });
  expect(plain.version.requirements).toBeUndefined();
});
