import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { JobView } from "../jobs/contract.ts";
import { type InProcess, startInProcess, untilTrue } from "./testing/in-process.ts";

let world: InProcess;

beforeAll(async () => {
  world = await startInProcess();
}, 60_000);
afterAll(() => world.close());

const js = (expr: string) => ({ type: "javascript", expr });
const identity = (id: string, made: Record<string, string>) => ({
  id,
  value: { type: "identity", input_transforms: Object.fromEntries(Object.entries(made).map(([name, expr]) => [name, js(expr)])) },
});

/** Flows of these steps need no agent. */
async function deploy(path: string, value: Record<string, unknown>, schema?: unknown): Promise<void> {
  const { status, body } = await world.api("POST", "/flows", { path, document: { summary: "", ...(schema !== undefined && { schema }), value } });
  expect(status, JSON.stringify(body)).toBeLessThan(300);
}

async function trigger(path: string, settings: Record<string, unknown>): Promise<string> {
  const all = { kind: "webhook", auth: { kind: "token" }, mode: "wait", ...settings };
  const { status, body } = await world.api<{ auth: { kind: string } }>("PUT", `/triggers/by-path?path=${path}`, all);
  expect(status, JSON.stringify(body)).toBe(201);
  if (body.auth.kind === "none") return "";
  return (await world.api<{ secret: string }>("POST", `/triggers/secrets?path=${path}`, {})).body.secret;
}

async function call(method: string, address: string, headers: Record<string, string>, body: string): Promise<{ status: number; job: string; answer: unknown }> {
  const response = await fetch(`${world.controlPlane.httpUrl}${address}`, { method, headers, body });
  return { status: response.status, job: response.headers.get("x-millrace-job") ?? "", answer: await response.json() };
}
const hook = (path: string, secret: string, body: string, headers: Record<string, string> = {}, query = "") =>
  call("POST", `/api/v1/w/main/webhooks/${path}${query}`, { "content-type": "application/json", authorization: `Bearer ${secret}`, ...headers }, body);

/** Of a new run that is made of an earlier one. */
async function restarted(job: string, how: Record<string, unknown>): Promise<unknown> {
  const { status, body } = await world.api<JobView>("POST", `/jobs/${job}/flow/restart`, how);
  if (status >= 300) return status;
  await untilTrue("it has ended", async () => (await world.api<JobView>("GET", `/jobs/${body.id}`)).body.finished_at !== undefined);
  return (await world.api("GET", `/jobs/${body.id}/result`)).body;
}

/** A flow that gives its inputs back, and whose preprocessor is a flow. */
async function withPreprocessor(path: string, made: Record<string, string>, given: Record<string, unknown> = {}): Promise<void> {
  await deploy(`${path}_unpack`, { modules: [identity("a", made)] });
  const schema = { type: "object", properties: { order: { type: "integer" } }, required: ["order"], additionalProperties: false };
  const preprocessor = { value: { type: "flow", path: `${path}_unpack`, ...given } };
  await deploy(path, { preprocessor_module: preprocessor, modules: [identity("a", { got: "flow_input" })] }, schema);
}

describe("a preprocessor", () => {
  test("makes the inputs of what a trigger was called with, and of nothing else: a run that somebody asked for has its own", async () => {
    await withPreprocessor("f/t/pre", { order: "flow_input.event.body.id", event: "({ ...flow_input.event, headers: flow_input.event.headers['x-kind'] })" });
    const secret = await trigger("f/t/hook", { flow: "f/t/pre" });
    const { answer, job } = await hook("f/t/hook", secret, '{"id":7}', { "x-kind": "new" }, "?page=2");
    const event = { kind: "webhook", trigger: "f/t/hook", query: { page: "2" }, headers: "new", body: { id: 7 } };
    expect(answer).toEqual({ got: { order: 7, event } });
    expect(await restarted(job, {})).toEqual(answer);
    expect(await restarted(job, { step: "a" })).toEqual(answer);
    expect(await restarted(job, { step: "a", args: { order: 8 } })).toBe(409);
    expect(await restarted(job, { args: { order: 8 } })).toEqual({ got: { order: 8 } });
    expect((await world.api<{ result: unknown }>("POST", "/jobs?wait=30", { flow: "f/t/pre", args: { order: 1 } })).body.result).toEqual({ got: { order: 1 } });
    expect((await world.api("POST", "/jobs", { flow: "f/t/pre", args: { event: {} } })).status).toBe(400);
    // A request cannot say that it is one of a trigger.
    expect((await world.api("POST", "/jobs", { flow: "f/t/pre", args: { order: 1 }, event: {} })).status).toBe(400);
  });

  test("of a route has its parameters; what the trigger says of arguments is beside the event", async () => {
    const given = { input_transforms: { call: js("flow_input.event"), raw: js("flow_input.raw + flow_input.mark") } };
    const made = { order: "Number(flow_input.call.params.id)", all: "({ route: flow_input.call.route, method: flow_input.call.method, raw: flow_input.raw })" };
    await withPreprocessor("f/t/pre_route", made, given);
    const route = { kind: "route", method: "PUT", pattern: "/pre/:id", auth: { kind: "none" } };
    await trigger("f/t/route", { flow: "f/t/pre_route", ...route, args: { raw: "raw" }, constants: { mark: "!" } });
    const { answer } = await call("PUT", "/api/r/main/pre/9", { "content-type": "text/plain" }, "as it came");
    expect(answer).toEqual({ got: { order: 9, all: { route: "/pre/:id", method: "PUT", raw: "as it came!" } } });
  });

  test("that gives no object fails the run, and says so", async () => {
    const loop = { id: "b", value: { type: "forloopflow", iterator: { type: "static", value: [1] }, modules: [] } };
    await deploy("f/t/list", { modules: [loop] });
    await deploy("f/t/pre_list", { preprocessor_module: { value: { type: "flow", path: "f/t/list" } }, modules: [] });
    const secret = await trigger("f/t/hook_list", { flow: "f/t/pre_list" });
    expect(await hook("f/t/hook_list", secret, "{}")).toMatchObject({ status: 500, answer: { error: { name: "NoInputs", step_id: "preprocessor" } } });
  });

  test("is not needed: a flow without one has the arguments of the trigger", async () => {
    await deploy("f/t/plain", { modules: [identity("a", { got: "flow_input" })] });
    const secret = await trigger("f/t/hook_plain", { flow: "f/t/plain" });
    expect(await hook("f/t/hook_plain", secret, '{"id":7}')).toMatchObject({ answer: { got: { id: 7 } } });
  });
});
