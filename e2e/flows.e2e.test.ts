import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { FlowEventView, FlowRunView, FlowStepView, Invitation } from "../control-plane/flows/runs/contract.ts";
import type { JobView } from "../control-plane/jobs/contract.ts";
import { eventsOf } from "./event-stream.ts";
import { job, launch, type Process, run, SCRIPTS, startWorld, until, untilEnded, type World } from "./harness.ts";

/** One server and one agent for all cases. */
let world: World;
beforeAll(async () => {
  world = await startWorld();
  await world.startAgent("steady", SCRIPTS);
});
afterAll(() => world.close());

type Inputs = Record<string, unknown>;
const js = (expr: string): Inputs => ({ type: "javascript", expr });
const bash = (id: string, content: string, inputs: Inputs = {}, more: Inputs = {}): Inputs => ({
  id,
  ...more,
  value: { type: "rawscript", language: "bash", content, input_transforms: inputs },
});
const flow = (modules: readonly Inputs[], more: Inputs = {}): Inputs => ({ document: { summary: "", value: { modules, ...more } } });
const stepOf = async (id: string, step: string): Promise<FlowStepView | undefined> =>
  (await world.api<FlowRunView>("GET", `/jobs/${id}/flow`)).body.steps.find((one) => one.step === step);
const events = async (id: string): Promise<FlowEventView[]> => (await world.api<{ events: FlowEventView[] }>("GET", `/jobs/${id}/flow/events`)).body.events;

test("a flow of every kind of step runs through the real stack, and its steps know where they belong", async () => {
  await world.api("POST", "/scripts", { path: "f/flows/double", language: "bash", content: 'n="$1"\necho $((n * 2))' });
  await world.api("POST", "/flows", {
    path: "f/flows/inner",
    document: {
      summary: "",
      value: { modules: [{ id: "d", value: { type: "script", path: "f/flows/double", input_transforms: { n: js("flow_input.n") } } }] },
    },
  });
  const modules = [
    bash("a", 'echo "[1, 2, 3]"'),
    { id: "i", value: { type: "identity", input_transforms: { list: js("results.a") } } },
    {
      id: "loop",
      value: {
        type: "forloopflow",
        iterator: js("results.i.list"),
        parallel: true,
        modules: [{ id: "sub", value: { type: "flow", path: "f/flows/inner", input_transforms: { n: js("flow_input.iter.value") } } }],
      },
    },
    {
      id: "choice",
      value: {
        type: "branchone",
        branches: [{ expr: "results.loop[2] > 5", modules: [bash("yes", 'echo "\\"$WM_FLOW_STEP_ID $greeting\\""')] }],
        default: [bash("no", "echo 0")],
      },
    },
    {
      id: "all",
      value: { type: "branchall", parallel: true, branches: [{ modules: [bash("p", "echo 1")] }, { modules: [bash("q", 'echo "\\"$WM_FLOW_JOB_ID\\""')] }] },
    },
    {
      id: "count",
      value: { type: "whileloopflow", modules: [bash("tick", 'i="$1"\necho "$i"', { i: js("flow_input.iter.index") })] },
      stop_after_if: { expr: "result >= 2", skip_if_stopped: false },
    },
    bash("z", 'loop="$1"\nchoice="$2"\nall="$3"\necho "[$loop, $choice, $all]"', {
      loop: js("results.loop"),
      choice: js("JSON.stringify(results.choice)"),
      all: js("results.all"),
    }),
  ];
  const ended = await run(world, flow(modules, { flow_env: { greeting: "hello" } }), 60);
  expect(ended).toMatchObject({ kind: "flow", status: "succeeded", result: [[2, 4, 6], "yes hello", [1, ended.id]] });
  const view = (await world.api<FlowRunView>("GET", `/jobs/${ended.id}/flow`)).body;
  expect(view.steps.map(({ step, status, count }) => [step, status, count])).toEqual([
    ["a", "succeeded", undefined],
    ["i", "succeeded", undefined],
    ["loop", "succeeded", 3],
    ["choice", "succeeded", undefined],
    ["all", "succeeded", 2],
    ["count", "succeeded", 3],
    ["z", "succeeded", undefined],
  ]);
  const listed = (await world.api<{ jobs: JobView[] }>("GET", "/jobs")).body.jobs;
  expect(listed.map(({ id }) => id)).toEqual([ended.id]);
  const steps = (await world.api<{ jobs: JobView[] }>("GET", "/jobs?steps=true")).body.jobs.filter(({ parent }) => parent === ended.id);
  expect(steps.find(({ step }) => step === "choice/0/yes")).toMatchObject({ kind: "step", root: ended.id, status: "succeeded" });
  expect(steps.filter(({ step, flow: path }) => step?.endsWith("/sub") && path === "f/flows/inner").length).toBe(3);
  const numbers = (await events(ended.id)).map(({ seq }) => seq);
  expect(numbers).toEqual(Array.from({ length: view.events }, (_, at) => at + 1));
});

