import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { openTestExecution } from "../../runner/attempt-harness.ts";
import { probe } from "../../sandbox/probe.ts";
import type { NetworkPolicy } from "../../sandbox/sandbox.ts";
import { ReachableCopies } from "../reachable-copies.ts";
import type { InProcessRuntime } from "../runtime.ts";
import { type QueryOptions, querySupport } from "./query-runtimes.ts";
import { helpersOf, openQueries } from "./test-queries.ts";

const opened = await openTestExecution({ network: "none", prepared: 0, languages: [] });
afterAll(() => opened.dispose());

const openSqlite = (options: Partial<QueryOptions>): Promise<InProcessRuntime> => open("sqlite", options);

async function open(language: "sqlite" | "http", options: Partial<QueryOptions>): Promise<InProcessRuntime> {
  const { sandbox } = opened.execution;
  const context = {
    probe: (argv: readonly string[], mounts: Parameters<typeof probe>[2]) => probe(sandbox, argv, mounts),
    pathOf: sandbox.mountPath,
    copies: new ReachableCopies(opened.dir),
  };
  const wanted: QueryOptions = { sandbox, network: "none", metadataAllowed: false, tmpBytes: 16 * 1024 * 1024, ...options };
  const runtime = (await querySupport(wanted).detect(context))?.get(language);
  if (runtime?.kind !== "in-process") throw new Error("there is no such runtime");
  return runtime;
}

const one = (runtime: InProcessRuntime, workspace: string, code = "select 1 as a", network: NetworkPolicy = "none"): Promise<unknown> =>
  runtime.run({ workspace, code, argsJson: "{}", resultMaxBytes: 10_000, network, allow: [], say: () => undefined }, new AbortController().signal);
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

it("a helper that would grow old is replaced with its last job, and the next job finds another that has started", async () => {
  // Old as soon as it has had a job.
  const runtime = await openSqlite({ idleMs: 60_000, maxAgeMs: 60_000 });
  const seen = new Set<number>();
  for (const jobs of [1, 1, 2, 1]) {
    const results = await Promise.all(Array.from({ length: jobs }, () => one(runtime, "a")));
    for (const result of results) expect(result).toBe('[{"a":1}]');
    const isNew = (): boolean => helpersOf("sqlite").length === 1 && helpersOf("sqlite").every(({ pid }) => !seen.has(pid));
    while (!isNew()) await new Promise((resolve) => setTimeout(resolve, 5));
    for (const { pid } of helpersOf("sqlite")) seen.add(pid);
  }
  runtime.close();
  await until(0);
});

it("one that several jobs share is replaced when it is old: those that it has end in it, and later ones begin in another", async () => {
  const before = helpersOf("network").map(({ pid }) => pid);
  const isThere = (): number[] => helpersOf("network").flatMap(({ pid }) => (before.includes(pid) ? [] : [pid]));
  const waiting: ServerResponse[] = [];
  const server = createServer(({ url }, response) => void (url === "/slow" ? waiting.push(response) : response.end("quick"))).listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const base = typeof address === "object" ? `http://127.0.0.1:${address?.port}` : "";
  const runtime = await open("http", { network: "full", idleMs: 60_000, maxAgeMs: 60_000 });
  const ask = (path: string): Promise<unknown> => one(runtime, "a", JSON.stringify({ url: base + path }), "full");
  const first = ask("/slow");
  while (waiting.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  const [old] = isThere();
  for (const _ of [1, 2]) expect(await ask("/quick")).toContain("quick");
  expect(isThere()).toContain(old);
  for (const response of waiting) response.end("late");
  expect(await first).toContain("late");
  while (isThere().length !== 1 || isThere().includes(old ?? 0)) await new Promise((resolve) => setTimeout(resolve, 5));
  runtime.close();
  server.close();
  while (isThere().length > 0) await new Promise((resolve) => setTimeout(resolve, 5));
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
