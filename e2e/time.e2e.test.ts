import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { JobView } from "../control-plane/jobs/contract.ts";
import type { ScheduleRunView } from "../control-plane/schedules/contract.ts";
import { IN_TURN, job, type Process, run, startWorld, until, untilEnded, type World } from "./harness.ts";

const bash = (content: string): { code: { language: string; content: string } } => ({ code: { language: "bash", content } });

interface Schedule {
  readonly next_at?: string;
}

const scheduleRuns = async (world: World, path: string): Promise<readonly ScheduleRunView[]> =>
  (await world.api<{ runs: ScheduleRunView[] }>("GET", `/schedules/runs?path=${path}&limit=200`)).body.runs;

// Two worlds side by side: the second one waits most of its time, for what a server that was killed had claimed.
describe.concurrent("jobs", () => {
  let agent: Process;
  let world: World;
  beforeAll(async () => {
    world = await startWorld({ env: { MILLRACE_CANCEL_GRACE_MS: "500" } });
    agent = await world.startAgent("steady");
  });
  afterAll(() => world.close());

  test("a script that fails twice succeeds at its third attempt; all attempts are shown with their ends and their output", IN_TURN, async () => {
    const content = 'echo "this is $MILLRACE_ATTEMPT"\nif [ "$MILLRACE_ATTEMPT" -lt 3 ]; then exit $((70 + MILLRACE_ATTEMPT)); fi\necho "\\"through\\""';
    const retry = { max_attempts: 5, exponential: { first_s: 0.1, factor: 2, jitter: 0.5 }, retry_if: { exit_codes: [71, 72] } };
    const ended = await run(world, { ...bash(content), retry }, 30);
    expect(ended).toMatchObject({ status: "succeeded", attempt: 3, result: "through", retry });
    expect(ended.attempts?.map((attempt) => [attempt.attempt, attempt.agent, attempt.exit?.reason, attempt.exit?.code])).toEqual([
      [1, "steady", "exit_code", 71],
      [2, "steady", "exit_code", 72],
      [3, "steady", "succeeded", undefined],
    ]);
    for (const attempt of [1, 2]) {
      expect((await world.api<string>("GET", `/jobs/${ended.id}/logs?attempt=${attempt}`)).body).toBe(`this is ${attempt}\n`);
    }
  });

  test("defaults of a script hold for its runs, and a run may ask for something else", IN_TURN, async () => {
    const deployed = await world.api<{ retry: unknown }>("POST", "/scripts", {
      path: "f/time/fails",
      language: "bash",
      content: "exit 3",
      priority: 2,
      retry: { max_attempts: 2, constant: { delay_s: 0 } },
    });
    expect(deployed.body).toMatchObject({ priority: 2, retry: { max_attempts: 2 } });
    expect(await run(world, { script: "f/time/fails" }, 30)).toMatchObject({ status: "failed", attempt: 2, priority: 2 });
    expect(await run(world, { script: "f/time/fails", retry: { max_attempts: 1 } }, 30)).toMatchObject({ status: "failed", attempt: 1 });
  });

  test("a soft timeout lets the script clean up and ends it as timed out", IN_TURN, async () => {
    const ended = await run(
      world,
      { ...bash("trap 'echo cleaned; exit 0' TERM\nwhile true; do sleep 0.05; done"), soft_timeout_ms: 300, timeout_ms: 20_000 },
      20,
    );
    expect(ended).toMatchObject({ status: "failed", exit: { reason: "timeout", message: expect.stringContaining("soft timeout of 0.3 s") } });
    expect((await world.api<string>("GET", `/jobs/${ended.id}/logs`)).body).toContain("cleaned\n");
    const wrong = await world.api("POST", "/jobs", { ...bash("true"), soft_timeout_ms: 500, timeout_ms: 400 });
    expect(wrong).toMatchObject({ status: 400, body: { errors: [{ pointer: "/soft_timeout_ms" }] } });
  });

  test("the same request under a key is one job, at the same time and later; another body is a 409; batches complete the rest", IN_TURN, async () => {
    const key = { "idempotency-key": "order-7" };
    const post = (path: string, body: unknown, headers = key) => world.api<JobView & { ids: string[] }>("POST", path, body, headers);
    const together = await Promise.all(Array.from({ length: 8 }, () => post("/jobs", bash("echo 1"))));
    expect(together.map(({ status }) => status).sort()).toEqual([200, 200, 200, 200, 200, 200, 200, 201]);
    expect(new Set(together.map(({ body }) => body.id)).size).toBe(1);
    expect(await post("/jobs?wait=20", bash("echo 1"))).toMatchObject({ status: 200, body: { id: together[0]?.body.id, status: "succeeded", result: 1 } });
    expect(await post("/jobs?wait=20", bash("echo 1"))).toMatchObject({ status: 200, body: { id: together[0]?.body.id, result: 1 } });
    expect(await post("/jobs", bash("echo 2"))).toMatchObject({ status: 409, body: { code: "already_exists" } });
    // Another route has its own keys.
    await world.api("POST", "/scripts", { path: "f/time/echo", language: "bash", content: 'n="$1"\necho "$n"' });
    const items = (keys: string[]) => ({ script: "f/time/echo", jobs: keys.map((name) => ({ args: { n: name }, idempotency_key: name })) });
    const part = await post("/jobs/batch", items(["a", "b"]));
    const whole = await post("/jobs/batch", items(["a", "c", "b"]));
    expect([part.status, whole.status, (await post("/jobs/batch", items(["b"]))).status]).toEqual([201, 201, 200]);
    expect([whole.body.ids[0], whole.body.ids[2]]).toEqual(part.body.ids);
    expect(await post("/jobs", bash("true"), { "idempotency-key": "with space" })).toMatchObject({ status: 400 });
  });

  test("jobs that wait for a moment or for an agent, and a cancel that was asked for, outlive a kill -9 of the control plane", IN_TURN, async () => {
    const running = await run(world, bash("trap '' TERM\nwhile true; do sleep 0.05; done"));
    await until("the job runs", async () => (await job(world, running.id)).status === "running");
    // The agent cannot hear of the cancel, so the request is only with the owner that is about to die.
    agent.child.kill("SIGSTOP");
    expect((await world.api("POST", `/jobs/${running.id}/cancel`, { reason: "enough" })).status).toBe(202);
    const begun = Date.now();
    const later = await run(world, { ...bash("echo 1"), delay_s: 4 });
    expect(later).toMatchObject({ status: "queued", wait_reason: `scheduled for ${later.scheduled_for}`, next_attempt_at: later.scheduled_for });
    const far = await run(world, { ...bash("echo 1"), scheduled_for: new Date(begun + 90 * 24 * 3600 * 1000).toISOString() });
    const expiring = await run(world, { ...bash("echo 1"), tag: "nobody", queue_ttl_s: 3 });
    await world.server.kill("SIGKILL");
    await world.startServer();
    agent.child.kill("SIGCONT");
    expect(await untilEnded(world, running.id)).toMatchObject({ status: "cancelled", exit: { reason: "cancelled" } });
    expect(await untilEnded(world, expiring.id)).toMatchObject({
      status: "cancelled",
      attempt: 0,
      exit: { reason: "expired", message: "no attempt began within the job's queue TTL" },
    });
    const ended = await untilEnded(world, later.id);
    expect(ended).toMatchObject({ status: "succeeded", attempt: 1 });
    expect(Date.parse(ended.started_at ?? "")).toBeGreaterThanOrEqual(Date.parse(later.scheduled_for ?? ""));
    expect(await job(world, far.id)).toMatchObject({ status: "queued", wait_reason: expect.stringContaining("scheduled for") });
    expect((await world.api("POST", `/jobs/${far.id}/cancel`)).status).toBe(202);
    expect(await job(world, far.id)).toMatchObject({ status: "cancelled" });
  });
});

