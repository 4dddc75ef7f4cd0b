import { execFile } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { parse } from "yaml";
import type { JobWithResult } from "../control-plane/jobs/contract.ts";
import { job, run, SCRIPTS, startWorld, until, type World } from "./harness.ts";

/**
 * Windmill's own clients, as their registries have them, in jobs with a network: with the token of the job, and with one of a person, which is how
 * they are used outside. Skipped by name where a registry does not answer.
 */
let world: World;
beforeAll(async () => {
  world = await startWorld();
  const buildEnv = Object.fromEntries(Object.entries(process.env).filter(([name]) => name.startsWith("MILLRACE_BUILD_ENV_")));
  await world.startAgent("online", { ...SCRIPTS, MILLRACE_AGENT_NETWORK: "full", ...buildEnv });
  for (const [path, body] of [
    ["/variables/by-path?path=f/wm/plain", { value: "one" }],
    ["/variables/by-path?path=f/wm/secret", { value: "hunter2-hunter2", is_secret: true }],
    ["/resources/by-path?path=f/wm/db", { type: "database", value: { host: "$var:f/wm/plain", password: "$var:f/wm/secret" } }],
  ] as const)
    expect((await world.api("PUT", path, body)).status).toBe(201);
  expect((await world.api("POST", "/scripts", { path: "f/wm/double", language: "python3", content: "def main(n: int):\n    return n * 2\n" })).status).toBe(
    201,
  );
});
afterAll(() => world.close());

/** Undefined when the package is not to be had: then the lock of the script fails. */
async function deployed(path: string, language: string, content: string, args = {}): Promise<JobWithResult | undefined> {
  expect((await world.api("POST", "/scripts", { path, language, content })).status).toBe(201);
  const lockState = async (): Promise<string> => (await world.api<{ lock_state: string }>("GET", `/scripts/by-path?path=${path}`)).body.lock_state;
  await until("the lock is found, or is not", async () => (await lockState()) !== "pending", 120_000);
  return (await lockState()) === "ready" ? run(world, { script: path, args }, 100) : undefined;
}

test.concurrent("wmill for Python: variables, resources, states, jobs and progress", { timeout: 240_000 }, async (context) => {
  const code = `import wmill

def main(token: str):
    wmill.set_variable("f/wm/made", "two")
    wmill.set_resource("f/wm/thing", {"a": [1, None]}, "thing")
    before = wmill.get_state()
    wmill.set_state({"runs": 1})
    wmill.set_progress(30)
    person = wmill.Windmill(token=token)
    try:
        person.get_variable("f/wm/secret")
        shown = True
    except Exception:
        shown = False
    return {
        "variables": [wmill.get_variable("f/wm/plain"), wmill.get_variable("f/wm/made"), len(wmill.get_variable("f/wm/secret"))],
        "resources": [wmill.get_resource("f/wm/db")["host"], len(wmill.get_resource("f/wm/db")["password"]), wmill.get_resource("f/wm/thing")],
        "states": [before, wmill.get_state()],
        "run": [wmill.run_script_by_path("f/wm/double", args={"n": 4}), wmill.Windmill().wait_job(wmill.run_script_by_path_async("f/wm/double", args={"n": 5}))],
        "progress": wmill.get_progress(),
        "outside": [person.get_variable("f/wm/plain"), shown, person.run_script_by_path("f/wm/double", args={"n": 6})],
    }
`;
  const ended = await deployed("f/wm/python", "python3", code, { token: world.credentials.token });
  if (ended === undefined) return context.skip("the registry of Python packages does not give wmill");
  expect(ended.result, JSON.stringify(ended)).toEqual({
    variables: ["one", "two", 15],
    resources: ["one", 15, { a: [1, null] }],
    states: [null, { runs: 1 }],
    run: [8, 10],
    progress: 30,
    outside: ["one", false, 12],
  });
  expect(await job(world, ended.id)).toMatchObject({ progress: 30 });
});

