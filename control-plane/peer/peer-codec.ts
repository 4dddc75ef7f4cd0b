import { z } from "zod";
import { AppError, type ErrorCode } from "../../kernel/app-error.ts";
import { GRPC_STATUS } from "../../kernel/error-maps.ts";
import { asAgentKey, asSessionId, asWorkspaceId, type JobId, parseJobId, parseToken, type SessionId, type Token, type WorkspaceId } from "../../kernel/ids.ts";
import type { AttemptRef } from "../../proto/gen/millrace/agent/v1/job.ts";
import { type AgentAttached, type Answer, AnswerKind, type Demand, type HandOver, HomeFrame, OwnerFrame } from "../../proto/gen/millrace/peer/v1/peer.ts";
import { type AgentView, agentView } from "../agents/contract.ts";
import { attemptFromWire, heldFromWire } from "../agents/frames-codec.ts";
import { JOB_KINDS, type NewJob, SHARDS, shardOf } from "../jobs/model.ts";
import { readPolicy } from "../jobs/policy-codec.ts";
import type { PendingCancel } from "../scheduler/cluster/peers.ts";
import type { AgentHello } from "../scheduler/core/agents-core.ts";
import { LIMIT_STRATEGIES } from "../scheduler/core/limit-model.ts";
import type { WaitReason } from "../scheduler/core/wait-reason.ts";
import type { Accepted } from "../scheduler/keyed-jobs.ts";
import type { CancelOutcome, RouteDemand, WaitingFor } from "../scheduler/owner-port.ts";

/** What peers send is checked like everything from outside: they prove who they are, but may be of another version. */
const DECIMAL = /^[0-9]{1,19}$/;
const UUID = /^[0-9a-f-]{36}$/;
const MAX_SLOTS = 10_000;

const decimal = z.string().regex(DECIMAL);
const strategy = z.enum(LIMIT_STRATEGIES);
const limitOf = { id: z.string().max(32), key: z.string().max(1000), strategy };
const limits = z.looseObject({
  group: z.string().max(32),
  specs: z.array(
    z.discriminatedUnion("kind", [
      z.looseObject({ kind: z.literal("running"), ...limitOf, max: z.int().min(1) }),
      z.looseObject({ kind: z.literal("rate"), ...limitOf, starts: z.int().min(1), windowMs: z.number().positive() }),
      z.looseObject({ kind: z.literal("debounce"), ...limitOf, delayMs: z.number().min(0), maxMs: z.number().min(0).optional() }),
    ]),
  ),
});
const cancelOutcome = z.enum(["cancelled", "cancelling", "gone"]);
// Loose: fields that this file does not name are passed on to those who know them.
const newJob = z.looseObject({
  job: z.looseObject({
    id: z.string().refine((id) => parseJobId(id) === id),
    workspace: decimal,
    shard: z
      .int()
      .min(0)
      .max(SHARDS - 1),
    tag: z.string().min(1).max(64),
    language: z.string().min(1).max(64),
    prio: z.int(),
    dueAtMs: z.number(),
    attempt: z.int(),
    lost: z.int(),
    scriptId: decimal.optional(),
    timeoutMs: z.int().optional(),
    failed: z.int().optional(),
    limits: limits.optional(),
    // Read from its text.
    policy: z.looseObject({ text: z.string() }).optional(),
  }),
  payload: z.looseObject({
    kind: z.enum(JOB_KINDS),
    scriptHash: z.string().optional(),
    code: z.string().optional(),
    argsJson: z.string(),
    createdBy: z.string(),
  }),
  special: z
    .looseObject({
      scheduledForMs: z.number().optional(),
      expiresAtMs: z.number().optional(),
      key: z.looseObject({ key: z.string().regex(UUID), body: z.string().regex(UUID), expiresAtMs: z.number() }).optional(),
    })
    .optional(),
});
const acceptedJobs = z.array(z.looseObject({ id: z.string(), created: z.boolean() }));
const waitingFor = z.looseObject({ workspace: decimal, tag: z.string(), language: z.string(), group: decimal.optional() });
const waitKey = { message: z.string().max(1000), key: z.string().max(1000), opensInMs: z.number().min(0) };
const waitCount = { message: z.string().max(1000), limit: z.int(), running: z.int() };
const waitReason = z.discriminatedUnion("code", [
  z.object({ code: z.enum(["no_agent", "no_runtime", "agents_draining"]), message: waitKey.message }),
  z.object({ code: z.literal("slots_busy"), message: waitKey.message, slots: z.int() }),
  z.object({ code: z.literal("concurrency"), key: waitKey.key, ...waitCount }),
  z.object({ code: z.literal("rate"), ...waitKey, starts: z.int(), windowMs: z.number() }),
  z.object({ code: z.literal("debounce"), ...waitKey }),
  z.object({ code: z.literal("workspace_cap"), ...waitCount }),
  z.object({ code: z.literal("turn"), message: waitKey.message, waiting: z.int() }),
]);

