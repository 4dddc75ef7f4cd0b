/** What a step may say beside what it runs: inputs, retries, conditions, approvals. */
import type { Json } from "../../kernel/json.ts";
import { complain, type Fields, flagOf, isObject, member, numberOf, objectOf, positiveOf, requiredText, textOf, wholeOf } from "./field-reader.ts";
import type { Module, RetryRule, StopRule, SuspendRule, Transform, Transforms } from "./model.ts";
import {
  CONSTANT_SHAPE,
  EXPONENTIAL_SHAPE,
  EXPRESSION_SHAPE,
  FLOW_LIMITS,
  FORM_SHAPE,
  MOCK_SHAPE,
  RETRY_SHAPE,
  STOP_SHAPE,
  SUSPEND_SHAPE,
  TRANSFORM_SHAPE,
} from "./openflow.ts";

/** What a static value of a setting must be. */
export interface NumberRange {
  readonly least: number;
  readonly most: number;
  readonly isWhole: boolean;
}

/** `input_transforms`. One that says nothing (`static` without a value, an empty expression) leaves the argument out. */
export function inputsOf(fields: Fields): Transforms {
  const all = objectOf(fields, "input_transforms");
  if (all === undefined) return {};
  const names = Object.keys(all.members);
  if (names.length > FLOW_LIMITS.inputs) complain(fields, "input_transforms", `has ${names.length} arguments; ${FLOW_LIMITS.inputs} are the most`);
  const read = names.slice(0, FLOW_LIMITS.inputs).map((name) => [name, transformOf(all, name, "input")] as const);
  return Object.fromEntries(read.flatMap(([name, transform]) => (transform === undefined ? [] : [[name, transform]])));
}

/**
 * A transform: `{type: static, value}`, `{type: javascript, expr}`. Settings (sleep, timeout, parallelism) may also be a bare number, as early
 * versions of the format wrote them.
 * @param use `input` for an argument, `list` for an iterator, a range for a number
 */
export function transformOf(fields: Fields, name: string, use: "input" | "list" | NumberRange): Transform | undefined {
  const value = member(fields, name);
  if (value === undefined) return undefined;
  if (typeof value === "number" && typeof use === "object") return staticOf(fields, name, value, use);
  if (!isObject(value)) {
    complain(fields, name, "must be {type: static, value} or {type: javascript, expr}");
    return undefined;
  }
  const transform = objectOf(fields, name, TRANSFORM_SHAPE);
  if (transform === undefined) return undefined;
  const type = member(transform, "type");
  if (type === "static") {
    const given = transform.members["value"];
    if (given !== undefined) return staticOf(transform, "value", given, use);
    if (use !== "input") complain(transform, "value", "is missing");
    return undefined;
  }
  if (type === "javascript") {
    const source = use === "input" ? textOf(transform, "expr", FLOW_LIMITS.expressionChars) : requiredText(transform, "expr", FLOW_LIMITS.expressionChars);
    return source === undefined ? undefined : { kind: "expression", source };
  }
  complain(transform, "type", type === "ai" ? "is not supported: only a model can fill in an argument of type ai" : "must be static or javascript");
  return undefined;
}

function staticOf(fields: Fields, name: string, value: Json, use: "input" | "list" | NumberRange): Transform | undefined {
  if (use === "list" && !Array.isArray(value)) {
    complain(fields, name, "must be a list");
    return undefined;
  }
  if (typeof use === "object") {
    const number = use.isWhole ? wholeOf(fields, name, use.least, use.most) : numberOf(fields, name, use.least, use.most);
    return number === undefined ? undefined : { kind: "static", value: number };
  }
  return { kind: "static", value };
}

/** A number of seconds; zero asks for nothing. */
export function secondsOf(fields: Fields, name: "sleep" | "timeout", most: number): Transform | undefined {
  const transform = transformOf(fields, name, { least: 0, most, isWhole: false });
  return transform?.kind === "static" && transform.value === 0 ? undefined : transform;
}

/** `stop_after_if` and `stop_after_all_iters_if`. Undefined also for a rule that says nothing. */
export function stopOf(fields: Fields, name: "stop_after_if" | "stop_after_all_iters_if"): StopRule | undefined {
  const stop = objectOf(fields, name, STOP_SHAPE);
  if (stop === undefined || saysNothing(stop)) return undefined;
  const expr = requiredText(stop, "expr", FLOW_LIMITS.expressionChars);
  const errorMessage = messageOf(stop);
  const skipIfStopped = flagOf(stop, "skip_if_stopped") ?? false;
  if (expr === undefined) return undefined;
  return { expr, skipIfStopped, ...(errorMessage !== undefined && { errorMessage }) };
}

/** An empty message is one too: the flow fails, in words of ours. */
function messageOf(stop: Fields): string | undefined {
  return member(stop, "error_message") === "" ? "" : textOf(stop, "error_message", 10_000);
}

/** An object with nothing but an expression: `skip_if`, `retry_if`. Undefined also for one that says nothing. */
export function expressionOf(fields: Fields, name: string): string | undefined {
  const object = objectOf(fields, name, EXPRESSION_SHAPE);
  return object === undefined || saysNothing(object) ? undefined : requiredText(object, "expr", FLOW_LIMITS.expressionChars);
}

