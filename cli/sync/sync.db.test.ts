import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { PutSchedule } from "../../control-plane/schedules/contract.ts";
import type { DeployScriptRequest } from "../../control-plane/scripts/contract.ts";
import { fc } from "../../kernel/fast-check.fixture.ts";
import { LANGUAGES } from "../../kernel/languages.ts";
import type { ApiClient } from "../api-client.ts";
import { deployFiles } from "../deploy.ts";
import { planDeploy } from "../deploy-plan.ts";
import { type Finished, startCli } from "../scripted-api.fixture.ts";
import { ITEM_KINDS, type SyncItem } from "./item.ts";
import { SYNC_KINDS } from "./kinds/all-kinds.ts";
import { flowItem } from "./kinds/flow.ts";
import { resourceItem } from "./kinds/resource.ts";
import { resourceTypeItem } from "./kinds/resource-type.ts";
import { scheduleItem } from "./kinds/schedule.ts";
import { scriptItem } from "./kinds/script.ts";
import { variableItem } from "./kinds/variable.ts";
import { readLocal } from "./local.ts";
import { applyPull, planPull } from "./pull.ts";
import { scriptSuffix } from "./script-names.ts";
import { planSend } from "./send.ts";
import { openTestWorkspaces, type TestWorkspaces } from "./test-workspaces.ts";

let server: TestWorkspaces;
beforeAll(async () => {
  server = await openTestWorkspaces();
});
afterAll(() => server.close());

const newFolder = (): string => mkdtempSync(join(tmpdir(), "millrace-sync-"));

/** Files of a folder with their texts; what is only for this folder is left out. */
function filesOf(folder: string): Record<string, string> {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const paths = files.map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1)).filter((path) => !path.startsWith(".millrace/"));
  return Object.fromEntries(paths.sort().map((path) => [path, readFileSync(join(folder, path), "utf8")]));
}

async function pull(client: ApiClient, folder: string): Promise<void> {
  const plan = await planPull(client.ask, { folder, prefix: undefined, target: "test", force: false });
  expect(plan.conflicts).toEqual([]);
  await applyPull(client.ask, plan, "test", false);
}

const put = async (client: ApiClient, item: SyncItem): Promise<unknown> => SYNC_KINDS[item.kind].put(client.ask, item, undefined);

