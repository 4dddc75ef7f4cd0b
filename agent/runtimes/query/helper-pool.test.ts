import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { openTestExecution } from "../../runner/attempt-harness.ts";
import { probe } from "../../sandbox/probe.ts";
import type { InProcessRuntime } from "../runtime.ts";
import { querySupport } from "./query-runtimes.ts";
import { helpersOf, openQueries } from "./test-queries.ts";

const opened = await openTestExecution({ network: "none", prepared: 0, languages: [] });
afterAll(() => opened.dispose());

async function openSqlite(options: { maxIdle?: number; idleMs?: number }): Promise<InProcessRuntime> {
  const { sandbox } = opened.execution;
  const context = {
    probe: (argv: readonly string[], mounts: Parameters<typeof probe>[2]) => probe(sandbox, argv, mounts),
    pathOf: sandbox.mountPath,
    execDir: opened.dir,
  };
  const runtimes = await querySupport({ sandbox, network: "none", metadataAllowed: false, tmpBytes: 16 * 1024 * 1024, ...options }).detect(context);
  const runtime = runtimes?.get("sqlite");
  if (runtime?.kind !== "in-process") throw new Error("there is no SQLite");
  return runtime;
}

const one = (runtime: InProcessRuntime, workspace: string): Promise<unknown> =>
  runtime.run(
    { workspace, code: "select 1 as a", argsJson: "{}", resultMaxBytes: 1_000, network: "none", allow: [], say: () => undefined },
    new AbortController().signal,
  );
/** The limit is that of the test. */
const until = async (count: number): Promise<void> => {
  while (helpersOf("sqlite").length !== count) await new Promise((resolve) => setTimeout(resolve, 5));
};

it("as many helpers as are allowed rest, those that were used last", async () => {
  const runtime = await openSqlite({ maxIdle: 2 });
  for (const workspace of ["a", "b", "a", "c"]) expect(await one(runtime, workspace)).toBe('[{"a":1}]');
  await until(2);
  const before = helpersOf("sqlite").map(({ pid }) => pid);
  for (const workspace of ["c", "a"]) await one(runtime, workspace);
  expect(helpersOf("sqlite").map(({ pid }) => pid)).toEqual(before);
  runtime.close();
  await until(0);
  expect(await one(runtime, "a")).toMatchObject({ kind: "refused" });
});

it("a helper that has rested long enough ends", async () => {
  const runtime = await openSqlite({ idleMs: 50 });
  await one(runtime, "a");
  await until(0);
  expect(await one(runtime, "a")).toBe('[{"a":1}]');
  runtime.close();
  await until(0);
});

it("without a sandbox helpers work too, and empty no folder but their own", async () => {
  const bystander = mkdtempSync(join(tmpdir(), "millrace-bystander-"));
  writeFileSync(join(bystander, "kept"), "");
  const off = await openQueries({ sandbox: "off" });
  expect((await off.run("sqlite", "create table t (a); insert into t values (1); select a from t", { database: "x.db" })).resultJson).toBe('[{"a":1}]');
  expect((await off.run("duckdb", "select 1 as a", { database: "x.db" })).resultJson).toBe('[{"a":1}]');
  expect((await off.run("sqlite", "select 1", { database: join(bystander, "kept") })).exit.message).toContain("must be `:memory:`");
  expect((await off.run("http", '{"url":"http://127.0.0.1:1/"}')).exit.message).toContain("ConnectionError");
  off.dispose();
  await until(0);
  rmSync(join(bystander, "kept"));
  rmSync(bystander, { recursive: true });
});