/** Editors write a rule with an empty expression for one that was taken back. */
const saysNothing = (rule: Fields): boolean => rule.members["expr"] === "";

/** Undefined also for a mock that is switched off. */
export function mockOf(fields: Fields): Module["mock"] {
  const mock = objectOf(fields, "mock", MOCK_SHAPE);
  if (mock === undefined || flagOf(mock, "enabled") !== true) return undefined;
  return { returnValue: member(mock, "return_value") ?? null };
}

/** Undefined also for a rule without attempts. */
export function retryOf(fields: Fields): RetryRule | undefined {
  const retry = objectOf(fields, "retry", RETRY_SHAPE);
  if (retry === undefined) return undefined;
  const constant = constantOf(retry);
  const exponential = exponentialOf(retry);
  const retryIf = expressionOf(retry, "retry_if");
  if (constant === undefined && exponential === undefined) return undefined;
  return { ...(constant !== undefined && { constant }), ...(exponential !== undefined && { exponential }), ...(retryIf !== undefined && { retryIf }) };
}

function constantOf(retry: Fields): RetryRule["constant"] {
  const fields = objectOf(retry, "constant", CONSTANT_SHAPE);
  if (fields === undefined) return undefined;
  const attempts = positiveOf(fields, "attempts", FLOW_LIMITS.retryAttempts);
  const seconds = wholeOf(fields, "seconds", 0, FLOW_LIMITS.retryDelayS) ?? 0;
  return attempts === undefined ? undefined : { attempts, seconds };
}

function exponentialOf(retry: Fields): RetryRule["exponential"] {
  const fields = objectOf(retry, "exponential", EXPONENTIAL_SHAPE);
  if (fields === undefined) return undefined;
  const attempts = positiveOf(fields, "attempts", FLOW_LIMITS.retryAttempts);
  const multiplier = wholeOf(fields, "multiplier", 0, FLOW_LIMITS.delayS) ?? 1;
  const seconds = wholeOf(fields, "seconds", 0, FLOW_LIMITS.delayS) ?? 0;
  const randomFactorPercent = wholeOf(fields, "random_factor", 0, 100) ?? 0;
  return attempts === undefined ? undefined : { attempts, multiplier, seconds, randomFactorPercent };
}

/** Undefined also when no approval is asked for. */
export function suspendOf(fields: Fields): SuspendRule | undefined {
  const suspend = objectOf(fields, "suspend", SUSPEND_SHAPE);
  if (suspend === undefined || Object.keys(suspend.members).length === 0) return undefined;
  if (member(suspend, "required_events") === undefined) complain(suspend, "required_events", "is missing: 0 asks for no approval");
  const requiredEvents = positiveOf(suspend, "required_events", FLOW_LIMITS.requiredEvents);
  const timeoutS = wholeOf(suspend, "timeout", 1, FLOW_LIMITS.delayS);
  const formSchema = formOf(suspend);
  const userGroupsRequired = groupsOf(suspend);
  const flags = {
    userAuthRequired: flagOf(suspend, "user_auth_required") ?? false,
    selfApprovalDisabled: flagOf(suspend, "self_approval_disabled") ?? false,
    hideCancel: flagOf(suspend, "hide_cancel") ?? false,
    continueOnDisapproveTimeout: flagOf(suspend, "continue_on_disapprove_timeout") ?? false,
  };
  if (requiredEvents === undefined) return undefined;
  return {
    requiredEvents,
    ...(timeoutS !== undefined && { timeoutS }),
    ...(formSchema !== undefined && { formSchema }),
    ...(userGroupsRequired !== undefined && { userGroupsRequired }),
    ...flags,
  };
}

const GROUP = /^(?:g\/)?([A-Za-z0-9_-]{1,60})$/;
const MOST_GROUPS = 50;

/** Names of groups, with or without Windmill's `g/`; a static value, so that who may answer can be read in the flow. Undefined when none are named. */
function groupsOf(suspend: Fields): readonly string[] | undefined {
  const name = "user_groups_required";
  const transform = transformOf(suspend, name, "input");
  if (transform === undefined) return undefined;
  if (transform.kind === "expression") {
    complain(suspend, name, "is not supported as an expression: name the groups, {type: static, value: [name, …]}");
    return undefined;
  }
  const { value } = transform;
  if (value === null || (Array.isArray(value) && value.length === 0)) return undefined;
  const names = Array.isArray(value) ? value.map((one) => (typeof one === "string" ? GROUP.exec(one)?.[1] : undefined)) : [];
  const groups = names.flatMap((one) => one ?? []);
  if (groups.length === 0 || groups.length < names.length || groups.length > MOST_GROUPS)
    complain(suspend, name, `must be a list of up to ${MOST_GROUPS} names of groups`);
  return groups;
}

function formOf(suspend: Fields): Json | undefined {
  const form = objectOf(suspend, "resume_form", FORM_SHAPE);
  return form === undefined ? undefined : objectOf(form, "schema")?.members;
}