test.concurrent("windmill-client for TypeScript: variables, resources, states, jobs and progress", { timeout: 240_000 }, async (context) => {
  const code = `import * as wmill from "windmill-client";

export async function main(token: string) {
  await wmill.setVariable("f/wm/ts", "two");
  await wmill.setResource({ a: [1, null] }, "f/wm/tsthing", "thing");
  const before = await wmill.getState();
  await wmill.setState({ runs: 1 });
  await wmill.setProgress(30);
  const inJob = {
    variables: [await wmill.getVariable("f/wm/plain"), await wmill.getVariable("f/wm/ts"), (await wmill.getVariable("f/wm/secret")).length],
    resources: [(await wmill.getResource("f/wm/db")).host, await wmill.getResource("f/wm/tsthing")],
    states: [before ?? null, await wmill.getState()],
    run: [await wmill.runScript("f/wm/double", null, { n: 4 }), await wmill.waitJob(await wmill.runScriptAsync("f/wm/double", null, { n: 5 }))],
    progress: await wmill.getProgress(),
  };
  wmill.setClient(token);
  const shown = await wmill.getVariable("f/wm/secret").then(() => true, () => false);
  return { ...inJob, outside: [await wmill.getVariable("f/wm/plain"), shown, await wmill.runScript("f/wm/double", null, { n: 6 })] };
}
`;
  const ended = await deployed("f/wm/typescript", "typescript", code, { token: world.credentials.token });
  if (ended === undefined) return context.skip("the registry of npm packages does not give windmill-client");
  expect(ended.result, JSON.stringify(ended)).toEqual({
    variables: ["one", "two", 15],
    resources: ["one", { a: [1, null] }],
    states: [null, { runs: 1 }],
    run: [8, 10],
    progress: 30,
    outside: ["one", false, 12],
  });
});

test("wmill in a step: links by which somebody lets the flow go on; flows run by path and are waited for", { timeout: 240_000 }, async (context) => {
  const asks = "import wmill\ndef main():\n    return wmill.get_resume_urls('ann')\n";
  const probe = await deployed("f/wm/flows", "python3", "import wmill\ndef main():\n    return wmill.Windmill().run_flow_async('f/wm/flow', {'n': 3})\n");
  if (probe === undefined) return context.skip("the registry of Python packages does not give wmill");
  const steps = [
    { id: "a", value: { type: "rawscript", language: "python3", content: asks, input_transforms: {} }, suspend: { required_events: 1, timeout: 60 } },
    { id: "b", value: { type: "script", path: "f/wm/double", input_transforms: { n: { type: "javascript", expr: "flow_input.n" } } } },
  ];
  expect((await world.api("POST", "/flows", { path: "f/wm/flow", document: { summary: "s", value: { modules: steps } } })).status).toBe(201);
  const started = await run(world, { script: "f/wm/flows" }, 100);
  const id = String(started.result);
  const stepOf = async () =>
    (await world.api<{ steps: { step: string; status: string; job?: string }[] }>("GET", `/jobs/${id}/flow`)).body.steps.find(({ step }) => step === "a");
  await until("the step waits", async () => (await stepOf())?.status === "suspended", 100_000);
  const links = (await world.api<{ resume: string; cancel: string; approvalPage: string }>("GET", `/jobs/${(await stepOf())?.job}/result`)).body;
  expect(links.resume).toMatch(/\/api\/v1\/approvals\/[^/]+$/);
  expect((await fetch(links.resume)).status).toBe(200);
  expect((await fetch(links.resume, { method: "POST" })).status).toBe(202);
  await until("the flow has ended", async () => (await job(world, id)).finished_at !== undefined);
  expect((await world.api("GET", `/jobs/${id}/result`)).body).toBe(6);
});

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