test.concurrent("a caller who waits is answered by the step of early_return while the run goes on; progress is told as it comes", async () => {
  const gate = "/variables/by-path?path=f/flows/gate";
  await world.api("PUT", gate, { value: "closed" });
  const modules = [bash("quick", "echo 1"), bash("slow", "until [[ $(millrace variable get f/flows/gate) == open ]]; do sleep 0.2; done; echo 2")];
  const answered = await run(world, flow(modules, { early_return: "quick" }), 30);
  expect(answered).toMatchObject({ status: "running", result: 1 });
  const stepsIn = ({ event, data }: { event: string; data: object }): string[] => {
    const { steps } = data as FlowRunView;
    return [event, ...steps.map(({ step, status }) => `${step} ${status}`)];
  };
  const told: string[] = [];
  const seen: { event: string; data: Record<string, unknown> }[] = [];
  for await (const one of eventsOf(world, `/jobs/${answered.id}/flow?follow=true`)) {
    seen.push(one);
    // The step goes on when it was seen to run.
    if (one.event === "flow" && stepsIn(one).includes("slow running")) await world.api("PUT", gate, { value: "open" });
  }
  for await (const { event } of eventsOf(world, `/jobs/${answered.id}/flow/events?follow=true`)) told.push(event);
  expect(told).toEqual(["event", "event", "event", "event", "event", "end"]);
  const views = seen.slice(0, -1).map(stepsIn);
  expect(views[0]?.slice(0, 2)).toEqual(["flow", "quick succeeded"]);
  expect(views).toContainEqual(["flow", "quick succeeded", "slow running"]);
  expect(views.at(-1)).toEqual(["flow", "quick succeeded", "slow succeeded"]);
  expect(seen.at(-1)).toMatchObject({ event: "end", data: { id: answered.id, status: "succeeded" } });
  expect((await world.api("GET", `/jobs/${answered.id}/result`)).body).toBe(2);
  const refused = await world.api("POST", "/jobs", { ...flow([bash("a", "echo 1", {}, { delete_after_secs: 5 })]) });
  expect(refused).toMatchObject({ status: 400, body: { detail: expect.stringContaining("delete_after_secs") } });
});

