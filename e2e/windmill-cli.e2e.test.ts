import { execFile } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { promisify, stripVTControlCharacters } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { parse } from "yaml";
import { run, SCRIPTS, startWorld, type World } from "./harness.ts";
import { expectCalled } from "./windmill-calls.ts";

/** Windmill's own command line, as its registry has it. Nothing else calls Windmill's routes here. Skipped by name where the registry does not answer. */
let world: World;
let tools: string;
let main: string;
const call = promisify(execFile);

beforeAll(async () => {
  world = await startWorld();
  tools = join(world.dir, "wmill");
  main = join(tools, "node_modules/windmill-cli/esm/main.js");
  mkdirSync(tools, { recursive: true });
  const install = ["install", "--no-audit", "--no-fund", "--ignore-scripts", "--omit=optional", "windmill-cli@1.819.0"];
  const installed = call("npm", install, { cwd: tools, timeout: 120_000 }).catch(() => undefined);
  await Promise.all([installed, world.startAgent("one", SCRIPTS)]);
});
afterAll(() => world.close());

async function wmill(cwd: string, ...args: string[]): Promise<string> {
  const there = ["--base-url", `http://127.0.0.1:${world.httpPort}/`, "--token", world.credentials.token, "--workspace", "main"];
  const env = { ...process.env, HOME: tools };
  const { stdout, stderr } = await call(process.execPath, [main, ...args, ...there], { cwd, timeout: 100_000, env });
  // Colours are asked for by those who run the tests.
  return stripVTControlCharacters(stdout + stderr);
}

/** Files of a repository of Windmill's, as its tools write them. */
const REPOSITORY = {
  "wmill.yaml":
    "defaultTs: bun\nincludes:\n  - f/**\nexcludes: []\nskipVariables: false\nskipResources: false\nskipResourceTypes: false\nskipSecrets: true\nincludeSchedules: true\nincludeTriggers: true\n",
  "f/team/folder.meta.yaml": "summary: The team\ndisplay_name: team\nowners:\n  - u/admin\nextra_perms: {}\n",
  "f/team/hello.py": 'def main(name: str = "x"):\n    return "hello " + name\n',
  "f/team/hello.script.yaml":
    "summary: Hello\ndescription: Says it\nlock: ''\nkind: script\nschema:\n  type: object\n  properties:\n    name:\n      type: string\n      default: x\n  required: []\n",
  "f/team/host.variable.yaml": "description: where\nvalue: db\nis_secret: false\n",
  "f/team/db.resource.yaml": "description: the database\nresource_type: database\nvalue:\n  host: $var:f/team/host\n  port: 5432\n",
  "database.resource-type.yaml":
    "description: A database\nschema:\n  $schema: https://json-schema.org/draft/2020-12/schema\n  type: object\n  order:\n    - host\n  properties:\n    host:\n      type: string\n",
  "f/team/both.flow/flow.yaml":
    "summary: Both\ndescription: two steps\nvalue:\n  modules:\n    - id: a\n      value:\n        type: rawscript\n        content: '!inline a.inline_script.py'\n        input_transforms: {}\n        lock: ''\n        language: python3\n    - id: b\n      value:\n        type: script\n        path: f/team/hello\n        input_transforms:\n          name:\n            type: javascript\n            expr: results.a\n",
  "f/team/both.flow/a.inline_script.py": 'def main():\n    return "a"\n',
  "f/team/nightly.schedule.yaml":
    "args:\n  name: night\nenabled: true\nis_flow: false\nno_flow_overlap: false\non_failure: null\nretry: null\nschedule: 0 0 3 * * *\nscript_path: f/team/hello\nsummary: Nightly\ntimezone: Europe/Berlin\n",
  "f/team/greet.http_trigger.yaml":
    "authentication_method: none\nhttp_method: post\nis_flow: false\nis_static_website: false\nraw_string: false\nrequest_type: sync\nroute_path: greet\nscript_path: f/team/hello\nsummary: Greets\nworkspaced_route: true\nwrap_body: false\n",
};

/** What the files say: the order of members in YAML is not theirs to keep. */
function filesOf(folder: string): Record<string, unknown> {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const names = entries.map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1)).filter((name) => !/^(\.|wmill-lock)/.test(name));
  const read = (name: string): string => readFileSync(join(folder, name), "utf8");
  return Object.fromEntries(names.sort().map((name) => [name, name.endsWith(".yaml") ? parse(read(name)) : read(name)]));
}

