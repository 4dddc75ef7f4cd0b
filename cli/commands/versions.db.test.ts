import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { ApiClient } from "../api-client.ts";
import { type Finished, startCli } from "../scripted-api.fixture.ts";
import { openTestWorkspaces, type TestWorkspaces } from "../sync/test-workspaces.ts";

let server: TestWorkspaces;
let client: ApiClient;
beforeAll(async () => {
  server = await openTestWorkspaces();
  client = await server.client("main");
});
afterAll(() => server.close());

const millrace = (...args: string[]): Promise<Finished> => startCli(server.url, args, { MILLRACE_TOKEN: server.token }).finished;

async function ask<T>(method: string, path: string, body?: object, headers?: Record<string, string>): Promise<T> {
  return JSON.parse((await client.ask(method, path, body === undefined ? undefined : JSON.stringify(body), headers)) || "null");
}

interface Version {
  readonly hash: string;
  readonly path: string;
  readonly created?: boolean;
  readonly current?: boolean;
  readonly archived_at?: string;
  readonly archived_by?: string;
}

/** Both kinds keep to the same rules. */
describe.each([
  ["script", (path: string, text: string) => ({ path, language: "bash", content: `echo ${text}\n` })],
  ["flow", (path: string, text: string) => ({ path, yaml: `summary: ${text}\nvalue: {modules: []}\n` })],
] as const)("a %s", (kind, bodyOf) => {
  const deploy = (path: string, text: string, headers?: Record<string, string>): Promise<Version> => ask("POST", `/${kind}s`, bodyOf(path, text), headers);
  const versions = async (path: string): Promise<Version[]> => (await ask<{ versions: Version[] }>("GET", `/${kind}s/versions?path=${path}`)).versions;
  const listed = async (query = ""): Promise<string[]> => {
    const page = await ask<Record<string, Version[]>>("GET", `/${kind}s?prefix=f/${kind}${query}`);
    return (page[`${kind}s`] ?? []).map(({ path }) => path);
  };
  const at = (name: string): string => `f/${kind}/${name}`;

  test("has versions, the newest first, and what the path runs need not be the newest", async () => {
    const [one, two] = [await deploy(at("v"), "one"), await deploy(at("v"), "two")];
    await deploy(at("v"), "one");
    expect((await versions(at("v"))).map(({ hash, current }) => [hash, current])).toEqual([
      [two.hash, false],
      [one.hash, true],
    ]);
    const table = await millrace(kind, "versions", at("v"));
    expect(table.stdout).toMatch(new RegExp(`^VERSION .*\n${two.hash.slice(0, 12)} .*\n${one.hash.slice(0, 12)} .* current`));
    expect((await millrace(kind, "show", at("v"))).stdout).toContain("one");
    expect((await millrace(kind, "show", at("v"), two.hash.slice(0, 10))).stdout).toContain("two");
    const diff = await millrace(kind, "diff", at("v"), two.hash);
    expect(diff.stdout).toMatch(/^--- .*\n\+\+\+ current\/.*\n@@ .*\n-.*two\n\+.*one\n/);
    expect(await millrace(kind, "show", at("v"), "zz")).toMatchObject({ code: 3 });
  });

  test("is deployed only if its path is as the caller expects", async () => {
    const one = await deploy(at("e"), "one", { "if-none-match": "*" });
    await expect(deploy(at("e"), "two", { "if-none-match": "*" })).rejects.toMatchObject({ code: "aborted", status: 412 });
    const two = await deploy(at("e"), "two", { "if-match": `"${one.hash}"` });
    await expect(deploy(at("e"), "three", { "if-match": `"${one.hash}"` })).rejects.toMatchObject({ code: "aborted", status: 412 });
    await expect(deploy(at("none"), "x", { "if-match": `"${one.hash}"` })).rejects.toMatchObject({ status: 412 });
    await expect(deploy(at("e"), "three", { "if-match": "1" })).rejects.toMatchObject({ status: 400 });
    expect((await versions(at("e"))).map(({ hash }) => hash)).toEqual([two.hash, one.hash]);
    expect(await versions(at("none")).catch(({ status }: { status: number }) => status)).toBe(404);
  });

  test("that is archived is listed apart, says by whom, and is back by a deploy or an order", async () => {
    const one = await deploy(at("a"), "one");
    await expect(ask("POST", `/${kind}s/archive`, { path: at("a") }, { "if-match": `"${"0".repeat(64)}"` })).rejects.toMatchObject({ status: 412 });
    expect(await millrace(kind, "archive", at("a"))).toMatchObject({ code: 0, stderr: `${at("a")} is archived\n` });
    expect(await millrace(kind, "archive", at("a"))).toMatchObject({ code: 4, stderr: expect.stringContaining("is archived already") });
    expect(await listed()).not.toContain(at("a"));
    expect(await listed("&archived=true")).toEqual([at("a")]);
    expect((await millrace(kind, "list", "--archived")).stdout).toContain(at("a"));
    expect(await ask("GET", `/${kind}s/by-path?path=${at("a")}`)).toMatchObject({ hash: one.hash, archived_by: "test", archived_at: expect.any(String) });
    expect(await ask("POST", `/${kind}s/unarchive`, { path: at("a") })).not.toHaveProperty("archived_at");
    await expect(ask("POST", `/${kind}s/unarchive`, { path: at("a") })).rejects.toMatchObject({
      status: 409,
      message: expect.stringContaining("is not archived"),
    });
    await ask("POST", `/${kind}s/archive`, { path: at("a") });
    // Nothing is in use there.
    await deploy(at("a"), "two", { "if-none-match": "*" });
    expect(await listed()).toContain(at("a"));
  });

  test("that moves takes its versions along; its old path is free, also for the same as before", async () => {
    const one = await deploy(at("m"), "one");
    const two = await deploy(at("m"), "two");
    await deploy(at("taken"), "x");
    await expect(ask("POST", `/${kind}s/move`, { path: at("m"), to: at("taken") })).rejects.toMatchObject({ code: "already_exists" });
    await expect(ask("POST", `/${kind}s/move`, { path: at("m"), to: at("n") }, { "if-match": `"${one.hash}"` })).rejects.toMatchObject({ status: 412 });
    expect(await millrace(kind, "move", at("m"), at("n"))).toMatchObject({ code: 0, stderr: `${at("m")} is at ${at("n")} now\n` });
    const moved = await versions(at("n"));
    expect(moved.map(({ path, current }) => [path, current])).toEqual([
      [at("n"), true],
      [at("m"), false],
      [at("m"), false],
    ]);
    expect(moved.slice(1).map(({ hash }) => hash)).toEqual([two.hash, one.hash]);
    expect(await versions(at("m")).catch(({ status }: { status: number }) => status)).toBe(404);

    expect(await deploy(at("m"), "two")).toMatchObject({ hash: two.hash, created: false });
    expect((await versions(at("m"))).map(({ hash }) => hash)).toEqual([two.hash]);
    expect((await versions(at("n"))).map(({ hash }) => hash)).toEqual([moved[0]?.hash, one.hash]);
    expect(await ask("GET", `/${kind}s/by-path?path=${at("n")}`)).toMatchObject({ path: at("n"), hash: moved[0]?.hash });
  });
});