export const emptyHomeFrame = (): HomeFrame => HomeFrame.create();
export const emptyOwnerFrame = (): OwnerFrame => OwnerFrame.create();

/** Errors: invalid_argument for what is no job, or one of another shard than it says. */
export function jobsFromWire(texts: readonly string[]): NewJob[] {
  return texts.map((text) => {
    const parsed = newJob.safeParse(json(text));
    if (!parsed.success || parsed.data.job.shard !== shardOf(asWorkspaceId(parsed.data.job.workspace))) {
      throw new AppError("invalid_argument", "a peer sent a job that cannot be read");
    }
    const made = parsed.data as unknown as NewJob;
    const policy = parsed.data.job.policy === undefined ? undefined : readPolicy(parsed.data.job.policy.text);
    return { ...made, job: { ...made.job, policy } };
  });
}

/** @param answers for one part of the jobs each, in order. Errors: unavailable for what is no such answer */
export function acceptedFromWire(jobs: readonly NewJob[], answers: readonly { readonly text: string }[]): Accepted[] {
  const accepted = answers.flatMap(({ text }) =>
    (acceptedJobs.safeParse(json(text)).data ?? []).flatMap(({ id: known, created }) => {
      const id = parseJobId(known);
      return id === undefined ? [] : [{ id, created }];
    }),
  );
  if (accepted.length === jobs.length) return accepted;
  throw new AppError("unavailable", "a peer's answer cannot be read: it is not known which jobs were accepted", { retryAfterS: 1 });
}

export function waitingFromWire(text: string): WaitingFor | undefined {
  const parsed = waitingFor.safeParse(json(text));
  return parsed.success ? (parsed.data as unknown as WaitingFor) : undefined;
}

export function cancelFromWire(text: string): CancelOutcome | undefined {
  return cancelOutcome.safeParse(json(text)).data;
}

export function agentsFromWire(text: string): AgentView[] {
  return z.array(agentView).safeParse(json(text)).data ?? [];
}

export function reasonFromWire(text: string): WaitReason | undefined {
  return waitReason.safeParse(json(text)).data;
}

export function workspaceFromWire(text: string): WorkspaceId | undefined {
  return DECIMAL.test(text) ? asWorkspaceId(text) : undefined;
}

export function sessionFromWire(text: string): SessionId | undefined {
  return UUID.test(text) ? asSessionId(text) : undefined;
}

export function heldToWire(held: ReadonlyMap<JobId, Token>): AttemptRef[] {
  return [...held].map(([jobId, token]) => ({ jobId, token }));
}

export function tokensFromWire(texts: readonly string[]): Token[] {
  return texts.flatMap((text) => parseToken(text) ?? []);
}

export function helloFromWire(wire: AgentAttached): AgentHello | undefined {
  const session = sessionFromWire(wire.session);
  if (session === undefined || !DECIMAL.test(wire.agentKey) || (wire.workspaceId !== "" && !DECIMAL.test(wire.workspaceId))) return undefined;
  return {
    key: asAgentKey(wire.agentKey),
    name: wire.name.slice(0, 128),
    session,
    ...(wire.serial > 0 && { serial: wire.serial }),
    workspace: wire.workspaceId === "" ? undefined : asWorkspaceId(wire.workspaceId),
    tags: wire.tags.slice(0, 100),
    languages: wire.languages.slice(0, 64),
    slots: Math.min(wire.slots, MAX_SLOTS),
    held: heldFromWire(wire.held),
  };
}

export function demandFromWire(demand: Demand): RouteDemand[] {
  return demand.routes.map(({ tag, language, waiting, tenants }) => ({ tag, language, waiting, tenants }));
}

export function shardsFromWire(shards: readonly number[]): number[] {
  return [...new Set(shards)].filter((shard) => shard < SHARDS);
}

export function cancelsFromWire(wire: readonly HandOver[]): PendingCancel[] {
  return wire.flatMap((entry) =>
    entry.cancels.flatMap((cancel) => {
      const attempt = attemptFromWire(cancel);
      return attempt === undefined ? [] : [{ ...attempt, reason: cancel.reason.slice(0, 1000) }];
    }),
  );
}

/** The answer to a question: its text, or "moved". Errors: the one that the other side met. */
export function answerFromWire(answer: Answer): { text: string } | "moved" {
  if (answer.kind === AnswerKind.ANSWER_KIND_DONE) return { text: answer.text };
  if (answer.kind === AnswerKind.ANSWER_KIND_MOVED) return "moved";
  throw new AppError(isCode(answer.code) ? answer.code : "unavailable", answer.text, { retryAfterS: 1 });
}

function isCode(code: string): code is ErrorCode {
  return code in GRPC_STATUS;
}

function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