const nightly = async () => (await world.api<{ paused: boolean; cron: string; next_at?: string }>("GET", "/schedules/by-path?path=f/team/nightly")).body;

test("windmill-cli calls each route that it has a command for", { timeout: 240_000 }, async (context) => {
  if (!existsSync(main)) return context.skip("the registry of npm packages does not give windmill-cli");
  const [ours, theirs] = [join(world.dir, "repository"), join(world.dir, "fresh")];
  await pushAndPull(ours, theirs);
  await useDeployed(ours);
  await pushChanges(ours, theirs);
  await pullChanges(ours, theirs);
  await pushDeletions(ours, theirs);
  await expectCalled(world, "command line");
});

/** A repository is pushed, and pulled without a change. */
async function pushAndPull(ours: string, theirs: string): Promise<void> {
  for (const [name, content] of Object.entries(REPOSITORY)) {
    mkdirSync(dirname(join(ours, name)), { recursive: true });
    writeFileSync(join(ours, name), content);
  }
  const pushed = await wmill(ours, "sync", "push", "--yes");
  expect(pushed).toMatch(/All \d+ changes pushed/);
  expect(pushed).not.toMatch(/warn|could not/i);
  const before = filesOf(ours);
  await wmill(ours, "sync", "pull", "--yes");
  expect(filesOf(ours)).toEqual(before);
  expect(await wmill(ours, "sync", "push", "--yes")).toContain("0 changes to apply");
  mkdirSync(theirs);
  cpSync(join(ours, "wmill.yaml"), join(theirs, "wmill.yaml"));
  await wmill(theirs, "sync", "pull", "--yes");
  expect(filesOf(theirs)).toEqual(filesOf(ours));
  expect(await nightly()).toMatchObject({ cron: "0 0 3 * * *", timezone: "Europe/Berlin", script: "f/team/hello", args: { name: "night" }, paused: false });
  const greeting = await fetch(`http://127.0.0.1:${world.httpPort}/api/r/main/greet`, {
    method: "POST",
    body: '{"name":"c"}',
    headers: { "content-type": "application/json" },
  });
  expect([greeting.status, await greeting.json()]).toEqual([200, "hello c"]);
}

/** What is there is listed, run, tried, looked at and cancelled. */
async function useDeployed(ours: string): Promise<void> {
  const lists = ["script", "flow", "variable", "resource", "resource-type", "folder", "schedule", "trigger"];
  const listed = await Promise.all(lists.map((kind) => wmill(ours, kind, "list")));
  const paths = ["f/team/hello", "f/team/both", "f/team/host", "f/team/db", "database", "team", "f/team/nightly", "f/team/greet"];
  expect(listed).toEqual(paths.map((path) => expect.stringContaining(path)));
  const results = await Promise.all([
    wmill(ours, "script", "run", "f/team/hello", "--silent", "--data", '{"name":"run"}'),
    wmill(ours, "flow", "run", "f/team/both", "--silent"),
    wmill(ours, "script", "preview", "f/team/hello.py", "--silent", "--data", '{"name":"tried"}'),
    wmill(ours, "flow", "preview", "f/team/both.flow", "--silent", "--remote"),
  ]);
  expect(results.map((told) => told.trim().split("\n").at(-1))).toEqual(['"hello run"', '"hello a"', '"hello tried"', '"hello a"']);
  const { id: flow } = await run(world, { flow: "f/team/both" }, 60);
  const { id: late } = await run(world, { script: "f/team/hello", delay_s: 3600 });
  expect(await wmill(ours, "job", "cancel", late, "--reason", "no more")).toContain("canceled");
  const [told, result, cancelled] = await Promise.all([wmill(ours, "job", "get", flow), wmill(ours, "job", "result", flow), wmill(ours, "job", "get", late)]);
  expect(told).toMatch(/✓ a .*\n.*✓ b /);
  expect(result.trim()).toBe('"hello a"');
  expect(cancelled).toMatch(/Status: canceled/i);
  await wmill(ours, "variable", "add", "elsewhere", "f/team/host", "--yes", "--no-secret");
  expect((await world.api("GET", "/variables/by-path?path=f/team/host")).body).toMatchObject({ value: "elsewhere", is_secret: false });
}