test("the path is part of a version: what moved has the hash that a deploy of the same would have, lock and settings included", async () => {
  const body = {
    language: "bash",
    content: "echo 1",
    lock: "fixed",
    summary: "S",
    retry: { max_attempts: 2, constant: { delay_s: 1 } },
    rate: [{ starts: 1, per_s: 2 }],
    memory_mb: 64,
  };
  await ask("POST", "/scripts", { path: "f/hash/a", ...body });
  const moved = await ask<Version>("POST", "/scripts/move", { path: "f/hash/a", to: "f/hash/b" });
  expect(await ask("POST", "/scripts", { path: "f/hash/b", ...body })).toMatchObject({ hash: moved.hash, created: false });
  expect(await ask("GET", "/scripts/by-path?path=f/hash/b")).toMatchObject({ lock: "fixed", lock_given: true });
});

test("drafts are kept per path and author, changed only as known, and are nobody else's", async () => {
  const at = "/drafts/by-path?kind=script&path=f/d/x";
  const first = await ask<{ revision: number }>("PUT", at, { value: { language: "python3", content: "def main(" } }, { "if-none-match": "*" });
  expect(first).toMatchObject({ kind: "script", path: "f/d/x", author: "test", revision: 1 });
  await expect(ask("PUT", at, { value: {} }, { "if-none-match": "*" })).rejects.toMatchObject({ status: 412 });
  expect(await ask("PUT", at, { value: { content: "2", odd: [1.5, null] } }, { "if-match": '"1"' })).toMatchObject({ revision: 2 });
  await expect(ask("PUT", at, { value: {} }, { "if-match": '"1"' })).rejects.toMatchObject({ status: 412 });
  expect(await ask("GET", at)).toMatchObject({ revision: 2, value: { content: "2", odd: [1.5, null] } });
  await ask("PUT", "/drafts/by-path?kind=flow&path=f/d/x", { value: { yaml: "summary: [" } });
  await server.pool.query(
    "INSERT INTO draft (workspace_id, kind, path, author, value) SELECT workspace_id, kind, path, 'bob', '{}' FROM draft WHERE kind = 'script'",
  );
  const list = (query: string): Promise<{ drafts: { kind: string; author: string }[]; next_cursor?: string }> => ask("GET", `/drafts${query}`);
  expect((await list("")).drafts.map(({ kind, author }) => [kind, author])).toEqual([
    ["flow", "test"],
    ["script", "test"],
  ]);
  const page = await list("?everybody=true&limit=2");
  expect(page.drafts.map(({ author }) => author)).toEqual(["test", "bob"]);
  expect((await list(`?everybody=true&cursor=${page.next_cursor}`)).drafts.map(({ author }) => author)).toEqual(["test"]);
  await expect(list("?cursor=nonsense")).rejects.toMatchObject({ status: 400 });
  // A draft is no script.
  await expect(ask("GET", "/scripts/by-path?path=f/d/x")).rejects.toMatchObject({ status: 404 });
  await ask("DELETE", at, undefined, { "if-match": '"2"' });
  await expect(ask("GET", at)).rejects.toMatchObject({ status: 404 });
  expect((await list("?everybody=true&kind=script")).drafts.map(({ author }) => author)).toEqual(["bob"]);
});

