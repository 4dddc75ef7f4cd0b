import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { JobView } from "../control-plane/jobs/contract.ts";
import { job, type Process, run, SCRIPTS, startWorld, until, untilEnded, type World } from "./harness.ts";

/** Jobs that speak to the API as themselves, from a sandbox without a network. */
let world: World;
let agent: Process;
beforeAll(async () => {
  world = await startWorld();
  await startAgent();
  await deploy("f/api/add", "python3", "def main(a: int, b: int):\n    return a + b\n");
  await deploy("f/api/fails", "bash", "echo no >&2\nexit 3\n");
  await deploy("f/api/echo", "bash", 'n="$1"\necho "$n"');
});
afterAll(() => world.close());

async function startAgent(): Promise<void> {
  agent = await world.startAgent("one", { ...SCRIPTS, MILLRACE_AGENT_NETWORK: "none" });
}

async function deploy(path: string, language: string, content: string): Promise<void> {
  const answer = await world.api("POST", "/scripts", { path, language, content });
  expect(answer.status, JSON.stringify(answer.body)).toBeLessThan(300);
}

async function inline(language: string, content: string): Promise<unknown> {
  const job = await run(world, { code: { language, content } }, 50);
  expect(job.exit, JSON.stringify(job)).toMatchObject({ reason: "succeeded" });
  return job.result;
}

test("a Python job runs other scripts and sees how they end", async () => {
  const code = `import millrace
def main():
    total = millrace.run_script("f/api/add", {"a": 1, "b": 2})
    waited = millrace.wait_job(millrace.start_script("f/api/add", {"a": 3, "b": 4}))
    try:
        millrace.run_script("f/api/fails")
        failed = None
    except millrace.JobFailed as error:
        failed = error.job["exit"]["code"]
    return [total, waited, failed, millrace.get_job(millrace.job_id())["status"]]
`;
  expect(await inline("python3", code)).toEqual([3, 7, 3, "running"]);
});

test("so does a TypeScript job", async () => {
  const code = `import { getJob, JobFailed, jobId, runScript, startScript, waitJob } from "millrace";
export async function main() {
  const total = await runScript<number>("f/api/add", { a: 1, b: 2 });
  const waited = await waitJob(await startScript("f/api/add", { a: 3, b: 4 }));
  const failed = await runScript("f/api/fails").catch((error) => (error instanceof JobFailed ? error.job.exit : String(error)));
  return [total, waited, failed, (await getJob(jobId())).status];
}
`;
  expect(await inline("typescript", code)).toEqual([3, 7, { reason: "exit_code", code: 3, message: expect.any(String) }, "running"]);
});

test("a job's token allows no more than to look and to run what is deployed, in its own workspace only", async () => {
  const code = `import millrace
def status(call):
    try:
        return call()[0]
    except millrace.MillraceError as error:
        return error.status
def main():
    deploy = {"path": "f/api/mine", "language": "bash", "content": "true"}
    code = {"language": "bash", "content": "true"}
    flow = {"summary": "", "value": {"modules": [{"id": "a", "value": {"type": "rawscript", "input_transforms": {}, **code}}]}}
    return {
        "reads": status(lambda: millrace.request("GET", "jobs?limit=1")),
        "runs": status(lambda: millrace.request("POST", "jobs", {"script": "f/api/add", "args": {"a": 1, "b": 2}})),
        "deploys": status(lambda: millrace.request("POST", "scripts", deploy)),
        "brings code": status(lambda: millrace.request("POST", "jobs", {"code": code, "network": "full"})),
        "brings a flow": status(lambda: millrace.request("POST", "jobs", {"document": flow})),
        "cancels": status(lambda: millrace.request("POST", "jobs/" + millrace.job_id() + "/cancel", {})),
        "agents": status(lambda: millrace.request("GET", "agents")),
        "elsewhere": status(lambda: millrace.request("GET", "../other/jobs")),
    }
`;
  expect(await inline("python3", code)).toEqual({
    ...{ reads: 200, runs: 201, deploys: 403, "brings code": 403, "brings a flow": 403, cancels: 403, agents: 403, elsewhere: 404 },
  });
});

