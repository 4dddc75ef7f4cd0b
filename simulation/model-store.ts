import type { FlushResult } from "../control-plane/jobs/flush-store.ts";
import { type FlushOperation, type JobPayload, laneOf } from "../control-plane/jobs/model.ts";
import type { JobQueue, WaitingJob } from "../control-plane/scheduler/core/model.ts";
import { sortsBefore } from "../control-plane/scheduler/core/state-core.ts";
import type { StoredGroup, StoredRunning } from "../control-plane/scheduler/owner-store.ts";
import { AppError } from "../kernel/app-error.ts";
import { assertNever } from "../kernel/assert-never.ts";
import type { Exit } from "../kernel/exit.ts";
import { type AgentKey, asJobId, type JobId, type Token, timeOfId } from "../kernel/ids.ts";

export const LEASE_TTL_MS = 10_000;
const WATCHED_MS = 60_000;

interface RunningRow {
  /** As it was when it was claimed; counts the attempts before. */
  readonly job: WaitingJob;
  readonly token: Token;
  readonly agent: AgentKey;
  readonly claimedAtMs: number;
}

interface DoneRow {
  readonly token: Token | undefined;
  readonly agent: AgentKey | undefined;
  readonly attempt: number;
  readonly exit: Exit;
  readonly resultJson: string;
}

export interface Lease {
  readonly name: string;
  readonly epoch: number;
  expiresAtMs: number;
}

/** What the model tells the world about commits. A broken rule is reported with `broken`, since production code may catch what is thrown. */
export interface StoreWatch {
  committed(operation: FlushOperation, outcome: "moved" | "gone", epoch: number): void;
  broken(invariant: string, message: string): void;
}

/**
 * Postgres, as far as the owner can tell: the same moves as `jobs/statements.ts`, whole flushes or nothing, fenced by the epoch. That the
 * statements really do this is shown against a real server in `flush.db.test.ts` and `guards.db.test.ts`.
 */
export class ModelStore {
  readonly pending = new Map<JobId, WaitingJob>();
  readonly running = new Map<JobId, RunningRow>();
  readonly done = new Map<JobId, DoneRow>();
  readonly payloads = new Map<JobId, JobPayload>();
  /** Every token under which an attempt was ever committed. */
  readonly tokens = new Set<Token>();
  readonly #watch: StoreWatch;
  readonly #nowMs: () => number;
  readonly #presence = new Map<string, number>();
  #lease: Lease | undefined;
  #epochs = 0;

  constructor(watch: StoreWatch, nowMs: () => number) {
    this.#watch = watch;
    this.#nowMs = nowMs;
  }

  get epoch(): number {
    return this.#lease?.epoch ?? 0;
  }