test("same_worker: steps find in ./shared what those before have left, on the agent of the first; it goes with the run, and with a restart of the agent", async () => {
  const startSecond = (): Promise<Process> =>
    world.startAgent("second", { MILLRACE_AGENT_TAGS: "default,second", MILLRACE_AGENT_SLOTS: "1", MILLRACE_AGENT_PREPARED: "0", MILLRACE_AGENT_WARM_MB: "0" });
  const second = await startSecond();
  const kept = (): string[] => ["steady", "second"].flatMap((name) => readdirSync(join(world.dir, `agent-${name}`, "exec", "shared")));
  const tagged = (tag: string, content: string): Inputs => ({ id: "a", value: { type: "rawscript", language: "bash", content, input_transforms: {}, tag } });
  const modules = [tagged("default", "echo one > shared/f"), bash("b", "cat shared/f; echo two >> ./shared/f"), bash("c", "paste -sd- shared/f")];
  // More at a time than there are slots: each waits for the agent of its own.
  const begun = await Promise.all(Array.from({ length: 6 }, () => world.api<JobView>("POST", "/jobs", flow(modules, { same_worker: true }))));
  for (const { body } of begun) {
    expect(await untilEnded(world, body.id)).toMatchObject({ status: "succeeded" });
    expect((await world.api("GET", `/jobs/${body.id}/result`)).body).toBe("one-two");
  }
  await until("no folder is left", async () => kept().length === 0);

  const broken = await world.api<JobView>(
    "POST",
    "/jobs",
    flow([tagged("second", "echo one > shared/f"), bash("b", "cat shared/f; sleep 600")], { same_worker: true }),
  );
  await until("the second step runs", async () => (await stepOf(broken.body.id, "b"))?.status === "running" && kept().length === 1);
  await until("it has begun", async () => (await job(world, (await stepOf(broken.body.id, "b"))?.job ?? "")).started_at !== undefined);
  await second.kill("SIGKILL");
  const again = await startSecond();
  expect(await untilEnded(world, broken.body.id)).toMatchObject({ status: "failed", exit: { reason: "step_failed" } });
  expect((await world.api("GET", `/jobs/${broken.body.id}/result`)).body).toMatchObject({ error: { name: "FolderLost", step_id: "b" } });
  expect(kept()).toEqual([]);
  await again.kill("SIGTERM");
});

test.concurrent("a webhook starts a flow whose preprocessor, a function of that name in Python, makes its inputs", async () => {
  const content = "def preprocessor(event):\n    return {'n': event['body']['lines'], 'kind': event['kind']}";
  const preprocessor = { id: "preprocessor", value: { type: "rawscript", language: "python3", content, input_transforms: {} } };
  const value = {
    preprocessor_module: preprocessor,
    modules: [bash("a", 'n="$1"\nkind="$2"\necho "$n $kind"', { n: js("flow_input.n"), kind: js("flow_input.kind") })],
  };
  await world.api("POST", "/flows", { path: "f/flows/called", document: { summary: "", value } });
  const settings = { kind: "webhook", flow: "f/flows/called", mode: "wait", auth: { kind: "token" } };
  await world.api("PUT", "/triggers/by-path?path=f/flows/hook", settings);
  const { secret } = (await world.api<{ secret: string }>("POST", "/triggers/secrets?path=f/flows/hook")).body;
  const answer = await world.api<string>("POST", "/webhooks/f/flows/hook", { lines: 3 }, { authorization: `Bearer ${secret}` });
  expect([answer.status, answer.body]).toEqual([200, "3 webhook"]);
});

test.concurrent("millrace run shows the steps of a flow from a file as they come, with their output, and prints the result", async () => {
  const file = join(world.dir, "two.flow.yaml");
  writeFileSync(
    file,
    [
      "summary: two",
      "value:",
      "  modules:",
      ...["a", "b"].map((id) => `    - {id: ${id}, value: {type: rawscript, language: bash, content: "echo from ${id}; echo 7", input_transforms: {}}}`),
    ].join("\n"),
  );
  const out = join(world.dir, "run.log");
  const env = { MILLRACE_URL: `http://127.0.0.1:${world.httpPort}`, MILLRACE_TOKEN: world.credentials.token, MILLRACE_WORKSPACE: "main" };
  const command = launch(["run", file], env, out);
  await new Promise<void>((resolve) => command.child.once("exit", () => resolve()));
  await until("its output is written", async () => readFileSync(out, "utf8").includes("succeeded"));
  const lines = readFileSync(out, "utf8").split("\n");
  expect(command.child.exitCode).toBe(0);
  expect(lines.filter((line) => /^(▸ [ab]|[ab] │ from|✓ [ab])/.test(line))).toEqual(["▸ a", "a │ from a", "✓ a", "▸ b", "b │ from b", "✓ b"]);
  expect(lines).toContain("7");
});

