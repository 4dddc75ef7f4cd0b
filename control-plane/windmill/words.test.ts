import { expect, test } from "vitest";
import { AppError } from "../../kernel/app-error.ts";
import type { StoredSchedule } from "../schedules/schedule-store.ts";
import type { StoredTrigger } from "../triggers/trigger-store.ts";
import { flowStatus } from "./job-words.ts";
import { scheduleInOurWords, scheduleInTheirWords, type TheirSchedule, theirSchedule } from "./schedule-words.ts";
import { type TheirTrigger, theirTrigger, triggerInOurWords, triggerInTheirWords } from "./trigger-words.ts";

const changes = { revision: 1, createdAt: new Date(0), createdBy: "ann@a", updatedAt: new Date(0), updatedBy: "ann@a" };
const NOW_MS = Date.parse("2026-01-01T00:00:00Z");

const schedule = (more: object = {}): TheirSchedule =>
  theirSchedule.parse({ schedule: "0 30 7 * * 1-5", timezone: "Europe/Berlin", script_path: "f/a/s", is_flow: false, enabled: true, ...more });

const stored = (more: Partial<StoredSchedule> = {}): StoredSchedule => ({
  id: "1",
  path: "f/a/t",
  cron: "0 30 7 * * 1-5",
  zone: "Europe/Berlin",
  target: { kind: "script", path: "f/a/s" },
  argsJson: "{}",
  settingsJson: "{}",
  overlap: "skip",
  catchUp: { kind: "none" },
  handlers: { error: undefined, recovery: undefined },
  paused: false,
  description: "",
  nextMs: undefined,
  failures: 0,
  ...changes,
  ...more,
});

const ours = (more: object, before?: StoredSchedule) => scheduleInOurWords(schedule(more), before, NOW_MS);

/** The fields that an error names, with its code. */
function refusal(ask: () => unknown): string[] {
  try {
    ask();
  } catch (error) {
    const { code, fields } = AppError.from(error);
    return [code, ...fields.map(({ pointer }) => pointer)];
  }
  return [];
}

test("a schedule of Windmill's says the same in our words", () => {
  expect(
    ours({
      args: { n: 3 },
      on_failure: "script/f/a/alarm",
      on_failure_times: 3,
      on_failure_exact: true,
      on_failure_extra_args: { channel: "ops" },
      on_recovery: "script/f/a/clear",
      retry: { constant: { attempts: 2, seconds: 5 } },
      tag: "gpu",
      description: "each morning",
      summary: "Morning",
    }),
  ).toEqual({
    cron: "0 30 7 * * 1-5",
    timezone: "Europe/Berlin",
    script: "f/a/s",
    args: { n: 3 },
    tag: "gpu",
    retry: { max_attempts: 3, constant: { delay_s: 5 } },
    overlap: "skip",
    on_error: { script: "f/a/alarm", args: { channel: "ops" }, after: 3, exact: true },
    on_recovery: { script: "f/a/clear" },
    description: "each morning",
  });
});

test("flows run at the same time unless they are told not to, and scripts one after the other", () => {
  const overlap = (more: object): unknown => ours(more).overlap;
  expect([overlap({}), overlap({ is_flow: true }), overlap({ is_flow: true, no_flow_overlap: true })]).toEqual(["skip", "parallel", "skip"]);
});

test("exponential waits are theirs: multiplier × seconds ^ attempt", () => {
  expect(ours({ retry: { exponential: { attempts: 3, multiplier: 2, seconds: 4, random_factor: 20 } } }).retry).toEqual({
    max_attempts: 4,
    exponential: { first_s: 8, factor: 4, max_s: 21_600, jitter: 0.2 },
  });
});

