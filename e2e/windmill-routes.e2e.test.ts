import { afterAll, beforeAll, expect, test } from "vitest";
import { SCRIPTS, startWorld, untilEnded, type World } from "./harness.ts";
import { expectCalled } from "./windmill-calls.ts";

/** The routes of Windmill's API, asked as its clients ask. The clients themselves: windmill-clients.e2e. */
let world: World;
/** Of the script that jobs run. */
let hash: string;

beforeAll(async () => {
  world = await startWorld();
  await world.startAgent("one", SCRIPTS);
  for (const [path, body] of [
    ["/variables/by-path?path=f/app/password", { value: "hunter2-hunter2", is_secret: true, description: "of the database" }],
    ["/variables/by-path?path=f/wm/v", { value: "two" }],
  ] as const)
    expect((await world.api("PUT", path, body)).status).toBe(201);
  const content = "def main(n: int):\n    if n < 0:\n        raise ValueError('negative')\n    return n * 2\n";
  const double = await world.api<{ hash: string }>("POST", "/scripts", { path: "f/wm/double", language: "python3", content });
  expect(double.status).toBe(201);
  hash = double.body.hash;
});
afterAll(() => world.close());

async function ask(method: string, path: string, body?: unknown): Promise<[number, string]> {
  const response = await fetch(`http://127.0.0.1:${world.httpPort}/api/w/main${path}`, {
    method,
    headers: { authorization: `Bearer ${world.credentials.token}`, ...(body !== undefined && { "content-type": "application/json" }) },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  return [response.status, await response.text()];
}

const json = async (path: string): Promise<unknown> => JSON.parse((await ask("GET", path))[1]);
const at = (path: string): unknown => expect.objectContaining({ path });

test("variables are made, changed, read and looked for; secrets stay", async () => {
  expect(await ask("GET", "/variables/exists/f/wm/new")).toEqual([200, "false"]);
  expect((await ask("POST", "/variables/create", { path: "f/wm/new", value: "one", is_secret: false, description: "", account: null }))[0]).toBe(201);
  expect((await ask("POST", "/variables/create", { path: "f/wm/new", value: "two", is_secret: false, description: "" }))[0]).toBe(409);
  expect((await ask("POST", "/variables/update/f/wm/new", { value: "two" }))[0]).toBe(200);
  expect((await ask("POST", "/variables/update/f/wm/none", { value: "two" }))[0]).toBe(404);
  expect(await ask("GET", "/variables/get_value/f/wm/new")).toEqual([200, '"two"']);
  expect(await json("/variables/get/f/wm/new")).toMatchObject({ path: "f/wm/new", value: "two", is_secret: false, workspace_id: "main" });
  expect((await ask("GET", "/variables/get_value/f/app/password"))[0]).toBe(403);
  expect(await json("/variables/get/f/app/password?decrypt_secret=false")).not.toHaveProperty("value");
  expect(await json("/variables/list?path_start=f/wm/&path=f/wm/v")).toEqual([at("f/wm/v")]);
  expect(await json("/variables/list?description=DATABASE")).toEqual([at("f/app/password")]);
  expect((await ask("GET", "/variables/list?value=two"))[0]).toBe(400);
});

test("resources are made, changed and read, with what they refer to and without", async () => {
  const made = { path: "u/wm/r", value: { h: "$var:f/wm/v" }, resource_type: "thing" };
  expect((await ask("POST", "/resources/create", made))[0]).toBe(201);
  expect((await ask("POST", "/resources/create", made))[0]).toBe(409);
  expect((await ask("POST", "/resources/create?update_if_exists=true", made))[0]).toBe(201);
  expect(await ask("GET", "/resources/get_value_interpolated/u/wm/r")).toEqual([200, '{"h":"two"}']);
  expect(await ask("GET", "/resources/get_value/u/wm/r")).toEqual([200, '{"h":"$var:f/wm/v"}']);
  expect((await ask("POST", "/resources/update_value/u/wm/r", { value: null }))[0]).toBe(200);
  expect(await json("/resources/get/u/wm/r")).toMatchObject({ value: null, resource_type: "thing" });
  expect((await ask("GET", "/resources/get_value/u/wm/none"))[0]).toBe(404);
  expect((await ask("POST", "/resources/update/u/wm/none", { value: 1 }))[0]).toBe(404);
});

test("jobs are started, waited for and asked what became of them", async () => {
  expect(await ask("POST", "/jobs/run_wait_result/p/f/wm/double", { n: 4 })).toEqual([200, "8"]);
  expect((await ask("POST", "/jobs/run_wait_result/p/f/wm/double", { n: -1 }))[0]).toBe(500);
  const [status, id] = await ask("POST", "/jobs/run/p/f/wm/double?parent_job=x", { n: 5 });
  expect([status, id]).toEqual([201, expect.stringMatching(/^[0-9a-f-]{36}$/)]);
  await untilEnded(world, id);
  expect(await json(`/jobs_u/completed/get_result_maybe/${id}`)).toEqual({ completed: true, started: true, success: true, result: 10 });
  expect(await json(`/jobs_u/get/${id}`)).toMatchObject({ type: "CompletedJob", success: true, canceled: false, result: 10, script_path: "f/wm/double" });
  expect(await ask("GET", `/jobs_u/completed/get_result/${id}`)).toEqual([200, "10"]);
  const [, late] = await ask("POST", `/jobs/run/h/${hash}?scheduled_in_secs=3600`, { n: 5 });
  expect(await ask("POST", `/jobs/queue/cancel/${late}`, { reason: "no more" })).toEqual([200, late]);
  expect(await json(`/jobs_u/get/${late}`)).toMatchObject({ canceled: true, canceled_reason: expect.stringContaining("no more") });
  expect(await ask("POST", `/jobs/run_wait_result/h/${hash}`, { n: 6 })).toEqual([200, "12"]);
  await expectCalled(world, "HTTP");
});

test("when a job begins, and how often it is tried, is as the query says, or the job is refused", async () => {
  const start = new Date(Date.now() + 3600_000).toISOString();
  const query = (retry: unknown): string => new URLSearchParams({ scheduled_for: start, retry: JSON.stringify(retry) }).toString();
  const [status, id] = await ask("POST", `/jobs/run/p/f/wm/double?${query({ constant: { attempts: 2, seconds: 5 } })}`, { n: 5 });
  expect(status).toBe(201);
  expect((await world.api("GET", `/jobs/${id}`)).body).toMatchObject({ scheduled_for: start, retry: { max_attempts: 3, constant: { delay_s: 5 } } });
  expect((await ask("POST", `/jobs/run/p/f/wm/double?${query({ constant: { attempts: 1000 } })}`, { n: 5 }))[0]).toBe(400);
  expect((await ask("POST", `/jobs/run/p/f/wm/double?${query({ retry_if: { expr: "true" } })}`, { n: 5 }))[0]).toBe(501);
  expect((await ask("POST", "/jobs/run/p/f/wm/double?retry=no", { n: 5 }))[0]).toBe(400);
  expect((await ask("POST", "/jobs/run/preview_flow", { value: { modules: [] }, restarted_from: { flow_job_id: id, step_id: "a" } }))[0]).toBe(501);
});

test("of the run of a flow it is told how far its steps are", async () => {
  const double = (id: string, expr: string, more: object = {}): object => ({
    ...{ id, value: { type: "script", path: "f/wm/double", input_transforms: { n: { type: "javascript", expr } } } },
    ...more,
  });
  const failureModule = double("failure", "1");
  const value = {
    modules: [double("a", "flow_input.n"), double("b", "results.a", { suspend: { required_events: 1 } }), double("c", "-1")],
    failure_module: failureModule,
  };
  const [, id] = await ask("POST", "/jobs/run/preview_flow", { value, args: { n: 1 } });
  const told = async () => Object(await json(`/jobs_u/get/${id}`)).flow_status;
  const job = expect.stringMatching(/^[0-9a-f-]{36}$/);
  await expect.poll(told).toEqual({
    step: 1,
    modules: [
      { id: "a", type: "Success", job },
      { id: "b", type: "WaitingForEvents", job },
      { id: "c", type: "WaitingForPriorSteps" },
    ],
    failure_module: { id: "failure", type: "WaitingForPriorSteps" },
  });
  expect((await world.api("POST", `/jobs/${id}/flow/answer`, { approve: true })).status).toBe(202);
  await untilEnded(world, id);
  expect(await json(`/jobs_u/completed/get/${id}`)).toMatchObject({
    job_kind: "flowpreview",
    flow_status: {
      step: 2,
      modules: [{ type: "Success" }, { type: "Success" }, { id: "c", type: "Failure", job }],
      failure_module: { id: "failure", type: "Success", job },
    },
  });
  const [, script] = await ask("POST", "/jobs/run/p/f/wm/double", { n: 5 });
  expect(await json(`/jobs_u/get/${script}`)).not.toHaveProperty("flow_status");
});

test("schedules are made, enabled, changed, listed and deleted; what there is nothing for is refused by name", async () => {
  const schedule = { path: "f/wm/nightly", schedule: "0 0 3 * * *", timezone: "UTC", script_path: "f/wm/double", is_flow: false, args: { n: 1 }, summary: "S" };
  const [closed, why] = await ask("POST", "/schedules/create", { ...schedule, on_success: "script/f/wm/double" });
  expect([closed, JSON.parse(why)]).toEqual([501, expect.objectContaining({ errors: [expect.objectContaining({ pointer: "/on_success" })] })]);
  const [wrong, names] = await ask("POST", "/schedules/create", { ...schedule, script_path: "f/wm/none" });
  expect([wrong, JSON.parse(names)]).toEqual([400, expect.objectContaining({ errors: [expect.objectContaining({ pointer: "/script_path" })] })]);
  expect(await ask("POST", "/schedules/create", schedule)).toEqual([201, "f/wm/nightly"]);
  expect((await ask("POST", "/schedules/create", schedule))[0]).toBe(409);
  expect(await ask("POST", "/schedules/setenabled/f/wm/nightly", { enabled: true })).toEqual([200, "schedule f/wm/nightly enabled"]);
  expect((await ask("POST", "/schedules/update/f/wm/nightly", { ...schedule, schedule: "0 0 4 * * *" }))[0]).toBe(200);
  const { script_path: _script, is_flow: _flow, ...withoutScript } = schedule;
  expect((await ask("POST", "/schedules/update/f/wm/nightly", { ...withoutScript, schedule: "0 0 4 * * *" }))[0]).toBe(200);
  expect((await ask("POST", "/schedules/update/f/wm/nightly", { ...schedule, path: "f/wm/other" }))[0]).toBe(501);
  expect((await ask("POST", "/schedules/update/f/wm/none", { ...schedule, path: "f/wm/none" }))[0]).toBe(404);
  const told = { schedule: "0 0 4 * * *", script_path: "f/wm/double", is_flow: false, enabled: true, summary: "S", args: { n: 1 } };
  expect(await json("/schedules/get/f/wm/nightly")).toMatchObject(told);
  expect((await ask("GET", "/schedules/get/f/wm/none"))[0]).toBe(404);
  expect(await json("/schedules/list?per_page=1")).toEqual([at("f/wm/nightly")]);
  expect(await json("/schedules/list?per_page=1&page=2")).toEqual([]);
  // Another one at the path, made here: what was said of the first is not told of it.
  expect((await world.api("DELETE", "/schedules/by-path?path=f/wm/nightly")).status).toBe(204);
  const ours = { cron: "0 0 5 * * *", script: "f/wm/double", args: { n: 1 } };
  expect((await world.api("PUT", "/schedules/by-path?path=f/wm/nightly", ours)).status).toBe(201);
  expect(Object.keys(Object(await json("/schedules/get/f/wm/nightly"))).filter((name) => /summary|millrace/.test(name))).toEqual([]);
  expect([await ask("DELETE", "/schedules/delete/f/wm/nightly"), await ask("GET", "/schedules/exists/f/wm/nightly")]).toMatchObject([
    [200, "schedule f/wm/nightly deleted"],
    [200, "false"],
  ]);
});

test("routes of HTTP are made and listed, page by page; those with a secret are in no list and are not opened", async () => {
  const route = {
    script_path: "f/wm/double",
    is_flow: false,
    route_path: "double/:n",
    http_method: "get",
    workspaced_route: true,
    authentication_method: "none",
  };
  expect((await ask("POST", "/http_triggers/create", { ...route, path: "f/wm/route", authentication_method: "api_key" }))[0]).toBe(501);
  expect((await ask("POST", "/http_triggers/create", { ...route, path: "f/wm/route" }))[0]).toBe(201);
  expect((await ask("POST", "/http_triggers/create", { ...route, path: "f/wm/same" }))[0]).toBe(409);
  expect(await json("/http_triggers/get/f/wm/route")).toMatchObject({ ...route, path: "f/wm/route" });
  const { route_path: _address, workspaced_route: _below, ...withoutAddress } = route;
  expect((await ask("POST", "/http_triggers/update/f/wm/route", { ...withoutAddress, http_method: "put" }))[0]).toBe(200);
  expect(await json("/http_triggers/get/f/wm/route")).toMatchObject({ ...route, http_method: "put" });
  const secret = { kind: "route", method: "GET", pattern: "/closed", script: "f/wm/double", auth: { kind: "token" } };
  expect((await world.api("PUT", "/triggers/by-path?path=f/wm/closed", secret)).status).toBe(201);
  expect((await ask("GET", "/http_triggers/get/f/wm/closed"))[0]).toBe(501);
  expect((await ask("POST", "/http_triggers/update/f/wm/closed", { ...route, route_path: "closed" }))[0]).toBe(501);
  expect(await ask("GET", "/http_triggers/exists/f/wm/closed")).toEqual([200, "true"]);
  expect(await json("/http_triggers/list")).toEqual([at("f/wm/route")]);
  // Clients stop at a page that is not full: what is in no list takes no room in one.
  expect(await json("/http_triggers/list?per_page=1")).toEqual([at("f/wm/route")]);
  expect(await json("/http_triggers/list?per_page=1&page=2")).toEqual([]);
  expect(await ask("DELETE", "/http_triggers/delete/f/wm/route")).toEqual([200, "trigger f/wm/route deleted"]);
  expect((await ask("DELETE", "/http_triggers/delete/f/wm/route"))[0]).toBe(404);
});

test("everything else is said not to be offered", async () => {
  const [missing, problem] = await ask("GET", "/apps/list");
  expect([missing, JSON.parse(problem)]).toEqual([501, expect.objectContaining({ code: "unimplemented", hint: expect.stringContaining("docs/windmill.md") })]);
});