describe.concurrent("schedules", () => {
  let world: World;
  beforeAll(async () => {
    world = await startWorld();
    await world.startAgent("steady");
  });
  afterAll(() => world.close());

  test("a schedule ticks each second through a kill -9 of the control plane: every tick has one job; its handlers are run", IN_TURN, async () => {
    const put = (path: string, body: unknown) => world.api<Schedule>("PUT", `/schedules/by-path?path=${path}`, body);
    await world.api("POST", "/scripts", { path: "f/time/fails", language: "bash", content: "exit 3" });
    await world.api("POST", "/scripts", { path: "f/time/tick", language: "bash", content: "true" });
    await world.api("POST", "/scripts", { path: "f/time/told", language: "bash", content: 'schedule="$1"\nfailures="$2"\necho "\\"$schedule $failures\\""' });
    expect(await put("f/time/wrong", { cron: "* * * *", script: "f/time/tick" })).toMatchObject({ status: 400, body: { errors: [{ pointer: "/cron" }] } });
    expect(await put("f/time/second", { cron: "* * * * * *", script: "f/time/tick", overlap: "parallel" })).toMatchObject({ status: 201 });
    await until("it ticks", async () => (await scheduleRuns(world, "f/time/second")).length > 2);
    // As near to a tick as can be.
    await new Promise((resolve) => setTimeout(resolve, 1003 - (Date.now() % 1000)));
    await world.server.kill("SIGKILL");
    await world.startServer();
    const backAt = Date.now();
    await until("it ticks again", async () => (await scheduleRuns(world, "f/time/second")).some(({ due_at }) => Date.parse(due_at) > backAt + 1000));
    expect((await world.api<Schedule>("POST", "/schedules/pause?path=f/time/second")).body.next_at).toBeUndefined();
    await until("nothing is left to start", async () => (await scheduleRuns(world, "f/time/second")).every(({ state }) => state !== "starting"));
    const runs = await scheduleRuns(world, "f/time/second");
    const seconds = runs.map(({ due_at }) => Date.parse(due_at) / 1000).reverse();
    expect(seconds).toEqual(seconds.map((_, at) => (seconds[0] ?? 0) + at));
    expect(runs.every(({ state }) => state === "started")).toBe(true);
    const jobs = await world.api<{ jobs: JobView[] }>("GET", "/jobs?script=f/time/tick&limit=200");
    const made = jobs.body.jobs.filter(({ created_by }) => created_by === "schedule:f/time/second");
    expect(made.map(({ id }) => id).sort()).toEqual(runs.map(({ job: id }) => id).sort());

    await put("f/time/failing", { cron: "* * * * * *", script: "f/time/fails", on_error: { script: "f/time/told", after: 2, exact: true } });
    await until("the handler is run", async () => (await scheduleRuns(world, "f/time/failing")).some((one) => one.handler_job !== undefined));
    await world.api("POST", "/schedules/pause?path=f/time/failing");
    const failed = await scheduleRuns(world, "f/time/failing");
    const [called, ...more] = failed.filter((one) => one.handler !== undefined);
    expect([called?.handler, more]).toEqual(["error", []]);
    const handler = await untilEnded(world, called?.handler_job ?? "");
    expect(handler).toMatchObject({ status: "succeeded", script: "f/time/told", created_by: "schedule:f/time/failing" });
    expect((await world.api("GET", `/jobs/${handler.id}/result`)).body).toBe("f/time/failing 2");
  });
});
