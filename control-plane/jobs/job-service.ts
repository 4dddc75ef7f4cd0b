import { AppError } from "../../kernel/app-error.ts";
import { type JobId, parseJobId, type WorkspaceId } from "../../kernel/ids.ts";
import { actsFor } from "../access/acting-for.ts";
import { recordAudit } from "../audit/audit-store.ts";
import type { Pool } from "../db/pools.ts";
import type { Db } from "../db/query-builder.ts";
import { flowJob, type WantedFlow } from "../flows/flow-jobs.ts";
import { isForFlow } from "../flows/wanted-flow.ts";
import { type Caller, mayUse, nothingAt, referencesOf } from "../http/authorize.ts";
import type { BodyTurn } from "../http/body-turns.ts";
import { checkArguments } from "../resources/check-references.ts";
import { askOwner } from "../scheduler/cluster/ask-owner.ts";
import { FLOW_LANGUAGE } from "../scheduler/core/flow-agent.ts";
import type { Accepted } from "../scheduler/keyed-jobs.ts";
import { findCurrent } from "../scripts/current-store.ts";
import { currentVersion, runnableVersion } from "../scripts/find-script.ts";
import type { ScriptCache } from "../scripts/script-cache.ts";
import type { ScriptVersion } from "../scripts/script-store.ts";
import type { Workspace } from "../workspaces/workspace-store.ts";
import { readAttempts } from "./attempt-store.ts";
import { signedReason } from "./cancel-reason.ts";
import type { JobListQuery, JobView, RunBatchRequest, RunJobRequest } from "./contract.ts";
import { refuseBroughtCode } from "./deployed-only.ts";
import { type EnqueueContext, inlineJob, scriptJob } from "./enqueue.ts";
import { freshRecord } from "./fresh-record.ts";
import { type GivenKey, type JobKey, jobKey, type KeyScope } from "./idempotency-key.ts";
import type { JobEvents } from "./job-events.ts";
import { ENQUEUE_DEADLINE_MS, JobIntake, type JobIntakeDeps, SLICE_JOBS } from "./job-intake.ts";
import { type JobFilter, listJobs } from "./job-list-store.ts";
import { checkWanted, type Looker, rootOfStep, seesJob } from "./job-reach.ts";
import { type JobRecord, readArgs, readJob, readJobs, readResult } from "./job-store.ts";
import { type NewJob, shardOf } from "./model.ts";
import { POLICY_LIMITS } from "./policy-contract.ts";
import { deferredReason, presentAttempts, presentJob } from "./present.ts";

export interface JobServiceDeps extends JobIntakeDeps {
  readonly pool: Pool;
  readonly db: Db;
  readonly scripts: ScriptCache;
  readonly events: JobEvents;
  readonly newJobId: () => JobId;
  readonly checkArgs: EnqueueContext["checkArgs"];
  /** The flow that a request names or brings. */
  readonly wantedFlow: (workspace: Workspace, request: RunJobRequest, mayRefer?: (path: string) => boolean) => Promise<WantedFlow>;
  /** JSON text of what a run answers before its end; undefined while it has nothing. */
  readonly earlyAnswer: (workspace: WorkspaceId, id: JobId) => Promise<string | undefined>;
}

/** Who a job is made for. */
export type Requester = Pick<Caller, "workspace" | "reach"> & { readonly principal: Pick<Caller["principal"], "kind" | "label" | "scopes"> };

const PAGE = 50;
/** Of a list without steps, what is looked at in one request. */
const MOST_PAGES = 10;
/** A wait reason that takes longer is left out. */
const REASON_WITHIN_MS = 500;
/** Looks again for an end that no notice came of: its owner may have changed meanwhile. */
const LOOK_AGAIN_MS = 1000;

/** What people can do with jobs; the routes are its HTTP face. Every method takes the caller, whose workspace bounds it. */
export class JobService {
  readonly #deps: JobServiceDeps;
  readonly #intake: JobIntake;

  constructor(deps: JobServiceDeps) {
    this.#deps = deps;
    this.#intake = new JobIntake(deps);
  }

