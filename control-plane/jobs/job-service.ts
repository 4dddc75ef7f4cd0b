import { AppError } from "../../kernel/app-error.ts";
import type { Clock } from "../../kernel/clock.ts";
import { type JobId, parseJobId, timeOfId } from "../../kernel/ids.ts";
import type { Pool } from "../db/pools.ts";
import type { Db } from "../db/query-builder.ts";
import type { Caller } from "../http/authorize.ts";
import { waitReason } from "../scheduler/core/wait-reason.ts";
import type { NewJob, Owner } from "../scheduler/owner.ts";
import { currentVersion } from "../scripts/find-script.ts";
import type { ScriptCache } from "../scripts/script-cache.ts";
import { findCurrent, type ScriptVersion } from "../scripts/script-store.ts";
import type { JobListQuery, JobView, RunBatchRequest, RunJobRequest } from "./contract.ts";
import { type EnqueueContext, inlineJob, scriptJob } from "./enqueue.ts";
import type { JobEvents } from "./job-events.ts";
import { type JobRecord, listJobIds, readArgs, readJob, readJobs, readResult } from "./job-store.ts";
import { shardOf } from "./model.ts";
import { presentJob } from "./present.ts";

export interface JobServiceDeps {
  readonly pool: Pool;
  readonly db: Db;
  readonly scripts: ScriptCache;
  readonly events: JobEvents;
  readonly clock: Clock;
  readonly newJobId: () => JobId;
  readonly checkArgs: EnqueueContext["checkArgs"];
  /** Called with the number of jobs that were just acknowledged. */
  readonly onAccepted: (jobs: number) => void;
  /** Undefined while another replica owns the shards, or none does. */
  readonly owner: () => Owner | undefined;
}

const PAGE = 50;
/** How long an enqueue waits for Postgres before it is given up. */
const ENQUEUE_DEADLINE_MS = 10_000;

/** What people can do with jobs; the routes are its HTTP face. Every method takes the caller, whose workspace bounds it. */
export class JobService {
  readonly #deps: JobServiceDeps;

  constructor(deps: JobServiceDeps) {
    this.#deps = deps;
  }

  /** Accepts one job. Errors: not_found, invalid_argument, out_of_range, unavailable. */
  async run(caller: Caller, request: RunJobRequest): Promise<JobView> {
    const job = await this.#newJob(caller, request);
    await this.#enqueue([job]);
    return this.#present(caller, freshRecord(job, request.script));
  }

  /** Accepts one job and waits for its end. */
  async runAndWait(
    caller: Caller,
    request: RunJobRequest,
    waitMs: number,
    signal: AbortSignal,
  ): Promise<{ ended: boolean; view: JobView; resultJson: string }> {
    const job = await this.#newJob(caller, request);
    const { id } = job.job;
    const given = new AbortController();
    const end = this.#deps.events.ended(id, waitMs + ENQUEUE_DEADLINE_MS, AbortSignal.any([signal, given.signal]));
    let ended = false;
    try {
      await this.#enqueue([job]);
      const deadline = setTimeout(() => given.abort(), waitMs);
      ended = await end;
      clearTimeout(deadline);
    } finally {
      given.abort();
    }
    const view = await this.get(caller, id);
    if (!ended && view.finished_at === undefined) return { ended: false, view, resultJson: "null" };
    return { ended: true, view, resultJson: await this.result(caller, id) };
  }

  /** Accepts the jobs of a batch. Errors: unavailable when it is not known that all of them were. */
  async runBatch(caller: Caller, request: RunBatchRequest): Promise<JobId[]> {
    const version = await this.#version(caller, request);
    const context = this.#context(caller);
    const jobs = request.jobs.map((job, at) => scriptJob(context, version, job.args ?? {}, request, `/jobs/${at}/args`));
    await this.#enqueue(jobs);
    return jobs.map((job) => job.job.id);
  }

  async get(caller: Caller, id: JobId): Promise<JobView> {
    return this.#present(caller, await this.record(caller, id));
  }