  acquire(name: string): { epoch: number } | { holder: string } {
    const held = this.#lease;
    if (held !== undefined && held.name !== name && held.expiresAtMs > this.#nowMs()) {
      this.#presence.set(name, this.#nowMs());
      return { holder: held.name };
    }
    this.#epochs += 1;
    this.#lease = { name, epoch: this.#epochs, expiresAtMs: this.#nowMs() + LEASE_TTL_MS };
    return { epoch: this.#epochs };
  }

  renew(name: string, epoch: number): { ours: boolean; watched: boolean } {
    const held = this.#lease;
    if (held === undefined || held.name !== name || held.epoch !== epoch) return { ours: false, watched: false };
    held.expiresAtMs = this.#nowMs() + LEASE_TTL_MS;
    return { ours: true, watched: [...this.#presence].some(([other, seenAtMs]) => other !== name && seenAtMs > this.#nowMs() - WATCHED_MS) };
  }

  release(name: string, epoch: number): void {
    if (this.#lease?.name === name && this.#lease.epoch === epoch) this.#lease.expiresAtMs = Number.NEGATIVE_INFINITY;
  }

  /** One flush. Errors: the database's refusal of a row that it cannot store (nothing is written then). */
  flush(epoch: number, operations: readonly FlushOperation[]): FlushResult {
    if (this.#lease?.epoch !== epoch) return { kind: "lost" };
    const lanes = new Set(operations.map((operation) => laneOf(operation.job.shard)));
    if (lanes.size !== 1) this.#watch.broken("lanes", `a flush of ${lanes.size} lanes`);
    for (const operation of operations) if (isRefused(operation)) throw new AppError("invalid_argument", "invalid byte sequence for encoding: 0x00");
    const gone = new Set<string>();
    // All parts of the statement see the rows as they were before it.
    const fresh = new Set<JobId>();
    for (const operation of operations) {
      const moved = this.#apply(operation, fresh);
      if (!moved) gone.add(`${operation.kind}/${operation.job.id}`);
      this.#watch.committed(operation, moved ? "moved" : "gone", epoch);
    }
    return { kind: "committed", gone };
  }

  refill(queue: JobQueue, limit: number): WaitingJob[] {
    const { cursor } = queue;
    return [...this.pending.values()]
      .filter((row) => row.workspace === queue.tenant.workspace && row.tag === queue.route.tag && row.language === queue.route.language)
      .filter((row) => cursor === undefined || !sortsBefore(row, cursor))
      .sort((a, b) => (sortsBefore(a, b) ? -1 : 1))
      .slice(0, limit);
  }

  load(): { running: StoredRunning[]; groups: StoredGroup[] } {
    const groups = new Map<string, StoredGroup>();
    for (const job of this.pending.values()) {
      const key = `${job.workspace} ${job.tag} ${job.language}`;
      groups.set(key, { workspace: job.workspace, tag: job.tag, language: job.language, count: (groups.get(key)?.count ?? 0) + 1 });
    }
    const running = [...this.running.values()].map((row) => ({
      job: { ...row.job, dueAtMs: timeOfId(row.job.id) },
      token: row.token,
      agent: row.agent,
      ageMs: this.#nowMs() - row.claimedAtMs,
    }));
    return { running, groups: [...groups.values()] };
  }

  /** Errors: when there is none and the lease is no longer the asker's. */
  doneToken(id: JobId, agent: AgentKey, epoch: number): Token | undefined {
    const row = this.done.get(id);
    if (row?.agent === agent && row.token !== undefined) return row.token;
    if (this.#lease?.epoch !== epoch) throw new AppError("unavailable", "this replica no longer owns the workspace's shard");
    return undefined;
  }

  /** In how many of the three places a job is. */
  placesOf(id: JobId): number {
    return Number(this.pending.has(id)) + Number(this.running.has(id)) + Number(this.done.has(id));
  }

  #apply(operation: FlushOperation, fresh: Set<JobId>): boolean {
    const { id } = operation.job;
    switch (operation.kind) {
      case "insert":
        return this.#insert(operation, fresh);
      case "claim": {
        const row = fresh.has(id) ? undefined : this.pending.get(id);
        if (row === undefined) return false;
        this.pending.delete(id);
        this.#run(row, operation.token, operation.agent);
        fresh.add(id);
        return true;
      }
      case "finish":
        return this.#finish(operation, fresh);
      case "requeue": {
        const row = this.#take(id, operation.token, fresh);
        if (row === undefined) return false;
        if (operation.job.attempt !== row.job.attempt + 1)
          this.#watch.broken("attempts", `requeue of ${id} counts ${operation.job.attempt} attempts, its row ${row.job.attempt + 1}`);
        this.pending.set(id, { ...row.job, attempt: row.job.attempt + 1, lost: operation.job.lost, dueAtMs: operation.job.dueAtMs });
        fresh.add(id);
        return true;
      }
      case "cancel": {
        const row = fresh.has(id) ? undefined : this.pending.get(id);
        if (row === undefined) return false;
        this.pending.delete(id);
        this.#end(id, { token: undefined, agent: undefined, attempt: row.attempt, exit: operation.exit, resultJson: operation.resultJson });
        return true;
      }
      default:
        return assertNever(operation);
    }
  }

  #insert(operation: Extract<FlushOperation, { kind: "insert" }>, fresh: Set<JobId>): boolean {
    const { job, payload, direct } = operation;
    if (this.payloads.has(job.id)) this.#watch.broken("once", `job ${job.id} was inserted twice`);
    this.payloads.set(job.id, payload);
    if (direct === undefined) this.pending.set(job.id, job);
    else this.#run(job, direct.token, direct.agent);
    fresh.add(job.id);
    return true;
  }

  #finish({ end, job }: Extract<FlushOperation, { kind: "finish" }>, fresh: Set<JobId>): boolean {
    const row = this.#take(end.id, end.token, fresh);
    if (row === undefined) return false;
    if (job.id !== end.id) this.#watch.broken("once", `an end of ${end.id} was filed under ${job.id}`);
    this.#end(end.id, { token: row.token, agent: row.agent, attempt: row.job.attempt + 1, exit: end.exit, resultJson: end.resultJson });
    return true;
  }

  #take(id: JobId, token: Token, fresh: Set<JobId>): RunningRow | undefined {
    const row = fresh.has(id) ? undefined : this.running.get(id);
    if (row === undefined || row.token !== token) return undefined;
    this.running.delete(id);
    return row;
  }

  #run(job: WaitingJob, token: Token, agent: AgentKey): void {
    if (this.running.has(job.id)) this.#watch.broken("once", `job ${job.id} would run twice`);
    if (this.tokens.has(token)) this.#watch.broken("tokens", `token ${token} was given out twice`);
    this.tokens.add(token);
    this.running.set(job.id, { job, token, agent, claimedAtMs: this.#nowMs() });
  }

  #end(id: JobId, row: DoneRow): void {
    if (this.done.has(id)) this.#watch.broken("once", `job ${id} is in history twice`);
    this.done.set(id, row);
  }
}

/** Postgres' text cannot hold NUL; agents' ends are cleaned of it, so this stands for any row that the database does not like. */
function isRefused(operation: FlushOperation): boolean {
  if (operation.kind === "insert") return operation.payload.argsJson.includes("refused");
  return operation.kind === "finish" && operation.end.resultJson.includes("\u0001");
}

export function jobIdOf(wallMs: number, number: number): JobId {
  const time = Math.floor(wallMs).toString(16).padStart(12, "0");
  return asJobId(`${time.slice(0, 8)}-${time.slice(8)}-7000-8000-${number.toString(16).padStart(12, "0")}`);
}