test.each([
  ["a handler that is a flow", { on_failure: "flow/f/a/alarm" }, "on_failure"],
  ["a handler of successes", { on_success: "script/f/a/x" }, "on_success"],
  ["a script that decides", { dynamic_skip: "f/a/x" }, "dynamic_skip"],
  ["a pause with an end", { paused_until: "2026-01-01T00:00:01Z" }, "paused_until"],
  ["an expression about retries", { retry: { constant: { attempts: 1, seconds: 1 }, retry_if: { expr: "true" } } }, "retry"],
  ["two kinds of waits", { retry: { constant: { attempts: 1, seconds: 1 }, exponential: { attempts: 1, seconds: 2 } } }, "retry"],
  ["a factor that is too large", { retry: { exponential: { attempts: 1, seconds: 60 } } }, "retry"],
  ["weekdays that are counted from 1", { cron_version: "v1" }, "schedule"],
  ["somebody else whom it is for", { preserve_permissioned_as: true, permissioned_as: "u/bob" }, "permissioned_as"],
])("%s is not offered, and the member is named", (_what, more, name) => {
  expect(refusal(() => ours(more))).toEqual(["unimplemented", `/${name}`]);
});

test("what is allowed though it looks alike: a pause that is over, names of weekdays, and somebody who is named and not meant", () => {
  expect(ours({ paused_until: "2025-12-31T23:59:59Z", cron_version: "v1", schedule: "0 0 7 * * MON-FRI", permissioned_as: "u/bob" }).cron).toBe(
    "0 0 7 * * MON-FRI",
  );
});

test("what is wrong is named as its writer knows it", () => {
  expect(refusal(() => ours({ on_failure: "script/f/a/alarm", on_failure_times: 0 }))).toEqual(["invalid_argument", "/on_failure_times"]);
  expect(refusal(() => ours({ schedule: "x".repeat(201) }))).toEqual(["invalid_argument", "/schedule"]);
});

test("a schedule is told as it was said while it means that, and anew when it was changed here", () => {
  const said = schedule({ args: null, on_failure: "", summary: "Morning", no_flow_overlap: true, retry: null });
  expect(scheduleInTheirWords(stored(), said)).toEqual({ ...said, enabled: true });
  expect(scheduleInTheirWords(stored({ paused: true }), said)).toEqual({ ...said, enabled: false });
  const changed = stored({ cron: "15 8 * * *", handlers: { error: { script: "f/a/x", args: {}, after: 2, exact: false }, recovery: undefined } });
  const told = scheduleInTheirWords(changed, said);
  expect(told).toMatchObject({ schedule: "0 15 8 * * *", on_failure: "script/f/a/x", on_failure_times: 2, summary: "Morning", args: {} });
  // And that, sent back, means what is there.
  expect(scheduleInOurWords(theirSchedule.parse(told), changed, NOW_MS)).toMatchObject({ cron: "0 15 8 * * *", on_error: { script: "f/a/x", after: 2 } });
});

test("numbers of arguments keep their digits where they are compared", () => {
  const said = schedule({ args: { id: 9007199254740991 } });
  expect(scheduleInTheirWords(stored({ argsJson: '{"id":9007199254740991}' }), said)).toEqual({ ...said, enabled: true });
  expect(scheduleInTheirWords(stored({ argsJson: '{"id":9007199254740993}' }), said)["args"]).not.toEqual(said.args);
});

test("what only a schedule of ours can have stays when Windmill's tools write it", () => {
  const settingsJson = JSON.stringify({ priority: 7, timeout_ms: 1000, retry: { max_attempts: 2, retry_if: { reasons: ["timeout"] } } });
  const before = stored({ settingsJson, overlap: "queue", catchUp: { kind: "all", max: 3, windowMs: 60_000 } });
  const told = scheduleInTheirWords(before, undefined);
  const written = scheduleInOurWords(theirSchedule.parse({ ...told, description: "other" }), before, NOW_MS);
  expect(written).toMatchObject({
    priority: 7,
    timeout_ms: 1000,
    retry: { retry_if: { reasons: ["timeout"] } },
    overlap: "queue",
    catch_up: { policy: "all", max: 3, window_s: 60 },
    description: "other",
  });
});

const route = (more: object = {}): TheirTrigger =>
  theirTrigger.parse({
    script_path: "f/a/s",
    is_flow: false,
    route_path: "orders/:id",
    http_method: "post",
    request_type: "sync",
    authentication_method: "none",
    is_static_website: false,
    workspaced_route: true,
    wrap_body: false,
    raw_string: false,
    ...more,
  });