describe("generated workspaces", () => {
  const segment = fc.oneof(
    { weight: 3, arbitrary: fc.stringMatching(/^[A-Za-z0-9_.-]{1,8}$/) },
    { weight: 2, arbitrary: fc.constantFrom(".", "..", ".git", "a.", "CON", "node_modules", "x.flow", "y__flow", "A", "a", "b.py", "c.script", "d.variable") },
  );
  const path = fc
    .tuple(fc.constantFrom("f", "u"), fc.constantFrom("Team", "team", "ann", "venv", "q__flow"), fc.array(segment, { minLength: 1, maxLength: 2 }))
    .map(([first, second, rest]) => [first, second, ...rest].join("/"));
  const text = fc
    .oneof(fc.string({ unit: "grapheme", maxLength: 20 }), fc.constantFrom("", "line\n", "\r\n", "\ufefftext", "no end", "'\"$`\\"))
    .map((value) => value.replaceAll("\0", ""));
  const code = fc
    .tuple(fc.constantFrom("# ", "\ufeff# "), text, fc.constantFrom("", "\n", "\r\n", "\n\n"))
    .map(([start, middle, end]) => `${start}${middle.replaceAll(/[\r\n\u2028\u2029]/g, " ")}${end}`);
  const settings = fc.record(
    {
      summary: text.filter((value) => value.length < 900),
      tag: fc.constantFrom("default", "gpu"),
      timeout_ms: fc.integer({ min: 60_000, max: 90_000 }),
      priority: fc.integer({ min: 0, max: 9 }),
      retry: fc.constantFrom<NonNullable<DeployScriptRequest["retry"]>[]>(
        { max_attempts: 3, constant: { delay_s: 1.5 } },
        { max_attempts: 2, retry_if: { exit_codes: [1], reasons: ["exit_code"] } },
      ),
      soft_timeout_ms: fc.integer({ min: 100, max: 50_000 }),
      queue_ttl_s: fc.integer({ min: 1, max: 99 }),
      concurrency: fc.constant<Array<{ key: string; limit: number; strategy: "fail" }>>([{ key: "k $args[a]", limit: 2, strategy: "fail" }]),
      rate: fc.constant<Array<{ starts: number; per_s: number }>>([{ starts: 3, per_s: 0.5 }]),
      debounce: fc.constant({ delay_s: 1 }),
      network: fc.constantFrom<NonNullable<DeployScriptRequest["network"]>[]>("none", ["example.org:443"]),
      memory_mb: fc.constant(64),
      lock: text,
    },
    { requiredKeys: [] },
  );
  const json = fc.json({ maxDepth: 2 }).map((value) => value.replaceAll("__proto__", "proto"));
  const item: fc.Arbitrary<SyncItem> = fc.oneof(
    fc.tuple(path, fc.constantFrom("bash", "http", "postgresql"), code, settings).map(([at, language, content, rest]) =>
      scriptItem({
        path: at,
        language,
        content: language === "bash" ? content : language === "http" ? '{"url": "https://example.org"}\n' : "SELECT 1",
        ...rest,
      }),
    ),
    fc.tuple(path, text).map(([at, note]) => flowItem({ path: at, yaml: `# ${note.replaceAll(/[^\x20-\x7e]/g, "?")}\nsummary: s\nvalue: {modules: []}\n` })),
    fc
      .tuple(
        path,
        fc.jsonValue({ maxDepth: 2 }).filter((value) => !JSON.stringify(value).includes("__proto__")),
      )
      .map(([at, extra]) => flowItem({ path: at, document: { summary: "s", value: { modules: [] }, extra } })),
    fc.tuple(path, text, text).map(([at, value, description]) => variableItem(at, { value, description })),
    fc.tuple(path, text).map(([at, description]) => variableItem(at, { is_secret: true, description })),
    fc
      .tuple(path, json, text)
      .map(([at, value, description]) =>
        resourceItem(at, { type: "thing", value: value.length % 5 === 0 ? JSON.rawJSON("12345678901234567890.50") : JSON.parse(value), description }),
      ),
    fc
      .tuple(fc.constantFrom("thing", "other_1"), text, fc.boolean())
      .map(([name, description, has]) => resourceTypeItem(name, { description, ...(has && { schema: { title: "T" } }) })),
  );

  // What is scheduled has to be there.
  const target = scriptItem({ path: "f/jobs/target", language: "bash", content: "echo" });
  const handler = fc.record({ script: fc.constant("f/jobs/target"), after: fc.constantFrom(1, 2) });
  const schedule = fc
    .record(
      {
        timezone: fc.constantFrom("UTC", "Europe/Berlin"),
        args: fc.constantFrom<Record<string, unknown>[]>({}, { b: 1, a: ["$var:f/a/b"] }),
        overlap: fc.constantFrom("skip" as const, "queue" as const),
        catch_up: fc.constantFrom<NonNullable<PutSchedule["catch_up"]>[]>({ policy: "none" }, { policy: "all", window_s: 60, max: 2 }),
        paused: fc.boolean(),
        description: text,
        priority: fc.constant(3),
        on_error: handler,
        on_recovery: handler,
      },
      { requiredKeys: [] },
    )
    .map((rest) => scheduleItem("f/jobs/tick", { cron: "0 30 7 * * 1-5", script: "f/jobs/target", ...rest }));

  test("deploy then pull is a fixed point, whatever paths are called, and two pulls give the same bytes", async () => {
    let runs = 0;
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(item, { selector: ({ kind, path: at }) => `${kind} ${at}`, maxLength: 10 }), schedule, async (others, tick) => {
        const items = [target, ...others, tick];
        const [here, there] = [await server.client(`here-${runs}`), await server.client(`there-${runs++}`)];
        for (const one of items) await put(here, withSecret(one));
        const [first, second, third] = [newFolder(), newFolder(), newFolder()];
        await pull(here, first);
        await pull(here, second);
        expect(filesOf(second)).toEqual(filesOf(first));

        const local = readLocal(first, undefined);
        expect([...local.problems]).toEqual([]);
        expect([...local.items.keys()].sort()).toEqual(items.map(({ kind, path: at }) => `${kind} ${at}`).sort());
        const plan = await planSend(here.ask, { items: local.items, base: "", known: undefined, force: true });
        expect([...plan.send, ...plan.remove]).toEqual([]);

        // Values of secrets are in no folder: they have to be there.
        for (const one of items) if (one.body.includes('"is_secret":true')) await put(there, withSecret(one));
        const deployed = await deployFiles(there, planDeploy(first, undefined), () => undefined);
        expect(deployed.filter(({ status }) => status === "failed")).toEqual([]);
        await pull(there, third);
        expect(filesOf(third)).toEqual(filesOf(first));
        await pull(there, first);
        expect(filesOf(first)).toEqual(filesOf(third));
        for (const folder of [first, second, third]) rmSync(folder, { recursive: true });
      }),
      { numRuns: 4, endOnFailure: true },
    );
  }, 120_000);

  test("every language has a name on disk that is read as that language", async () => {
    const client = await server.client("languages");
    const folder = newFolder();
    writeFileSync(join(folder, "millrace.json"), '{"prefix": ""}');
    for (const language of [...LANGUAGES, "noop"]) {
      mkdirSync(join(folder, "f/x"), { recursive: true });
      writeFileSync(join(folder, `f/x/${language}${scriptSuffix(language)}`), "");
    }
    const found = [...readLocal(folder, undefined).items.values()].map(({ item: one }) => JSON.parse(one.body) as { path: string; language: string });
    expect(found.map(({ path: at, language }) => [at, language]).sort()).toEqual([...LANGUAGES, "noop"].map((name) => [`f/x/${name}`, name]).sort());
    expect(ITEM_KINDS.length).toBe(Object.keys(SYNC_KINDS).length);
    expect(client.settings.workspace).toBe("languages");
  });
});