test.concurrent("a run is restarted where it failed with the version that mends it, and one step is tried alone: by the API and the command line", async () => {
  const path = "f/flows/mended";
  const deploy = (content: string): Promise<unknown> =>
    world.api("POST", "/flows", {
      path,
      document: { summary: "", value: { modules: [bash("a", 'echo "$RANDOM"'), bash("b", content, { n: js("results.a") })] } },
    });
  await deploy("exit 3");
  const failed = await run(world, { flow: path }, 60);
  expect(failed).toMatchObject({ status: "failed" });
  await deploy('n="$1"\necho $((n * 2))');
  const first = (await stepOf(failed.id, "a"))?.job ?? "";
  const given = (await world.api<number>("GET", `/jobs/${first}/result`)).body;
  const begun = await world.api<JobView>("POST", `/jobs/${failed.id}/flow/restart`, { step: "b", newest: true });
  expect(begun).toMatchObject({ status: 201, body: { kind: "flow", flow: path, restarted_from: { job: failed.id, step: "b" } } });
  await untilEnded(world, begun.body.id);
  expect((await world.api("GET", `/jobs/${begun.body.id}/result`)).body).toBe(given * 2);
  expect((await stepOf(begun.body.id, "a"))?.job).toBe(first);
  expect((await world.api("POST", `/jobs/${failed.id}/flow/restart`, { step: "z" })).status).toBe(400);
  const tried = await world.api<JobView>("POST", "/flows/test", { flow: path, step: "b", results: { a: 21 } });
  await untilEnded(world, tried.body.id);
  expect((await world.api("GET", `/jobs/${tried.body.id}/result`)).body).toBe(42);
  const env = { MILLRACE_URL: `http://127.0.0.1:${world.httpPort}`, MILLRACE_TOKEN: world.credentials.token, MILLRACE_WORKSPACE: "main" };
  for (const [args, line] of [
    [["restart", begun.body.id, "--step", "b"], String(given * 2)],
    [["test-step", path, "--step", "b", "--results", '{"a": 5}'], "10"],
  ] as const) {
    const out = join(world.dir, `${args[0]}.log`);
    const command = launch([...args], env, out);
    await new Promise<void>((resolve) => command.child.once("exit", () => resolve()));
    await until("its output is written", async () => readFileSync(out, "utf8").includes("succeeded"));
    expect([command.child.exitCode, readFileSync(out, "utf8").split("\n")]).toEqual([0, expect.arrayContaining([line])]);
  }
});