/** In which file what is replaced by what. From v1 on, which new repositories have, files say that somebody is asked for, and not who. */
const CHANGES = {
  "wmill.yaml": ["skipSecrets: true", "skipSecrets: true\nsyncBehavior: v1"],
  "f/team/folder.meta.yaml": ["The team", "Our team"],
  "f/team/hello.py": ["hello", "hallo"],
  "f/team/hello.script.yaml": ["Says it", "Says it in German"],
  "f/team/host.variable.yaml": ["value: db", "value: db2"],
  "f/team/db.resource.yaml": ["5432", "5433"],
  "database.resource-type.yaml": ["A database", "Any database"],
  "f/team/both.flow/flow.yaml": ["Both", "All"],
  "f/team/nightly.schedule.yaml": ["schedule: 0 0 3 * * *", "has_permissioned_as: true\nschedule: 0 30 4 * * *"],
  "f/team/greet.http_trigger.yaml": ["route_path: greet", "has_permissioned_as: true\nroute_path: salute"],
} as const satisfies Partial<Record<keyof typeof REPOSITORY, readonly [string, string]>>;

/** What the repository has otherwise is pushed over it. */
async function pushChanges(ours: string, theirs: string): Promise<void> {
  for (const [name, [from, to]] of Object.entries(CHANGES)) {
    const text = readFileSync(join(ours, name), "utf8");
    expect(text).toContain(from);
    writeFileSync(join(ours, name), text.replace(from, to));
  }
  cpSync(join(ours, "wmill.yaml"), join(theirs, "wmill.yaml"));
  const schedule = join(ours, "f/team/nightly.schedule.yaml");
  writeFileSync(schedule, readFileSync(schedule, "utf8").replace("enabled: true", "enabled: false"));
  await wmill(ours, "sync", "push", "--yes");
  await wmill(theirs, "sync", "pull", "--yes");
  expect(filesOf(theirs)).toEqual(filesOf(ours));
  expect((await run(world, { flow: "f/team/both" }, 60)).result).toBe("hallo a");
  expect(await nightly()).toMatchObject({ cron: "0 30 4 * * *", paused: true });
  expect((await world.api("GET", "/resources/value?path=f/team/db")).body).toEqual({ host: "db2", port: 5433 });
  expect((await world.api("GET", "/triggers/by-path?path=f/team/greet")).body).toMatchObject({ pattern: "/salute" });
  await wmill(ours, "schedule", "enable", "f/team/nightly");
  expect(await nightly()).toMatchObject({ paused: false, next_at: expect.any(String) });
}

/** What was changed here comes with the next pull, what they alone say of it stays; secrets and settings do not come. */
async function pullChanges(ours: string, theirs: string): Promise<void> {
  const changed = { cron: "0 5 * * *", script: "f/team/hello", catch_up: { policy: "latest" } };
  expect((await world.api("PUT", "/schedules/by-path?path=f/team/nightly", changed)).status).toBe(200);
  await wmill(ours, "sync", "pull", "--yes");
  expect(filesOf(ours)["f/team/nightly.schedule.yaml"]).toMatchObject({ schedule: "0 0 5 * * *", timezone: "UTC", summary: "Nightly", enabled: true });
  await expect(wmill(ours, "sync", "pull", "--yes", "--include-settings")).rejects.toMatchObject({ stdout: expect.stringContaining("include_settings") });
  const secret = await world.api("PUT", "/variables/by-path?path=f/team/key", { value: "hunter2-hunter2", is_secret: true });
  expect(secret.status).toBe(201);
  await wmill(theirs, "sync", "pull", "--yes");
  expect(Object.keys(filesOf(theirs))).not.toContain("f/team/key.variable.yaml");
}

/** What the repository does not have any more goes away. */
async function pushDeletions(ours: string, theirs: string): Promise<void> {
  rmSync(join(ours, "f"), { recursive: true });
  rmSync(join(ours, "database.resource-type.yaml"));
  await wmill(ours, "sync", "push", "--yes");
  await wmill(theirs, "sync", "pull", "--yes");
  expect(Object.keys(filesOf(theirs))).toEqual(["wmill.yaml"]);
  expect((await world.api("POST", "/jobs", { flow: "f/team/both" })).status).toBe(409);
  for (const at of ["schedules/by-path?path=f/team/nightly", "triggers/by-path?path=f/team/greet", "resources/by-path?path=f/team/db"])
    expect((await world.api("GET", `/${at}`)).status, at).toBe(404);
}