/** With a value, as somebody has set it. */
function withSecret(item: SyncItem): SyncItem {
  return item.body.includes('"is_secret":true') ? { ...item, body: JSON.stringify({ ...JSON.parse(item.body), value: "hunter2-hunter2" }) } : item;
}

describe("two people with a folder each", () => {
  let client: ApiClient;
  let ann: string;
  let bob: string;
  const millrace = (...args: string[]): Promise<Finished> =>
    startCli(server.url, args, { MILLRACE_TOKEN: server.token, MILLRACE_WORKSPACE: "shared" }).finished;
  const script = (path: string, content: string): SyncItem => scriptItem({ path, language: "bash", content });
  const write = (folder: string, file: string, content: string): void => {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    writeFileSync(join(folder, file), content);
  };
  const contentOf = async (path: string): Promise<string> => (await SYNC_KINDS.script.get(client.ask, path)).item.files[0]?.text ?? "";

  beforeAll(async () => {
    client = await server.client("shared");
    await put(client, script("f/team/one", "echo 1\n"));
    await put(client, script("f/team/two", "echo 2\n"));
    await put(client, variableItem("f/team/host", { value: "db" }));
    await put(client, variableItem("f/team/password", { is_secret: true, description: "of the database" })).catch(() => undefined);
    await put(client, withSecret(variableItem("f/team/password", { is_secret: true, description: "of the database" })));
    [ann, bob] = [join(newFolder(), "ann"), join(newFolder(), "bob")];
    for (const folder of [ann, bob])
      expect(await millrace("pull", folder)).toMatchObject({ code: 0, stderr: "4 written, 0 deleted, 0 changed here, 0 unchanged\n" });
  });

  test("see the same files, and no value of a secret", () => {
    expect(filesOf(bob)).toEqual(filesOf(ann));
    expect(filesOf(ann)).toEqual({
      "millrace.json": '{\n  "prefix": ""\n}\n',
      "f/team/host.variable.json": '{\n  "value": "db"\n}\n',
      "f/team/one.sh": "echo 1\n",
      "f/team/password.variable.json": '{\n  "is_secret": true,\n  "description": "of the database"\n}\n',
      "f/team/two.sh": "echo 2\n",
    });
  });

  test("edits of different things meet; a dry run shows them as a diff and changes nothing", async () => {
    write(ann, "f/team/one.sh", "echo 1 by ann\n");
    write(ann, "f/team/one.script.json", '{"summary": "One"}');
    write(bob, "f/team/host.variable.json", '{"value": "db2"}');
    const shown = await millrace("deploy", ann, "--dry-run");
    expect(shown).toEqual({
      code: 0,
      stdout: [
        "--- workspace/f/team/one.sh",
        "+++ folder/f/team/one.sh",
        "@@ -1,1 +1,1 @@",
        "-echo 1",
        "+echo 1 by ann",
        "--- /dev/null",
        "+++ folder/f/team/one.script.json",
        "@@ -0,0 +1,3 @@",
        "+{",
        '+  "summary": "One"',
        "+}",
        "",
      ].join("\n"),
      stderr: "nothing was changed: 1 to send, 0 to delete, 3 unchanged, 0 not readable\n",
    });
    expect(await millrace("deploy", ann, "--dry-run")).toEqual(shown);
    expect(await contentOf("f/team/one")).toBe("echo 1\n");
    expect(await millrace("deploy", ann)).toMatchObject({ code: 0, stdout: expect.stringMatching(/^created {4}f\/team\/one [0-9a-f]{12}\n$/) });
    expect(await millrace("deploy", bob)).toMatchObject({
      code: 0,
      stdout: "changed    f/team/host\n",
      stderr: expect.stringContaining("newer in the workspace: script f/team/one"),
    });
    for (const folder of [ann, bob]) expect(await millrace("pull", folder)).toMatchObject({ code: 0 });
    expect(filesOf(bob)["f/team/one.sh"]).toBe("echo 1 by ann\n");
    // What means the same stays as it was written.
    expect(filesOf(ann)["f/team/one.script.json"]).toBe('{"summary": "One"}');
    expect(filesOf(ann)["f/team/host.variable.json"]).toBe('{\n  "value": "db2"\n}\n');
  });

  test("edits of the same thing are refused with a diff on both sides, and nothing of the deploy is done", async () => {
    write(ann, "f/team/two.sh", "echo 2 by ann\n");
    expect(await millrace("deploy", ann)).toMatchObject({ code: 0 });
    write(bob, "f/team/two.sh", "echo 2 by bob\n");
    write(bob, "f/team/three.sh", "echo 3\n");
    const refused = await millrace("deploy", bob);
    expect(refused.code).toBe(4);
    expect(refused.stdout).toBe("--- workspace/f/team/two.sh\n+++ folder/f/team/two.sh\n@@ -1,1 +1,1 @@\n-echo 2 by ann\n+echo 2 by bob\n");
    expect(refused.stderr).toMatch(/conflict: .*nothing was changed\n {2}script f\/team\/two\n.*--force overwrites it/s);
    expect(await contentOf("f/team/two")).toBe("echo 2 by ann\n");
    await expect(contentOf("f/team/three")).rejects.toThrow("there is no script at f/team/three");

    const back = await millrace("pull", bob);
    expect([back.code, back.stdout]).toEqual([4, "--- folder/f/team/two.sh\n+++ workspace/f/team/two.sh\n@@ -1,1 +1,1 @@\n-echo 2 by bob\n+echo 2 by ann\n"]);
    expect(filesOf(bob)["f/team/two.sh"]).toBe("echo 2 by bob\n");

    expect(await millrace("deploy", bob, "--force")).toMatchObject({ code: 0 });
    expect([await contentOf("f/team/two"), await contentOf("f/team/three")]).toEqual(["echo 2 by bob\n", "echo 3\n"]);
    expect(await millrace("pull", ann, "--json")).toMatchObject({ code: 0, stdout: expect.stringContaining('"conflicts":[]') });
    expect(filesOf(ann)).toMatchObject({ "f/team/two.sh": "echo 2 by bob\n", "f/team/three.sh": "echo 3\n" });
  });

  test("a change between the look and the deploy is refused by the server", async () => {
    write(ann, "f/team/two.sh", "echo race\n");
    const local = readLocal(ann, undefined);
    const plan = await planSend(client.ask, { items: local.items, base: "", known: new Map(), force: true });
    const one = plan.send.find(({ path }) => path === "f/team/two");
    await put(client, script("f/team/two", "echo meanwhile\n"));
    const { sendOne } = await import("./send.ts");
    expect(one === undefined ? undefined : await sendOne(client.ask, one)).toMatchObject({ kind: "conflict" });
    expect(await contentOf("f/team/two")).toBe("echo meanwhile\n");
    write(ann, "f/team/two.sh", "echo meanwhile\n");
    expect(await millrace("pull", ann)).toMatchObject({ code: 0 });
    expect(await millrace("pull", bob)).toMatchObject({ code: 0 });
  });

  test("what is deleted goes away only with --prune, and after a look", async () => {
    rmSync(join(bob, "f/team/three.sh"));
    rmSync(join(bob, "f/team/host.variable.json"));
    const kept = await millrace("deploy", bob);
    expect([kept.code, kept.stderr]).toEqual([
      0,
      expect.stringContaining("deleted here, and still in the workspace: variable f/team/host (--prune removes it)"),
    ]);
    const unasked = await millrace("deploy", bob, "--prune");
    expect([unasked.code, unasked.stderr]).toEqual([2, expect.stringMatching(/ {2}script f\/team\/three\n {2}variable f\/team\/host\n.*add --yes/s)]);
    expect(await millrace("deploy", bob, "--prune", "--yes")).toMatchObject({ code: 0, stdout: "deleted    f/team/three\ndeleted    f/team/host\n" });
    expect(await contentOf("f/team/three")).toBe("echo 3\n");

    expect((await millrace("pull", ann)).stdout).toContain("gone       script f/team/three (not in the workspace any more; --prune deletes it here)");
    expect(await millrace("pull", ann, "--prune", "--yes")).toMatchObject({ code: 0, stdout: expect.stringContaining("deleted    variable f/team/host") });
    expect(Object.keys(filesOf(ann))).toEqual(Object.keys(filesOf(bob)));
  });

  test("a folder that was never pulled is deployed as it is, and what is in the way of a pull stays", async () => {
    const folder = newFolder();
    write(folder, "f/team/two.py", "def main(): return 2\n");
    write(folder, "f/team/one.sh", "echo own\n");
    write(folder, "millrace.json", '{"prefix": ""}');
    expect(await millrace("deploy", folder, "--prune")).toMatchObject({ code: 2, stderr: expect.stringContaining("never pulled") });
    const refused = await millrace("pull", folder);
    expect([refused.code, refused.stderr]).toEqual([4, expect.stringMatching(/script f\/team\/one\n.*script f\/team\/two/s)]);
    expect(await millrace("pull", folder, "--force")).toMatchObject({ code: 0 });
    expect(filesOf(folder)).toEqual({ ...filesOf(bob), "millrace.json": '{"prefix": ""}' });
  });

  test("nothing is written through a link that leads out of the folder", async () => {
    const [folder, outside] = [newFolder(), newFolder()];
    cpSync(ann, folder, { recursive: true });
    rmSync(join(folder, "f/team/one.sh"));
    writeFileSync(join(outside, "mine.sh"), "echo 1 by ann\n");
    symlinkSync(join(outside, "mine.sh"), join(folder, "f/team/one.sh"));
    await put(client, script("f/team/one", "echo evil\n"));
    expect(await millrace("pull", folder)).toMatchObject({ code: 2, stderr: expect.stringContaining('"f/team/one.sh" leads out of the folder by a link') });
    expect(readFileSync(join(outside, "mine.sh"), "utf8")).toBe("echo 1 by ann\n");
  });
});