  /**
   * Accepts one job; with a key that was used before, finds the job that it was used for.
   * Errors: not_found, invalid_argument, out_of_range, unavailable; already_exists when the key was used with another request; permission_denied for
   * code that a running job brings.
   */
  async run(caller: Caller, request: RunJobRequest, key?: string | GivenKey): Promise<{ created: boolean; view: JobView }> {
    const { job } = await this.#newJob(caller, request, this.#requestKey(request, key));
    const [accepted] = await this.#intake.accept([job]);
    if (accepted?.created === false) return { created: false, view: await this.get(caller, accepted.id) };
    return { created: true, view: await this.#present(caller, freshRecord(job, request.script, request.flow)) };
  }

  /** Accepts jobs that have a key each, all or none; finds those that were accepted before. Errors: those of run. */
  async runKeyed(caller: Caller, wanted: readonly { readonly request: RunJobRequest; readonly key: string }[], scope: KeyScope): Promise<readonly Accepted[]> {
    const made = await Promise.all(
      wanted.map(({ request, key }) => this.#newJob(caller, request, this.#requestKey(request, { scope, text: key, body: JSON.stringify(request) }))),
    );
    return this.#intake.accept(made.map(({ job }) => job));
  }

  /** Accepts one job and waits for its end. Errors: those of run. */
  async runAndWait(
    caller: Caller,
    request: RunJobRequest,
    waitMs: number,
    signal: AbortSignal,
    key?: string | GivenKey,
  ): Promise<{ ended: boolean; view: JobView; resultJson: string }> {
    const { job, answersEarly } = await this.#newJob(caller, request, this.#requestKey(request, key));
    let { id } = job.job;
    const given = new AbortController();
    const until = AbortSignal.any([signal, given.signal]);
    let end = this.#deps.events.ended(id, waitMs + ENQUEUE_DEADLINE_MS, until);
    let ended = false;
    let looking: NodeJS.Timeout | undefined;
    try {
      const [accepted] = await this.#intake.accept([job]);
      looking = setInterval(() => void this.#lookForEnd(caller, id, job.job.shard), LOOK_AGAIN_MS);
      const deadline = setTimeout(() => given.abort(), waitMs);
      if (accepted?.created === false) {
        id = accepted.id;
        end = this.#deps.events.ended(id, waitMs, until);
        // It may have ended long ago: then nobody will say so again.
        if ((await this.record(caller, id)).done !== undefined) given.abort();
      }
      const early = answersEarly ? await Promise.race([end.then(() => undefined), this.#earlyAnswer(caller, id, until)]) : undefined;
      if (early !== undefined) return { ended: true, view: await this.get(caller, id), resultJson: early };
      ended = await end;
      clearTimeout(deadline);
    } finally {
      given.abort();
      clearInterval(looking);
    }
    const view = await this.get(caller, id);
    if (!ended && view.finished_at === undefined) return { ended: false, view, resultJson: "null" };
    return { ended: true, view, resultJson: await this.result(caller, id) };
  }

  /** What a run answers before its end; undefined when the caller is gone, or has waited for long enough. */
  async #earlyAnswer(caller: Caller, id: JobId, until: AbortSignal): Promise<string | undefined> {
    const { events, earlyAnswer } = this.#deps;
    let wake = (): void => undefined;
    const off = events.on(id, () => wake());
    until.addEventListener("abort", () => wake());
    try {
      while (!until.aborted) {
        const changed = new Promise<void>((resolve) => {
          wake = resolve;
        });
        const answer = await earlyAnswer(caller.workspace.id, id).catch(() => undefined);
        if (answer !== undefined) return answer;
        await Promise.race([changed, later(LOOK_AGAIN_MS)]);
      }
      return undefined;
    } finally {
      off();
    }
  }

  /** Accepts the run of a flow that is made elsewhere: of an earlier run, or of one step. Errors: those of run, and of `make`. */
  async accept(caller: Caller, make: (context: EnqueueContext) => Promise<{ readonly job: NewJob; readonly flowPath: string | undefined }>): Promise<JobView> {
    const { job, flowPath } = await make(this.#context(caller));
    checkArguments(caller, job.payload.argsJson);
    await this.#intake.accept([job]);
    return this.#present(caller, freshRecord(job, undefined, flowPath));
  }

  /**
   * Accepts the jobs of a batch. Errors: unavailable when it is not known that all of them were.
   * @param turn of a large body: between slices of the batch the event loop is left to others
   */
  async runBatch(caller: Caller, request: RunBatchRequest, key?: string, turn?: BodyTurn): Promise<{ created: boolean; ids: JobId[] }> {
    checkWanted(caller, { script: request.script, flow: undefined });
    const version = await this.#version(caller, request);
    const context = this.#context(caller);
    const { jobs: items, ...settings } = request;
    const body = key === undefined ? "" : JSON.stringify(request);
    const jobs: NewJob[] = [];
    try {
      for (const [at, { args = {}, idempotency_key: own }] of items.entries()) {
        if (at > 0 && at % SLICE_JOBS === 0) await turn?.rest();
        const itemKey = own === undefined ? this.#key("batch", key, at, body, request) : this.#key("item", own, 0, JSON.stringify([settings, args]), request);
        const job = scriptJob({ ...context, key: itemKey }, version, args, request, `/jobs/${at}/args`);
        checkArguments(caller, job.payload.argsJson);
        jobs.push(job);
      }
      const accepted = await this.#intake.accept(jobs, turn);
      return { created: accepted.some((job) => job.created), ids: accepted.map((job) => job.id) };
    } finally {
      turn?.end();
    }
  }

  /** Makes the job that a request asks for, and accepts nothing. Errors: those of run that are the request's own. */
  async make(caller: Requester, request: RunJobRequest, key: JobKey | undefined): Promise<NewJob> {
    return (await this.#newJob(caller, request, key)).job;
  }

  /** Accepts jobs of one workspace. Errors: unavailable when it is not known of all of them; already_exists, see KeyedJobs. */
  acceptMade(jobs: readonly NewJob[]): Promise<readonly Accepted[]> {
    return this.#intake.accept(jobs);
  }

  async get(caller: Caller, id: JobId): Promise<JobView> {
    const record = await this.record(caller, id);
    const view = await this.#present(caller, record);
    if (record.attempt < 2 && record.status !== "queued") return view;
    const earlier = record.attempt === 0 ? [] : await readAttempts(this.#deps.pool, caller.workspace.id, id);
    return earlier.length === 0 ? view : { ...view, attempts: presentAttempts(record, view, earlier) };
  }

  /** Errors: not_found, the same for a job of another workspace and one that the caller does not see. */
  async record(caller: Looker, id: JobId): Promise<JobRecord> {
    const record = await readJob(this.#deps.pool, caller.workspace.id, id);
    if (record === undefined || !(await this.#sees(caller, record))) throw new AppError("not_found", `there is no job ${id}`);
    return record;
  }

  async #sees(caller: Looker, record: JobRecord): Promise<boolean> {
    if (seesJob(caller, record)) return true;
    const rootId = rootOfStep(record);
    const root = rootId === undefined ? undefined : await readJob(this.#deps.pool, caller.workspace.id, rootId);
    return root !== undefined && seesJob(caller, root);
  }

  /** The result as JSON text. Errors: not_found; failed_precondition while the job has not ended. */
  async result(caller: Caller, id: JobId): Promise<string> {
    if (caller.reach?.bounds !== undefined) await this.record(caller, id);
    const result = await readResult(this.#deps.pool, caller.workspace.id, id);
    if (result !== undefined) return result;
    const { status } = await this.record(caller, id);
    throw new AppError("failed_precondition", `job ${id} is ${status}: it has no result yet`, { retryable: true, hint: "run with ?wait=, or follow the log" });
  }

  async args(caller: Caller, id: JobId): Promise<string> {
    if (caller.reach?.bounds !== undefined) await this.record(caller, id);
    const args = await readArgs(this.#deps.pool, caller.workspace.id, id);
    if (args === undefined) throw new AppError("not_found", `there is no job ${id}`);
    return args;
  }

  async list(caller: Caller, query: JobListQuery): Promise<{ jobs: JobView[]; next_cursor?: string }> {
    const { pool } = this.#deps;
    const limit = query.limit ?? PAGE;
    const before = query.cursor === undefined ? undefined : parseJobId(query.cursor);
    if (query.cursor !== undefined && before === undefined)
      throw new AppError("invalid_argument", "the cursor is not one of ours", { fields: [{ pointer: "/cursor", message: "pass next_cursor on as it came" }] });
    if (query.script !== undefined && !mayUse(caller, query.script)) throw nothingAt(query.script);
    const script = query.script === undefined ? undefined : await findCurrent(pool, "script", caller.workspace.id, query.script);
    if (query.script !== undefined && script === undefined) throw new AppError("not_found", `there is no script at ${query.script}`);
    const withoutSteps = !(query.steps ?? script !== undefined);
    const filter = { status: query.status, scriptId: script?.id, withoutSteps, before, limit };
    const { records, next } = await this.#page(caller, filter);
    const jobs = await Promise.all(records.map((record) => this.#present(caller, record)));
    return { jobs, ...(next !== undefined && { next_cursor: next }) };
  }

  /** Steps of flows, and what the caller sees, are told only by the payload: pages are read until one is full, or enough was looked at. */
  async #page(caller: Caller, filter: JobFilter): Promise<{ records: JobRecord[]; next: JobId | undefined }> {
    const { pool, db } = this.#deps;
    const records: JobRecord[] = [];
    let { before } = filter;
    for (let page = 0; ; page++) {
      const wanted = filter.limit - records.length;
      const { ids, next } = await listJobs(db, caller.workspace.id, { ...filter, before, limit: wanted });
      const read = await readJobs(pool, caller.workspace.id, ids);
      records.push(...read.filter((record) => (filter.withoutSteps !== true || record.kind !== "step") && seesJob(caller, record)));
      // Fewer: it has looked for as long as a request may. Steps are many and stand together, past them is looked further.
      const gaveUp = ids.length < wanted && filter.withoutSteps !== true;
      if (next === undefined || gaveUp || records.length >= filter.limit || page === MOST_PAGES) return { records, next };
      before = next;
    }
  }

  /** Errors: not_found; failed_precondition when the job has already ended. @param isRecorded it is in the audit log already, as one of many */
  async cancel(caller: Caller, id: JobId, given?: string, isRecorded = false): Promise<JobView> {
    const { pool, owners, clock } = this.#deps;
    const workspace = caller.workspace.id;
    // A job may move between the look and the order (it is just being claimed, or put back): then it is looked up again.
    for (let attempt = 0; attempt < 5; attempt++) {
      const record = await this.record(caller, id);
      if (record.done !== undefined) throw new AppError("failed_precondition", `job ${id} has already ended (${record.status})`);
      const signed = signedReason(given, caller.principal.label);
      const reason = record.language === FLOW_LANGUAGE ? signed : (given ?? signed);
      // The order goes to the owner, past this connection: it is written down before, so that nothing was cancelled by nobody.
      if (attempt === 0 && !isRecorded) {
        const { label } = caller.principal;
        await recordAudit(pool, { workspace, actor: label, action: "jobs:cancel", target: `job ${id}`, outcome: "asked" });
      }
      const outcome = await askOwner(owners, clock, shardOf(workspace), (owner) => owner.cancel({ id, workspace }, reason));
      if (outcome !== "gone") break;
    }
    return this.get(caller, id);
  }

  /** The notice of an end comes from its owner; one that changes hands, or a link that breaks, may lose it. */
  async #lookForEnd(caller: Caller, id: JobId, shard: number): Promise<void> {
    if (this.#deps.owners.ownerOf(shard)?.isLocal === true) return;
    const record = await readJob(this.#deps.pool, caller.workspace.id, id).catch(() => undefined);
    if (record?.done !== undefined) this.#deps.events.emit(id, "ended");
  }

  async #present(caller: Caller, record: JobRecord): Promise<JobView> {
    const workspace = caller.workspace.id;
    const deferred = record.status === "queued" ? deferredReason(record, this.#deps.clock.wallMs()) : undefined;
    const owner = record.status === "queued" && deferred === undefined ? this.#deps.owners.ownerOf(shardOf(workspace)) : undefined;
    if (owner === undefined) return presentJob(caller.workspace.name, record, deferred);
    const { tag, language, group } = record;
    const asked = owner.waitReason({ workspace, tag, language, group }).catch(() => undefined);
    const reason = owner.isLocal ? await asked : await Promise.race([asked, later(REASON_WITHIN_MS)]);
    return presentJob(caller.workspace.name, record, reason);
  }

  #requestKey(request: RunJobRequest, key: string | GivenKey | undefined): JobKey | undefined {
    const given = typeof key === "string" ? { scope: "run" as const, text: key, body: JSON.stringify(request) } : key;
    return this.#key(given?.scope ?? "run", given?.text, 0, given?.body ?? "", request);
  }

  async #newJob(caller: Requester, request: RunJobRequest, key: JobKey | undefined): Promise<{ readonly job: NewJob; readonly answersEarly: boolean }> {
    refuseBroughtCode(caller.principal, request);
    checkWanted(caller, request);
    const context = { ...this.#context(caller), key };
    const args = request.args ?? {};
    if (isForFlow(request)) {
      const flow = await this.#deps.wantedFlow(caller.workspace, request, referencesOf(caller));
      const job = flowJob(context, flow, args, request);
      checkArguments(caller, job.payload.argsJson);
      return { job, answersEarly: flow.definition.earlyReturn !== undefined };
    }
    const job =
      request.code === undefined ? scriptJob(context, await this.#version(caller, request), args, request) : inlineJob(context, request.code, args, request);
    checkArguments(caller, job.payload.argsJson);
    return { job, answersEarly: false };
  }

  async #version(caller: Requester, request: { script?: string | undefined; hash?: string | undefined }): Promise<ScriptVersion> {
    const { scripts, pool } = this.#deps;
    if (request.script !== undefined) return currentVersion(pool, scripts, caller.workspace.id, request.script);
    return runnableVersion(scripts, caller, request.hash ?? "");
  }

  #context(caller: Requester): EnqueueContext {
    const { clock, newJobId, checkArgs } = this.#deps;
    return { workspace: caller.workspace, createdBy: actsFor(caller.principal), clock, newJobId, checkArgs };
  }

  #key(scope: KeyScope, text: string | undefined, position: number, body: string, request: { idempotency_window_s?: number | undefined }): JobKey | undefined {
    if (text === undefined) return undefined;
    const windowS = request.idempotency_window_s ?? POLICY_LIMITS.defaultKeyWindowS;
    return jobKey(scope, text, position, body, this.#deps.clock.wallMs() + windowS * 1000);
  }
}

function later(ms: number): Promise<undefined> {
  return new Promise((resolve) => setTimeout(() => resolve(undefined), ms).unref());
}