test("windmill-cli: a repository is pushed, pulled without a change, and what it deletes goes away", { timeout: 240_000 }, async (context) => {
  const tools = join(world.dir, "wmill");
  mkdirSync(tools, { recursive: true });
  const call = promisify(execFile);
  const install = ["install", "--no-audit", "--no-fund", "--ignore-scripts", "--omit=optional", "windmill-cli@1.819.0"];
  await call("npm", install, { cwd: tools, timeout: 120_000 }).catch(() => undefined);
  const main = join(tools, "node_modules/windmill-cli/esm/main.js");
  if (!existsSync(main)) return context.skip("the registry of npm packages does not give windmill-cli");
  const there = ["--base-url", `http://127.0.0.1:${world.httpPort}/`, "--token", world.credentials.token, "--workspace", "main"];
  const wmill = async (cwd: string, ...args: string[]): Promise<string> => {
    const { stdout, stderr } = await call(process.execPath, [main, ...args, ...there], {
      cwd,
      timeout: 100_000,
      env: { ...process.env, HOME: tools, NO_COLOR: "1" },
    });
    return stdout + stderr;
  };
  const [ours, theirs] = [join(world.dir, "repository"), join(world.dir, "fresh")];
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
  expect((await run(world, { flow: "f/team/both" }, 60)).result).toBe("hello a");
  const nightly = async () => (await world.api<{ paused: boolean; cron: string; next_at?: string }>("GET", "/schedules/by-path?path=f/team/nightly")).body;
  expect(await nightly()).toMatchObject({ cron: "0 0 3 * * *", timezone: "Europe/Berlin", script: "f/team/hello", args: { name: "night" }, paused: false });
  const greeting = await fetch(`http://127.0.0.1:${world.httpPort}/api/r/main/greet`, {
    method: "POST",
    body: '{"name":"c"}',
    headers: { "content-type": "application/json" },
  });
  expect([greeting.status, await greeting.json()]).toEqual([200, "hello c"]);

  writeFileSync(join(ours, "f/team/hello.py"), 'def main(name: str = "x"):\n    return "hallo " + name\n');
  writeFileSync(join(ours, "f/team/hello.script.yaml"), REPOSITORY["f/team/hello.script.yaml"].replace("Says it", "Says it in German"));
  rmSync(join(ours, "f/team/both.flow"), { recursive: true });
  rmSync(join(ours, "f/team/greet.http_trigger.yaml"));
  const schedule = REPOSITORY["f/team/nightly.schedule.yaml"].replace("enabled: true", "enabled: false").replace("0 0 3", "0 30 4");
  writeFileSync(join(ours, "f/team/nightly.schedule.yaml"), schedule);
  await wmill(ours, "sync", "push", "--yes");
  await wmill(theirs, "sync", "pull", "--yes");
  expect(filesOf(theirs)).toEqual(filesOf(ours));
  expect((await run(world, { script: "f/team/hello", args: { name: "b" } }, 60)).result).toBe("hallo b");
  expect((await world.api("POST", "/jobs", { flow: "f/team/both" })).status).toBe(409);
  expect(await nightly()).toMatchObject({ cron: "0 30 4 * * *", paused: true });
  expect((await world.api("GET", "/triggers/by-path?path=f/team/greet")).status).toBe(404);
  expect(await wmill(ours, "script", "list")).toContain("f/team/hello");
  expect(await wmill(ours, "schedule", "list")).toContain("f/team/nightly");
  await wmill(ours, "schedule", "enable", "f/team/nightly");
  expect(await nightly()).toMatchObject({ paused: false, next_at: expect.any(String) });
  // What was changed here comes with the next pull, what they alone say of it stays.
  expect(
    (await world.api("PUT", "/schedules/by-path?path=f/team/nightly", { cron: "0 5 * * *", script: "f/team/hello", catch_up: { policy: "latest" } })).status,
  ).toBe(200);
  await wmill(ours, "sync", "pull", "--yes");
  expect(filesOf(ours)["f/team/nightly.schedule.yaml"]).toMatchObject({ schedule: "0 0 5 * * *", timezone: "UTC", summary: "Nightly", enabled: true });
  await expect(wmill(ours, "sync", "pull", "--yes", "--include-settings")).rejects.toMatchObject({ stdout: expect.stringContaining("include_settings") });
  const secret = await world.api("PUT", "/variables/by-path?path=f/team/key", { value: "hunter2-hunter2", is_secret: true });
  expect(secret.status).toBe(201);
  await wmill(theirs, "sync", "pull", "--yes");
  expect(Object.keys(filesOf(theirs))).not.toContain("f/team/key.variable.yaml");
});
