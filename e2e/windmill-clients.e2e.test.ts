import { afterAll, beforeAll, expect, test } from "vitest";
import type { JobWithResult } from "../control-plane/jobs/contract.ts";
import { job, run, startWorld, until, type World } from "./harness.ts";

/**
 * Windmill's own clients, as their registries have them, in jobs with a network: with the token of the job, and with one of a person, which is how
 * they are used outside. Skipped by name where a registry does not answer.
 */
let world: World;
beforeAll(async () => {
  world = await startWorld();
  const buildEnv = Object.fromEntries(Object.entries(process.env).filter(([name]) => name.startsWith("MILLRACE_BUILD_ENV_")));
  await world.startAgent("online", { MILLRACE_AGENT_NETWORK: "full", ...buildEnv });
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

test("wmill for Python: variables, resources, states, jobs and progress", { timeout: 240_000 }, async (context) => {
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

test("windmill-client for TypeScript: variables, resources, states, jobs and progress", { timeout: 240_000 }, async (context) => {
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