test("the token ends with the attempt", async () => {
  const token = await inline("bash", 'printf \'"%s"\' "$MILLRACE_TOKEN"');
  expect(token).toMatch(/^mr_job_/);
  const ask = async (): Promise<number> => {
    const answer = await fetch(`http://127.0.0.1:${world.httpPort}/api/v1/w/${world.credentials.workspace}/jobs`, {
      headers: { authorization: `Bearer ${String(token)}` },
    });
    return answer.status;
  };
  await expect.poll(ask).toBe(401);
});

interface CheckpointView {
  readonly kind: string;
  readonly name: string;
  readonly attempt: number;
  readonly value?: unknown;
  readonly job?: string;
}

const checkpointsOf = async (id: string): Promise<CheckpointView[]> =>
  (await world.api<{ checkpoints: CheckpointView[] }>("GET", `/jobs/${id}/checkpoints`)).body.checkpoints;
const jobsOf = async (script: string): Promise<JobView[]> => (await world.api<{ jobs: JobView[] }>("GET", `/jobs?script=${script}`)).body.jobs;

describe("workflows as code", () => {
  test.concurrent("steps, tasks, branches and sleeps of a Python script, and how they are shown", async () => {
    const code = `import datetime
import millrace
def main():
    made = millrace.step("made", lambda: {"at": datetime.date(2026, 11, 22), "n": 9007199254740993})
    twice = [millrace.step(one) for one in (lambda: 1, lambda: 2)]
    total = millrace.task("f/api/add", {"a": made["n"], "b": 1})
    many = millrace.tasks("f/api/add", [{"a": n, "b": n} for n in range(5)], name="many")
    def branch(n):
        return lambda: [millrace.step("inner", lambda: n), millrace.task("f/api/add", {"a": n, "b": 10})]
    branches = millrace.parallel([branch(0), branch(1)])
    side_by_side = millrace.parallel([lambda n=n: millrace.step("side", lambda: n) for n in range(60)], name="side")
    millrace.sleep(0.01)
    try:
        millrace.task("f/api/fails")
    except millrace.JobFailed as error:
        failed = error.job["exit"]["code"]
    try:
        millrace.step("outer", lambda: millrace.step("in it", lambda: 1))
    except RuntimeError as error:
        nested = str(error)
    return [made, twice, total, many, branches, side_by_side == list(range(60)), failed, nested]
`;
    const ended = await run(world, { code: { language: "python3", content: code } }, 50);
    expect(ended.exit, JSON.stringify(ended)).toMatchObject({ reason: "succeeded" });
    const many = [0, 2, 4, 6, 8];
    const nested = '"in it" is inside of the step "outer": a step is done as a whole, and remembers nothing in between';
    // The digits of the large number are lost in this test alone.
    const branches = [
      [0, 10],
      [1, 11],
    ];
    expect(ended.result).toEqual([{ at: "2026-11-22", n: Number("9007199254740993") }, [1, 2], Number("9007199254740994"), many, branches, true, 3, nested]);
    const raw = await fetch(`http://127.0.0.1:${world.httpPort}/api/v1/w/main/jobs/${ended.id}/checkpoints`, {
      headers: { authorization: `Bearer ${world.credentials.token}` },
    });
    expect(await raw.text()).toContain('"value":{"at":"2026-11-22","n":9007199254740993}');
    const shown = (await checkpointsOf(ended.id)).map(({ kind, name }) => `${kind} ${name}`);
    const inBranches = ["step parallel>0>inner", "step parallel>1>inner", "task parallel>0>f/api/add", "task parallel>1>f/api/add"];
    const side = Array.from({ length: 60 }, (_, n) => `step side>${n}>side`);
    const tasks = ["task f/api/add", "task f/api/fails", "task many", "task many#2", "task many#3", "task many#4", "task many#5"];
    expect(shown.sort()).toEqual(["sleep sleep", "step made", "step step", "step step#2", ...inBranches, ...side, ...tasks].sort());
  });

  test.concurrent("so do those of a TypeScript script", async () => {
    const code = `import { JobFailed, parallel, sleep, step, task, tasks } from "millrace";
export async function main() {
  const made = await step("made", () => ({ at: new Date(0), none: undefined }));
  const twice = await Promise.all([step(() => 1), step(async () => 2)]);
  const total = await task<number>("f/api/add", { a: 1, b: 2 });
  const many = await tasks<number>("f/api/echo", Array.from({ length: 30 }, (_, n) => ({ n })));
  const branches = await parallel([0, 1].map((n) => async () => [await step("inner", () => n), await task("f/api/echo", { n })]));
  await sleep(10);
  const failed = await task("f/api/fails").catch((error) => (error instanceof JobFailed ? error.job.exit : String(error)));
  const nested = await step("outer", () => step("in it", () => 1)).catch((error) => error.message);
  const odd = await step("odd", () => new Map()).catch((error) => error.message);
  return [made, twice, total, many, branches, failed, nested, odd];
}
`;
    const ended = await run(world, { code: { language: "typescript", content: code } }, 120);
    const fails = { reason: "exit_code", code: 3, message: expect.any(String) };
    const nested = '"in it" is inside of the step "outer": a step is done as a whole, and remembers nothing in between';
    const odd = 'what the step "odd" gives is not JSON: Map';
    const many = Array.from({ length: 30 }, (_, n) => n);
    const branches = [
      [0, 0],
      [1, 1],
    ];
    expect(ended.result, JSON.stringify(ended)).toEqual([{ at: "1970-01-01T00:00:00.000Z" }, [1, 2], 3, many, branches, fails, nested, odd]);
    expect((await checkpointsOf(ended.id)).length).toBe(3 + 1 + 30 + 4 + 1 + 1);
  });

  test.concurrent("a retry does again only the step that failed; a sleep goes on with what is left", async () => {
    const code = `import os, threading, time
import millrace
def main():
    first = os.environ["MILLRACE_ATTEMPT"] == "1"
    begun = millrace.step("begun", time.time)
    if first:
        threading.Timer(2, lambda: os._exit(3)).start()
    millrace.sleep(4)
    woke = millrace.step("woke", time.time)
    def fails_once():
        if os.environ["MILLRACE_ATTEMPT"] == "2":
            raise ValueError("not yet")
        return "now"
    return [woke - begun, millrace.step("fails", fails_once)]
`;
    const retry = { max_attempts: 3, constant: { delay_s: 0 } };
    const ended = await run(world, { code: { language: "python3", content: code }, retry }, 60);
    expect(ended, JSON.stringify(ended)).toMatchObject({ status: "succeeded", attempt: 3, result: [expect.any(Number), "now"] });
    const [sleptS] = ended.result as [number, string];
    expect(sleptS).toBeGreaterThanOrEqual(4);
    // From the beginning it would have been more than six.
    expect(sleptS).toBeLessThan(6);
  });

  test.concurrent.each([
    [
      "python3",
      'import os, millrace\ndef main():\n    first = os.environ["MILLRACE_ATTEMPT"] == "1"\n    millrace.step("charge" if first else "refund", lambda: 1)\n    if first:\n        raise ValueError("again")\n',
    ],
    [
      "typescript",
      'import { step } from "millrace";\nexport async function main() {\n  const first = process.env.MILLRACE_ATTEMPT === "1";\n  await step(first ? "charge" : "refund", () => 1);\n  if (first) throw new Error("again");\n}\n',
    ],
  ])("a %s script that does something else at another attempt fails, and says what it passed by", async (language, content) => {
    const ended = await run(world, { code: { language, content }, retry: { max_attempts: 2, constant: { delay_s: 0 } } }, 50);
    expect(ended).toMatchObject({ status: "failed", attempt: 2 });
    expect(ended.result).toMatchObject({
      error: {
        name: "WorkflowChanged",
        message: 'an earlier attempt has done "charge", and this one did not come by: a workflow must do the same at every attempt',
      },
    });
  });

  test.concurrent("a task that asks for something else than at an earlier attempt is refused; only the job itself remembers", async () => {
    const content = `import os, millrace
def main():
    first = os.environ["MILLRACE_ATTEMPT"] == "1"
    millrace.task("f/api/add", {"a": 1, "b": 1 if first else 2})
    if first:
        raise ValueError("again")
`;
    const retry = { max_attempts: 2, constant: { delay_s: 0 } };
    const ended = await run(world, { code: { language: "python3", content }, retry }, 50);
    expect(ended).toMatchObject({ status: "failed", result: { error: { message: expect.stringContaining('"f/api/add" was something else before') } } });
    const step = { checkpoints: [{ kind: "step", name: "a", value: 1 }] };
    expect((await world.api("POST", `/jobs/${ended.id}/checkpoints`, step)).status).toBe(403);
    expect((await world.api("POST", `/jobs/${ended.id}/tasks`, { tasks: [{ name: "a", job: { script: "f/api/fails" } }] })).status).toBe(403);
    expect((await job(world, ended.id)).attempts?.length).toBe(2);
  });

  test("kill -9 of the agent between steps and within a task: what was done is not done again, and no task starts twice", async () => {
    const marks = "f/api/marks_python";
    const code = `import time
import millrace
def mark(name):
    millrace.set_state((millrace.get_state("${marks}") or []) + [name], "${marks}")
    return name
def main():
    a = millrace.step("a", lambda: mark("a"))
    one = millrace.task("f/api/quick_python", {"n": 1})
    while not millrace.get_state("f/api/gate_python"):
        time.sleep(0.05)
    b = millrace.step("b", lambda: mark("b"))
    two = millrace.task("f/api/slow_python")
    return [a, one, b, two, millrace.step("c", lambda: mark("c"))]
`;
    await deploy("f/api/quick_python", "bash", 'n="$1"\necho "$n"');
    await deploy("f/api/slow_python", "bash", "sleep 2\necho 2");
    const { id } = await run(world, { code: { language: "python3", content: code } });
    await until("the first task is through", async () => (await jobsOf("f/api/quick_python"))[0]?.status === "succeeded");
    await agent.kill("SIGKILL");
    await world.api("PUT", "/resources/by-path?path=f/api/gate_python", { type: "state", value: true });
    await startAgent();
    await until("the second task runs", async () => (await jobsOf("f/api/slow_python"))[0]?.status === "running");
    await agent.kill("SIGKILL");
    await startAgent();
    expect(await untilEnded(world, id)).toMatchObject({ status: "succeeded", attempt: 3 });
    expect((await world.api("GET", `/jobs/${id}/result`)).body).toEqual(["a", 1, "b", 2, "c"]);
    expect((await world.api("GET", `/resources/value?path=${marks}`)).body).toEqual(["a", "b", "c"]);
    expect((await jobsOf("f/api/quick_python")).map(({ attempt }) => attempt)).toEqual([1]);
    expect((await jobsOf("f/api/slow_python")).map(({ attempt }) => attempt)).toEqual([2]);
    expect((await checkpointsOf(id)).map(({ name, attempt }) => [name, attempt])).toEqual([
      ["a", 1],
      ["f/api/quick_python", 1],
      ["b", 2],
      ["f/api/slow_python", 2],
      ["c", 3],
    ]);
  });

  test("kill -9 of the control plane within a step and within a task: the same attempt goes on", async () => {
    const marks = "f/api/marks_typescript";
    const code = `import { getState, setState, step, task } from "millrace";
import { setTimeout as pause } from "node:timers/promises";
async function mark(name: string) {
  await setState([...((await getState("${marks}")) ?? []), name], "${marks}");
  return name;
}
export async function main() {
  const a = await step("a", async () => {
    await mark("a");
    await pause(1500);
    return "a";
  });
  const one = await task("f/api/slow_typescript");
  return [a, one, await step("b", () => mark("b"))];
}
`;
    await deploy("f/api/slow_typescript", "bash", "sleep 2\necho 2");
    const { id } = await run(world, { code: { language: "typescript", content: code } });
    await until("the step has begun", async () => (await world.api("GET", `/resources/value?path=${marks}`)).status === 200);
    await world.server.kill("SIGKILL");
    await world.startServer();
    await until("the task runs", async () => (await jobsOf("f/api/slow_typescript"))[0]?.status === "running");
    await world.server.kill("SIGKILL");
    await world.startServer();
    expect(await untilEnded(world, id)).toMatchObject({ status: "succeeded", attempt: 1 });
    expect((await world.api("GET", `/jobs/${id}/result`)).body).toEqual(["a", 2, "b"]);
    expect((await world.api("GET", `/resources/value?path=${marks}`)).body).toEqual(["a", "b"]);
    expect((await jobsOf("f/api/slow_typescript")).map(({ attempt }) => attempt)).toEqual([1]);
  });
});
