import { afterAll, beforeAll, expect, test } from "vitest";
import { job, run, SCRIPTS, startWorld, until, type World } from "./harness.ts";
import { answered, expectCalled } from "./windmill-calls.ts";
import { PYTHON, TYPESCRIPT } from "./windmill-scripts.ts";

/**
 * Windmill's own clients, as their registries have them, in jobs with a network: with the token of the job, and with one of a person, which is how
 * they are used outside. Each calls all of our routes that it has a function for. Skipped by name where a registry does not answer.
 */
let world: World;
/** Of `f/wm/double`. */
let hash: string;
/** Why a package is not to be had; undefined: it is. */
const missing: { python?: string | undefined; typescript?: string | undefined } = {};

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
  const content = "def main(n: int):\n    if n < 0:\n        raise ValueError('negative')\n    return n * 2\n";
  const double = await world.api<{ hash: string }>("POST", "/scripts", { path: "f/wm/double", language: "python3", content });
  expect(double.status).toBe(201);
  hash = double.body.hash;
  [missing.python, missing.typescript] = await Promise.all([deploy("f/wm/python", "python3", PYTHON), deploy("f/wm/typescript", "typescript", TYPESCRIPT)]);
}, 240_000);
afterAll(() => world.close());

/** And a flow in which it asks somebody. @returns why the package is not to be had: then the lock of the script fails */
async function deploy(path: string, language: string, content: string): Promise<string | undefined> {
  expect((await world.api("POST", "/scripts", { path, language, content })).status).toBe(201);
  const steps = [
    { id: "a", value: { type: "script", path, input_transforms: { asks: { type: "static", value: true } } }, suspend: { required_events: 1, timeout: 60 } },
    { id: "b", value: { type: "script", path: "f/wm/double", input_transforms: { n: { type: "javascript", expr: "flow_input.n" } } } },
  ];
  expect((await world.api("POST", "/flows", { path: `${path}-flow`, document: { summary: "s", value: { modules: steps } } })).status).toBe(201);
  const lock = async () => (await world.api<{ lock_state: string; lock_error?: string }>("GET", `/scripts/by-path?path=${path}`)).body;
  await until("the lock is found, or is not", async () => (await lock()).lock_state !== "pending", 180_000);
  return (await lock()).lock_error;
}

/** Uses the link that a run has been given, so that it goes on. */
async function approve(id: string): Promise<void> {
  const stepOf = async () =>
    (await world.api<{ steps: { step: string; status: string; job?: string }[] }>("GET", `/jobs/${id}/flow`)).body.steps.find(({ step }) => step === "a");
  await until("the step waits", async () => (await stepOf())?.status === "suspended", 100_000);
  const links = (await world.api<{ resume: string; cancel: string; approvalPage: string }>("GET", `/jobs/${(await stepOf())?.job}/result`)).body;
  expect(links.resume).toMatch(/\/api\/v1\/approvals\/[^/]+$/);
  expect((await fetch(links.resume)).status).toBe(200);
  expect((await fetch(links.resume, { method: "POST" })).status).toBe(202);
  await until("the flow has ended", async () => (await job(world, id)).finished_at !== undefined);
}

test("wmill for Python calls each route that it has a function for", { timeout: 240_000 }, async (context) => {
  if (missing.python !== undefined) return context.skip(`the registry of Python packages does not give wmill: ${missing.python}`);
  const before = await answered(world);
  const ended = await run(world, { script: "f/wm/python", args: { token: world.credentials.token, hash } }, 100);
  expect(ended.result, JSON.stringify(ended)).toEqual({
    variables: ["one", "two", 15],
    resources: ["one", 15, "$var:f/wm/plain", { a: ["two", null] }, ["f/wm/thing"]],
    states: [null, { runs: 1 }],
    run: [8, 14, 10, true],
    looks: [10, "COMPLETED", "f/wm/double", true],
    cancelled: [true, expect.stringContaining("no more")],
    progress: 30,
    outside: ["one", true],
    flow: expect.any(String),
  });
  expect(await job(world, ended.id)).toMatchObject({ progress: 30 });
  const { flow } = Object(ended.result);
  await approve(flow);
  expect((await world.api("GET", `/jobs/${flow}/result`)).body).toBe(6);
  await expectCalled(world, "Python", before);
});

test("windmill-client for TypeScript calls each route that it has a function for", { timeout: 240_000 }, async (context) => {
  if (missing.typescript !== undefined) return context.skip(`the registry of npm packages does not give windmill-client: ${missing.typescript}`);
  const before = await answered(world);
  const ended = await run(world, { script: "f/wm/typescript", args: { token: world.credentials.token } }, 100);
  expect(ended.result, JSON.stringify(ended)).toEqual({
    variables: ["one", "two", 15],
    resources: ["one", { a: [1, null] }],
    states: [null, { runs: 1 }],
    run: [8, 10],
    progress: 30,
    flow: expect.any(String),
    outside: ["one", false, 12],
    made: {
      variables: ["two", "made", "two", ["f/gen/variable"], true, false],
      resources: [{ h: "$var:f/wm/plain" }, "changed", "thing", { h: "$var:f/wm/plain" }, { h: "one" }, ["f/gen/resource"], true, false],
      types: [{ type: "object", required: ["a"] }, "two", ["gentype"], true, false, {}],
      folders: [["gen", "two"], ["gen", "two"], ["gen"], true, false],
      workspace: ["main", true, []],
    },
    deployed: {
      scripts: [
        [
          [true, "def main(n: int): return n * 3"],
          [true, "def main(n: int): return n * 3"],
        ],
        [["Three", "python3"]],
        15,
        true,
        false,
        true,
        "script f/gen/script archived",
      ],
      flows: ["Two", 1, ["Two"], [16, 18, 20], true, false],
      schedules: ["0 0 4 * * *", "f/wm/double", true, ["f/gen/schedule"], true, false],
      triggers: ["post", "gen", ["f/gen/route"], true, false],
    },
    answered: [6, "refused"],
    jobs: [
      [22, 2],
      24,
      [
        ["CompletedJob", true, 22],
        ["CompletedJob", true, 22],
      ],
      [true, expect.stringContaining("no more")],
      true,
      22,
      true,
    ],
  });
  const { flow } = Object(ended.result);
  await approve(flow);
  expect((await world.api("GET", `/jobs/${flow}/result`)).body).toBe(6);
  await expectCalled(world, "TypeScript", before);
});