test("millrace draft keeps a file as it is, shows it, and deploys it as `deploy` would", async () => {
  const folder = mkdtempSync(join(tmpdir(), "millrace-drafts-"));
  const file = (name: string, text: string): string => {
    const path = join(folder, name);
    writeFileSync(path, text);
    return path;
  };
  const code = 'name="$1"\necho "é $name"\n';
  const script = file("greet.sh", code);
  const flow = file("daily.flow.yaml", "# kept\nsummary: Daily\nvalue: {modules: []}\n");
  expect(await millrace("draft", "save", script)).toMatchObject({ code: 2, stderr: expect.stringContaining("--path") });
  expect(await millrace("draft", "save", script, "--path", "f/dr/greet")).toMatchObject({ code: 0, stderr: "the draft of the script f/dr/greet is saved\n" });
  expect(await millrace("draft", "save", flow, "--path", "f/dr/greet")).toMatchObject({ code: 0, stderr: "the draft of the flow f/dr/greet is saved\n" });
  expect((await millrace("draft", "list")).stdout).toMatch(/\nflow +f\/dr\/greet +test .*\nscript +f\/dr\/greet +test .*/);
  expect(await millrace("draft", "show", "f/dr/greet")).toMatchObject({ code: 2, stderr: expect.stringContaining("--kind") });
  expect((await millrace("draft", "show", "f/dr/greet", "--kind", "script")).stdout).toBe(code);
  expect((await millrace("draft", "show", "f/dr/greet", "--kind", "flow")).stdout).toBe("# kept\nsummary: Daily\nvalue: {modules: []}\n");
  expect(await millrace("draft", "deploy", "f/dr/greet", "--kind", "flow")).toMatchObject({ code: 0, stderr: "f/dr/greet is deployed\n" });
  expect(await ask("GET", "/flows/by-path?path=f/dr/greet")).toMatchObject({ summary: "Daily", yaml: expect.stringContaining("# kept") });
  // The flow's draft is gone: one is left of the path.
  expect(await millrace("draft", "deploy", "f/dr/greet")).toMatchObject({ code: 0, stderr: "f/dr/greet is deployed\n" });
  expect((await millrace("script", "show", "f/dr/greet")).stdout).toBe(code);
  expect(await millrace("draft", "show", "f/dr/greet")).toMatchObject({ code: 3 });
  await millrace("draft", "save", script, "--path", "f/dr/greet");
  expect(await millrace("draft", "deploy", "f/dr/greet")).toMatchObject({ code: 0, stderr: "f/dr/greet runs this version already\n" });
  await millrace("draft", "save", script, "--path", "f/dr/greet");
  expect(await millrace("draft", "delete", "f/dr/greet")).toMatchObject({ code: 0, stderr: "the draft of the script f/dr/greet is deleted\n" });
  expect((await millrace("draft", "list", "--json")).stdout).not.toContain("f/dr/greet");
  rmSync(folder, { recursive: true });
});