test("people let a step go on by secret links and under their own names; a refusal cancels; the answers are in the flow", async () => {
  const schema = { properties: { ok: { type: "integer" }, how: { type: "string", default: "well" } }, required: ["ok"] };
  const suspend = { required_events: 2, timeout: 600, resume_form: { schema } };
  const modules = [bash("ask", "echo 1", {}, { suspend, summary: "May it go on?" }), bash("told", 'r="$1"\necho "$r"', { r: js("[resumes, approvers]") })];
  const begun = await run(world, flow(modules));
  await until("it waits", async () => (await stepOf(begun.id, "ask"))?.status === "suspended");
  expect((await world.api("GET", `/jobs/${begun.id}/logs`)).status).toBe(200);
  const invited = await world.api<Invitation>("POST", `/jobs/${begun.id}/flow/invite`, { approver: "Ann" });
  const about = await (await fetch(invited.body.resume_url)).json();
  expect(about).toMatchObject({ step: "ask", summary: "May it go on?", approver: "Ann", waiting: true, approvals: 0, needed: 2, can_refuse: true });
  const answer = (url: string, body?: unknown): Promise<Response> =>
    fetch(url, { method: "POST", ...(body !== undefined && { headers: { "content-type": "application/json" }, body: JSON.stringify(body) }) });
  const unfit = await answer(invited.body.resume_url, { ok: "yes" });
  expect([unfit.status, await unfit.json()]).toMatchObject([
    400,
    { code: "invalid_argument", errors: [{ pointer: "/ok", message: "must be an integer, got a string" }] },
  ]);
  expect((await answer(invited.body.resume_url, { ok: 1 })).status).toBe(202);
  expect((await answer(invited.body.resume_url, { ok: 2 })).status).toBe(409);
  // Not the last one: some of its bits mean nothing.
  const wrong = invited.body.resume_url.replace(/.(?=.{9}$)/, (letter) => (letter === "0" ? "1" : "0"));
  expect((await answer(wrong)).status).toBe(404);
  await until("it was counted", async () => (await stepOf(begun.id, "ask"))?.done === 1);
  await world.server.kill("SIGKILL");
  await world.startServer();
  const env = { MILLRACE_URL: `http://127.0.0.1:${world.httpPort}`, MILLRACE_TOKEN: world.credentials.token, MILLRACE_WORKSPACE: "main" };
  const approve = async (payload: string, log: string): Promise<[number | null, string]> => {
    const command = launch(["approve", begun.id, "--payload", payload], env, join(world.dir, log));
    await new Promise<void>((resolve) => command.child.once("exit", () => resolve()));
    await until("it says what became of it", async () => readFileSync(join(world.dir, log), "utf8").includes("\n"));
    return [command.child.exitCode, readFileSync(join(world.dir, log), "utf8")];
  };
  expect(await approve('{"how": "badly"}', "unfit.log")).toEqual([2, expect.stringContaining("does not fit the form of step ask: payload.ok is required")]);
  expect(await approve('{"ok": 2, "how": "badly"}', "approve.log")).toEqual([0, expect.stringContaining("approved")]);
  const ended = await untilEnded(world, begun.id);
  expect(ended.status).toBe("succeeded");
  const { body: result } = await world.api<[unknown[], string[]]>("GET", `/jobs/${begun.id}/result`);
  expect([result[0], result[1][0], result[1].length]).toEqual([
    [
      { ok: 1, how: "well" },
      { ok: 2, how: "badly" },
    ],
    "Ann",
    2,
  ]);
  expect(await (await fetch(invited.body.resume_url)).json()).toMatchObject({ waiting: false });

  // Whoever started it at a terminal is told what it waits for.
  const [file, out] = [join(world.dir, "asks.flow.json"), join(world.dir, "asks.log")];
  writeFileSync(file, JSON.stringify(flow(modules)["document"]));
  const shown = launch(["run", file], env, out);
  await until("it says so", async () => readFileSync(out, "utf8").includes("… ask waits for people, 0 of 2 have approved: millrace approve"));
  const refused = /job ([0-9a-f-]{36})/.exec(readFileSync(out, "utf8"))?.[1] ?? "";
  const { body: other } = await world.api<Invitation>("POST", `/jobs/${refused}/flow/invite`, {});
  expect((await answer(other.cancel_url)).status).toBe(202);
  expect(await untilEnded(world, refused)).toMatchObject({ status: "cancelled", exit: { message: "approval request disapproved" } });
  if (shown.child.exitCode === null) await new Promise<void>((resolve) => shown.child.once("exit", () => resolve()));
});