const trigger = (more: Partial<StoredTrigger> = {}): StoredTrigger => ({
  path: "f/a/r",
  place: { kind: "route", method: "POST", pattern: "/orders/:id", shape: "/orders/:" },
  settings: { script: "f/a/s", mode: "wait", auth: { kind: "none" } },
  paused: false,
  description: "",
  ...changes,
  ...more,
});

test("a route of Windmill's says the same in our words", () => {
  expect(triggerInOurWords(route({ wrap_body: true, raw_string: true, mode: "disabled", is_flow: true, request_type: "sync_sse" }), undefined)).toEqual({
    kind: "route",
    method: "POST",
    pattern: "/orders/:id",
    flow: "f/a/s",
    mode: "sse",
    auth: { kind: "none" },
    args: { body: "body", raw_string: "raw" },
    paused: true,
    description: "",
  });
});

test.each([
  ["a route outside of its workspace", { workspaced_route: false }, "workspaced_route"],
  ["a secret in a resource", { authentication_method: "api_key" }, "authentication_method"],
  ["files", { is_static_website: true }, "is_static_website"],
  ["one file", { static_asset_config: { s3: "x" } }, "static_asset_config"],
  ["the text of the body beside its members", { raw_string: true }, "raw_string"],
  ["calls that are kept", { mode: "suspended" }, "mode"],
  ["origins", { allowed_origins: ["https://a.test"] }, "allowed_origins"],
  ["a handler of its own", { error_handler_path: "f/a/x" }, "error_handler_path"],
  ["retries of its own", { retry: { constant: { attempts: 1, seconds: 1 } } }, "retry"],
])("%s is not offered, and the member is named", (_what, more, name) => {
  expect(refusal(() => triggerInOurWords(route(more), undefined))).toEqual(["unimplemented", `/${name}`]);
});

test("a route is told as it was said while it means that, and anew when it was changed here", () => {
  const said = route({ summary: "Orders", retry: null });
  expect(triggerInTheirWords(trigger(), said)).toEqual(said);
  expect(triggerInTheirWords(trigger({ paused: true }), said)).toEqual({ ...said, mode: "disabled" });
  expect(triggerInTheirWords(trigger(), route({ enabled: false }))).toMatchObject({ enabled: true });
  const changed = trigger({ settings: { flow: "f/a/f", mode: "async", auth: { kind: "none" }, args: { body: "body" } } });
  expect(triggerInTheirWords(changed, said)).toMatchObject({ script_path: "f/a/f", is_flow: true, request_type: "async", wrap_body: true, summary: "Orders" });
});

test("what only a route of ours can have stays when Windmill's tools write it", () => {
  const settings = { script: "f/a/s", mode: "wait", auth: { kind: "none" }, args: { id: "params.id" }, constants: { key: "$var:f/a/key" }, wait_s: 5 } as const;
  const before = trigger({ settings });
  const told = theirTrigger.parse({ ...triggerInTheirWords(before, undefined), description: "other" });
  const { auth: _auth, ...kept } = settings;
  expect(triggerInOurWords(told, before)).toMatchObject({ ...kept, description: "other" });
});

test("of the steps of a run their tools are told the outermost, with what stands beside the flow apart", () => {
  const steps = [
    { step: "preprocessor", status: "succeeded", attempt: 1 },
    { step: "a", status: "skipped", attempt: 0 },
    { step: "loop", status: "running", attempt: 1, done: 1, count: 3 },
    { step: "loop/1/b", status: "failed", job: "j1", attempt: 1 },
    { step: "c", status: "waiting", attempt: 0 },
    { step: "failure", status: "sleeping", job: "j2", attempt: 1 },
  ] as const;
  expect(flowStatus(steps)).toEqual({
    step: 1,
    modules: [
      { id: "a", type: "Success" },
      { id: "loop", type: "InProgress" },
      { id: "c", type: "WaitingForPriorSteps" },
    ],
    preprocessor_module: { id: "preprocessor", type: "Success" },
    failure_module: { id: "failure", type: "InProgress", job: "j2" },
  });
  expect(flowStatus([])).toEqual({ step: 0, modules: [], failure_module: { id: "failure", type: "WaitingForPriorSteps" } });
});