  /** Errors: not_found, the same for a job of another workspace. */
  async record(caller: Caller, id: JobId): Promise<JobRecord> {
    const record = await readJob(this.#deps.pool, caller.workspace.id, id);
    if (record === undefined) throw new AppError("not_found", `there is no job ${id}`);
    return record;
  }

  /** The result as JSON text. Errors: not_found; failed_precondition while the job has not ended. */
  async result(caller: Caller, id: JobId): Promise<string> {
    const result = await readResult(this.#deps.pool, caller.workspace.id, id);
    if (result !== undefined) return result;
    const { status } = await this.record(caller, id);
    throw new AppError("failed_precondition", `job ${id} is ${status}: it has no result yet`, { retryable: true, hint: "run with ?wait=, or follow the log" });
  }

  async args(caller: Caller, id: JobId): Promise<string> {
    const args = await readArgs(this.#deps.pool, caller.workspace.id, id);
    if (args === undefined) throw new AppError("not_found", `there is no job ${id}`);
    return args;
  }

  async list(caller: Caller, query: JobListQuery): Promise<{ jobs: JobView[]; next_cursor?: string }> {
    const { pool, db } = this.#deps;
    const limit = query.limit ?? PAGE;
    const before = query.cursor === undefined ? undefined : parseJobId(query.cursor);
    if (query.cursor !== undefined && before === undefined)
      throw new AppError("invalid_argument", "the cursor is not one of ours", { fields: [{ pointer: "/cursor", message: "pass next_cursor on as it came" }] });
    const script = query.script === undefined ? undefined : await findCurrent(pool, caller.workspace.id, query.script);
    if (query.script !== undefined && script === undefined) throw new AppError("not_found", `there is no script at ${query.script}`);
    const ids = await listJobIds(db, caller.workspace.id, { status: query.status, scriptId: script?.scriptId, before, limit: limit + 1 });
    const page = ids.slice(0, limit);
    const records = await readJobs(pool, caller.workspace.id, page);
    const last = page.at(-1);
    return { jobs: records.map((record) => this.#present(caller, record)), ...(ids.length > limit && last !== undefined && { next_cursor: last }) };
  }

  /** Errors: not_found; failed_precondition when the job has already ended. */
  async cancel(caller: Caller, id: JobId, reason = `cancelled by ${caller.principal.label}`): Promise<JobView> {
    const workspace = caller.workspace.id;
    // A job may move between the look and the order (it is just being claimed, or put back): then it is looked up again.
    for (let attempt = 0; attempt < 5; attempt++) {
      const record = await this.record(caller, id);
      if (record.done !== undefined) throw new AppError("failed_precondition", `job ${id} has already ended (${record.status})`);
      const outcome = await this.#owner().cancel({ id, workspace, shard: shardOf(workspace) }, reason);
      if (outcome !== "gone") break;
    }
    return this.get(caller, id);
  }

  #present(caller: Caller, record: JobRecord): JobView {
    const owner = record.status === "queued" ? this.#deps.owner() : undefined;
    const { tag, language, group } = record;
    const reason =
      owner === undefined ? undefined : waitReason(owner.state, { workspace: caller.workspace.id, tag, language, group }, this.#deps.clock.monotonicMs());
    return presentJob(caller.workspace.name, record, reason);
  }

  async #newJob(caller: Caller, request: RunJobRequest): Promise<NewJob> {
    const context = this.#context(caller);
    const args = request.args ?? {};
    if (request.code !== undefined) return inlineJob(context, request.code, args, request);
    return scriptJob(context, await this.#version(caller, request), args, request);
  }

  async #version(caller: Caller, request: { script?: string | undefined; hash?: string | undefined }): Promise<ScriptVersion> {
    const { scripts, pool } = this.#deps;
    if (request.script !== undefined) return currentVersion(pool, scripts, caller.workspace.id, request.script);
    const version = await scripts.loadVersion(caller.workspace.id, request.hash ?? "");
    if (version === undefined) throw new AppError("not_found", `there is no script version ${request.hash ?? ""}`);
    return version;
  }

  #context(caller: Caller): EnqueueContext {
    const { clock, newJobId, checkArgs } = this.#deps;
    return { workspace: caller.workspace, createdBy: caller.principal.label, clock, newJobId, checkArgs };
  }

  /** Hands jobs to the owner. After the deadline the caller is told that it is not known whether they were accepted. */
  async #enqueue(jobs: readonly NewJob[]): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const deadline = new Promise<never>((_, reject) => {
      timer = setTimeout(
        () => reject(new AppError("unavailable", "the database did not answer in time: it is not known whether the job was accepted", { retryAfterS: 2 })),
        ENQUEUE_DEADLINE_MS,
      );
    });
    try {
      await Promise.race([this.#owner().enqueue(jobs), deadline]);
      this.#deps.onAccepted(jobs.length);
    } finally {
      clearTimeout(timer);
    }
  }

  #owner(): Owner {
    const owner = this.#deps.owner();
    if (owner === undefined) throw new AppError("unavailable", "no owner of this workspace's shard answers here at the moment", { retryAfterS: 1 });
    return owner;
  }
}

/** A job as it is right after it was accepted: said from memory, since reading it back would double the time of a request. */
function freshRecord({ job, payload }: NewJob, scriptPath: string | undefined): JobRecord {
  return {
    id: job.id,
    kind: payload.kind,
    scriptPath,
    scriptHash: payload.scriptHash,
    language: job.language,
    tag: job.tag,
    prio: job.prio,
    group: job.limits?.group,
    createdBy: payload.createdBy,
    createdAtMs: timeOfId(job.id),
    status: "queued",
    attempt: 0,
    agent: undefined,
    agentName: undefined,
    startedAtMs: undefined,
    done: undefined,
  };
}