test("a flow as Windmill's editor saves it runs: loops, branches, retries, an approval with a form; what fails in it comes to its failure module", async () => {
  const yaml = readFileSync(new URL("order.flow.yaml", import.meta.url), "utf8");
  const path = "f/shop/order";
  expect((await world.api("POST", "/flows", { path, yaml })).status).toBe(201);
  const begin = async (name: string, more: Inputs): Promise<string> => {
    const counter = `f/shop/${name}`;
    await world.api("PUT", `/variables/by-path?path=${counter}`, { value: "0" });
    const args = { customer: "ann@example.com", counter, free_cents: 100_000, address: "", ...more };
    return (await world.api<JobView>("POST", "/jobs", { flow: path, args })).body.id;
  };
  const result = async (id: string): Promise<unknown> => (await world.api("GET", `/jobs/${id}/result`)).body;
  const large = await begin("large", {
    address: "1 Mill Lane",
    lines: [
      ["chair", 20],
      ["desk", 2],
    ],
  });
  const small = await begin("small", { lines: [["chair", 1]] });

  await until("it asks", async () => (await stepOf(large, "d/0/f"))?.status === "suspended");
  const { body: invited } = await world.api<Invitation>("POST", `/jobs/${large}/flow/invite`, { approver: "Bo" });
  const send = (body: unknown): Promise<Response> =>
    fetch(invited.resume_url, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
  const refused = await send({ budget: "mine", express: 1 });
  expect([refused.status, await refused.json()]).toMatchObject([400, { errors: [{ pointer: "/budget" }, { pointer: "/express" }] }]);
  expect((await send({ budget: "workshop" })).status).toBe(202);
  expect(await untilEnded(world, large)).toMatchObject({ status: "succeeded" });
  const answer = { answer: { budget: "workshop", note: "", express: false }, by: ["Bo"] };
  expect(await result(large)).toEqual({ total: 122_000, answer, tries: 3, told: true, rounds: 3 });

  expect(await untilEnded(world, small)).toMatchObject({ status: "failed", exit: { reason: "step_failed" } });
  expect(await result(small)).toEqual({ sorry: "ann@example.com", step: "m", because: expect.stringContaining("no address") });
  expect([await stepOf(small, "d/0/f"), (await stepOf(small, "d"))?.status]).toEqual([undefined, "succeeded"]);
});

test("kill -9 of the control plane between any two transitions: the run goes on unaided, and nothing that succeeded runs twice", async () => {
  const flaky = 'if [ "$1" = "1" ] && [ ! -e "$HOME/never" ] && [ $((RANDOM % 2)) = 0 ]; then exit 3; fi\nn="$1"\necho "$n"';
  const retry = { constant: { attempts: 20, seconds: 1 } };
  const modules = [
    bash("a", "echo '[1, 2, 3, 4]'"),
    {
      id: "loop",
      value: {
        type: "forloopflow",
        iterator: js("results.a"),
        parallel: true,
        parallelism: { type: "static", value: 2 },
        modules: [bash("try", flaky, { n: js("flow_input.iter.value") }, { retry }), bash("more", 'n="$1"\necho $((n + 10))', { n: js("results.try") })],
      },
    },
    { id: "all", value: { type: "branchall", parallel: true, branches: [{ modules: [bash("p", "sleep 0.3; echo 1")] }, { modules: [bash("q", "echo 2")] }] } },
    bash("z", 'l="$1"\necho "$l"', { l: js("results.loop.concat(results.all)") }),
  ];
  const begun = await run(world, flow(modules));
  let seen = 0;
  for (let kills = 0; kills < 3; kills++) {
    await until("something has happened", async () => (await events(begun.id)).length >= seen + 4 || (await job(world, begun.id)).finished_at !== undefined);
    seen = (await events(begun.id)).length;
    await world.server.kill("SIGKILL");
    await world.startServer();
  }
  expect(await untilEnded(world, begun.id)).toMatchObject({ status: "succeeded" });
  expect((await world.api("GET", `/jobs/${begun.id}/result`)).body).toEqual([11, 12, 13, 14, 1, 2]);
  const all = await events(begun.id);
  const done = all.filter(({ kind, outcome }) => kind === "ended" && outcome === "succeeded").map(({ step }) => step);
  expect([done.length, new Set(done).size]).toEqual([12, 12]);
  const { body } = await world.api<{ jobs: JobView[] }>("GET", "/jobs?steps=true&limit=200");
  const jobs = body.jobs.filter(({ parent, status }) => parent === begun.id && status === "succeeded").map(({ step }) => step);
  expect(jobs.toSorted()).toEqual(done.toSorted());
});
