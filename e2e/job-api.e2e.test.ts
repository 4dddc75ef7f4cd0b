import { afterAll, beforeAll, expect, test } from "vitest";
import { run, startWorld, type World } from "./harness.ts";

/** Jobs that speak to the API as themselves, from a sandbox without a network. */
let world: World;
beforeAll(async () => {
  world = await startWorld();
  await world.startAgent("one", { MILLRACE_AGENT_NETWORK: "none" });
  await deploy("f/api/add", "python3", "def main(a: int, b: int):\n    return a + b\n");
  await deploy("f/api/fails", "bash", "echo no >&2\nexit 3\n");
});
afterAll(() => world.close());

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
  await expect.poll(ask, { timeout: 5000 }).toBe(401);
});
