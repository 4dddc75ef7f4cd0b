import { type Requirements, requirementsIn } from "../scheduler/core/requirements.ts";
import {
  type JobPolicy,
  RETRIED_BY_DEFAULT,
  type RestartOf,
  type RetryCondition,
  type RetryPolicy,
  type RetryWait,
  type StepOf,
} from "../scheduler/core/retry-core.ts";
import type { PolicyRequest, RetryRequest } from "./policy-contract.ts";

/** Texts are few: they come from scripts and clients' constants. Beyond this many the cache begins anew. */
const MAX_CACHED = 5000;
const FIRST_S = 1;
const FACTOR = 2;
const MAX_S = 300;
const JITTER = 0.2;
const cached = new Map<string, JobPolicy>();

/**
 * The policy of a request over the defaults of its script; undefined when neither asks for anything.
 * @param place what inline code asks of its place
 */
export function policyOf(request: PolicyRequest, defaults: PolicyRequest | undefined, place?: Requirements): JobPolicy | undefined {
  const retry = request.retry ?? defaults?.retry;
  const queueTtl = request.queue_ttl_s ?? defaults?.queue_ttl_s;
  const softTimeout = request.soft_timeout_ms ?? defaults?.soft_timeout_ms;
  if (retry === undefined && queueTtl === undefined && softTimeout === undefined && place === undefined) return undefined;
  return readPolicy(JSON.stringify({ retry, queue_ttl_s: queueTtl, soft_timeout_ms: softTimeout, ...place }));
}

/**
 * The policy of a step of a flow: what its script has as defaults, and whose step it is. The flow comes first: retention looks for it in the text.
 * @param restart of a sub-flow that goes on in the middle
 */
export function stepPolicy(flow: StepOf, defaults: PolicyRequest | undefined, restart?: RestartOf): JobPolicy {
  const { retry, queue_ttl_s, soft_timeout_ms } = defaults ?? {};
  const { id, root, place, depth, env, refs, cache, folder } = flow;
  return policyFrom(JSON.stringify({ flow: { id, root, place, depth, env, refs, cache, folder }, retry, queue_ttl_s, soft_timeout_ms, restart }));
}

/** The policy of a run that goes on where an earlier one was. */
export function restartPolicy(own: JobPolicy | undefined, restart: RestartOf): JobPolicy {
  return policyFrom(JSON.stringify({ ...(own !== undefined && storedPolicy(own.text)), restart }));
}

/** The policy of a run that an outside trigger has started, of a flow with a preprocessor. */
export function eventPolicy(own: JobPolicy | undefined): JobPolicy {
  return policyFrom(JSON.stringify({ ...(own !== undefined && storedPolicy(own.text)), preprocess: true }));
}

/** A policy as it was stored. */
export function readPolicy(text: string): JobPolicy {
  const known = cached.get(text);
  if (known !== undefined) return known;
  const policy = policyFrom(text);
  // Those of steps are as many as there are steps.
  if (policy.flow !== undefined || policy.restart !== undefined) return policy;
  if (cached.size >= MAX_CACHED) cached.clear();
  cached.set(text, policy);
  return policy;
}

function policyFrom(text: string): JobPolicy {
  const stored = storedPolicy(text);
  const { retry, queue_ttl_s, soft_timeout_ms, flow, restart, preprocess } = stored;
  return {
    text,
    retry: retry === undefined ? undefined : retryOf(retry),
    queueTtlMs: queue_ttl_s === undefined ? undefined : queue_ttl_s * 1000,
    softTimeoutMs: soft_timeout_ms,
    requirements: requirementsIn(stored),
    ...(flow !== undefined && { flow }),
    ...(restart !== undefined && { restart }),
    ...(preprocess === true && { preprocess }),
  };
}

/** The stored text as the API shows it. It was checked when it came in. */
export function policyRequestOf(text: string): PolicyRequest & Requirements {
  const { flow: _flow, restart: _restart, preprocess: _preprocess, ...request } = storedPolicy(text);
  return request;
}

/** Whose step a job is, by its stored policy. */
export function stepOf(text: string): StepOf | undefined {
  return storedPolicy(text).flow;
}

/** Whether a preprocessor has made the inputs of a run, by its stored policy. */
export function isPreprocessed(text: string): boolean {
  return storedPolicy(text).preprocess === true;
}

/** Where a run comes from that uses results of another one, by its stored policy. */
export function restartOf(text: string): RestartOf | undefined {
  return storedPolicy(text).restart;
}

type StoredPolicy = PolicyRequest & Requirements & { readonly flow?: StepOf; readonly restart?: RestartOf; readonly preprocess?: true };

function storedPolicy(text: string): StoredPolicy {
  return JSON.parse(text) as StoredPolicy;
}

function retryOf(request: RetryRequest): RetryPolicy {
  return { maxAttempts: request.max_attempts, wait: waitOf(request), when: conditionOf(request.retry_if) };
}

function waitOf({ constant, exponential }: RetryRequest): RetryWait {
  if (constant !== undefined) return { kind: "constant", delayMs: Math.round(constant.delay_s * 1000) };
  return {
    kind: "exponential",
    firstMs: (exponential?.first_s ?? FIRST_S) * 1000,
    factor: exponential?.factor ?? FACTOR,
    maxMs: (exponential?.max_s ?? Math.max(MAX_S, exponential?.first_s ?? 0)) * 1000,
    jitter: exponential?.jitter ?? JITTER,
  };
}

/** Codes alone mean: only these failures. */
function conditionOf(request: RetryRequest["retry_if"]): RetryCondition {
  const codes = request?.exit_codes;
  const reasons = request?.reasons ?? (codes === undefined ? RETRIED_BY_DEFAULT : (["exit_code"] as const));
  return { kind: "exits", reasons, codes };
}
