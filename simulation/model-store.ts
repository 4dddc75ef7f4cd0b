import type { FlushResult } from "../control-plane/jobs/flush-store.ts";
import type { JobKey } from "../control-plane/jobs/idempotency-key.ts";
import type { KeyedJob } from "../control-plane/jobs/key-store.ts";
import { type FlushOperation, type JobPayload, type JobSpecial, laneOf, shardOf, type WindowRecord } from "../control-plane/jobs/model.ts";
import type { JobQueue, WaitingJob } from "../control-plane/scheduler/core/model.ts";
import type { ColdGroup } from "../control-plane/scheduler/core/queue-core.ts";
import { groupOf, sortsBefore } from "../control-plane/scheduler/core/state-core.ts";
import type { Timed, TimerRead } from "../control-plane/scheduler/core/timers-core.ts";
import type { Lease } from "../control-plane/scheduler/lease-store.ts";
import type { LoadedShards } from "../control-plane/scheduler/owner-store.ts";
import type { Deferred, Expiring, TimerPage } from "../control-plane/scheduler/timer-store.ts";
import type { LoadedWindow } from "../control-plane/scheduler/window-store.ts";
import type { ChangedLimits } from "../control-plane/workspaces/workspace-limit-store.ts";
import { AppError } from "../kernel/app-error.ts";
import { assertNever } from "../kernel/assert-never.ts";
import type { Exit, ExitReason } from "../kernel/exit.ts";
import { type AgentKey, asJobId, type JobId, type Token, timeOfId, type WorkspaceId } from "../kernel/ids.ts";
import { ModelCluster } from "./model-cluster.ts";
import { ModelSessions } from "./model-sessions.ts";
import { EPOCH_MS } from "./virtual-time.ts";

/** Pages of the timers are this small here, so that a few jobs already take several. */
const TIMER_PAGE = 3;

interface PendingRow {
  readonly job: WaitingJob;
  /** It waits for its due time, and does not stand in its queue before. */
  readonly deferred: boolean;
  readonly expiresAtMs: number | undefined;
}

/** A row of job_attempt: the end of an attempt that did not end its job. */
interface AttemptRow {
  readonly attempt: number;
  readonly token: Token;
  readonly agent: AgentKey;
  readonly reason: ExitReason;
}

interface RunningRow {
  /** As it was when it was claimed; counts the attempts before. */
  readonly job: WaitingJob;
  readonly token: Token;
  readonly agent: AgentKey;
  readonly claimedAtMs: number;
  cancelReason: string | undefined;
}

/** A row of rate_window. */
type WindowRow = WindowRecord & { readonly storedAtMs: number };

interface DoneRow {
  readonly token: Token | undefined;
  readonly agent: AgentKey | undefined;
  readonly attempt: number;
  readonly exit: Exit;
  readonly resultJson: string;
}

/** What the model tells the world about commits. A broken rule is reported with `broken`, since production code may catch what is thrown. */
export interface StoreWatch {
  committed(operation: FlushOperation, outcome: "moved" | "gone", lease: Lease): void;
  broken(invariant: string, message: string): void;
}

/**
 * Postgres, as far as the owners can tell: the same moves as `jobs/statements.ts`, whole flushes or nothing, fenced by the epoch. That the
 * statements really do this is shown against a real server in `flush.db.test.ts` and `guards.db.test.ts`.
 */
export class ModelStore {
  readonly pending = new Map<JobId, PendingRow>();
  readonly running = new Map<JobId, RunningRow>();
  readonly done = new Map<JobId, DoneRow>();
  readonly attempts = new Map<JobId, AttemptRow[]>();
  readonly keys = new Map<string, KeyedJob & Pick<JobKey, "expiresAtMs">>();
  readonly payloads = new Map<JobId, JobPayload>();
  /** Every token under which an attempt was ever committed. */
  readonly tokens = new Set<Token>();
  readonly #watch: StoreWatch;
  readonly #nowMs: () => number;
  readonly cluster: ModelCluster;
  readonly sessions: ModelSessions;
  readonly #windows = new Map<string, WindowRow>();
  readonly #caps = new Map<WorkspaceId, { readonly most: number; readonly version: number }>();
  #versions = 0;

  constructor(watch: StoreWatch, nowMs: () => number) {
    this.#watch = watch;
    this.#nowMs = nowMs;
    this.cluster = new ModelCluster(nowMs);
    this.sessions = new ModelSessions(nowMs);
  }

  /** One flush. Errors: the database's refusal of a row that it cannot store (nothing is written then). */
  flush(lease: Lease, operations: readonly FlushOperation[]): FlushResult {
    if (!this.cluster.isHeld(lease)) return { kind: "lost" };
    const lanes = new Set(operations.map((operation) => laneOf(operation.job.shard)));
    if (lanes.size !== 1) this.#watch.broken("lanes", `a flush of ${lanes.size} lanes`);
    for (const operation of operations) if (isRefused(operation)) throw new AppError("invalid_argument", "invalid byte sequence for encoding: 0x00");
    const gone = new Set<string>();
    // All parts of the statement see the rows as they were before it.
    const fresh = new Set<JobId>();
    for (const operation of operations) {
      const moved = this.#apply(operation, fresh);
      if (operation.kind === "claim" || operation.kind === "insert") this.#keepWindows(operation.windows ?? []);
      if (!moved) gone.add(`${operation.kind}/${operation.job.id}`);
      if (moved) this.#isOwned(operation, lease);
      this.#watch.committed(operation, moved ? "moved" : "gone", lease);
    }
    return { kind: "committed", gone };
  }

  /** The epoch fences whoever is dead. One that lives and has given a shard away must not write of it any more by itself. */
  #isOwned(operation: FlushOperation, { replicaId }: Lease): void {
    const owner = this.cluster.ownerOf(operation.job.shard);
    if (owner !== replicaId)
      this.#watch.broken("writers", `${operation.kind} of ${operation.job.id} by replica ${replicaId}, the shard is ${owner ?? "nobody"}'s`);
  }

  /** @param dueMs jobs that waited for a moment up to this one belong to the queue too */
  refill(queue: JobQueue, limit: number, dueMs: number): WaitingJob[] {
    const { cursor } = queue;
    return [...this.pending.values()]
      .filter((row) => (!row.deferred || row.job.dueAtMs <= dueMs) && standsIn(queue, row.job))
      .map((row) => row.job)
      .filter((job) => cursor === undefined || !sortsBefore(job, cursor))
      .sort((a, b) => (sortsBefore(a, b) ? -1 : 1))
      .slice(0, limit);
  }

  load(shards: readonly number[]): LoadedShards & { databaseMs: number } {
    const groups = new Map<string, ColdGroup>();
    for (const { job, deferred } of this.pending.values()) {
      if (deferred || !shards.includes(job.shard)) continue;
      const { workspace, tag, language } = job;
      const key = `${workspace} ${tag} ${language} ${groupOf(job)}`;
      const known = groups.get(key);
      const newest = job.limits !== undefined && (known?.newest === undefined || known.newest.id < job.id) ? job : known?.newest;
      groups.set(key, { workspace, tag, language, count: (known?.count ?? 0) + 1, newest });
    }
    const ours = [...this.running.values()].filter((row) => shards.includes(row.job.shard));
    const running = ours.map((row) => ({
      job: { ...row.job, dueAtMs: timeOfId(row.job.id) },
      token: row.token,
      agent: row.agent,
      ageMs: this.#nowMs() - row.claimedAtMs,
      cancelReason: row.cancelReason,
    }));
    return { running, groups: [...groups.values()], windows: this.#loadWindows(shards), databaseMs: EPOCH_MS + this.#nowMs() };
  }

  setCap(workspace: WorkspaceId, most: number): void {
    this.#versions += 1;
    this.#caps.set(workspace, { most, version: this.#versions });
  }

  get hasCaps(): boolean {
    return this.#caps.size > 0;
  }

  capOf(workspace: WorkspaceId): number | undefined {
    return this.#caps.get(workspace)?.most;
  }

  workspaceLimits(since: string): ChangedLimits {
    const changed = [...this.#caps].filter(([, { version }]) => version >= Number(since));
    return { changed: changed.map(([workspace, { most }]) => ({ workspace, limits: { weight: 1, maxRunning: most } })), next: String(this.#versions) };
  }

  deferred(read: TimerRead, limit: number, shards: readonly number[]): TimerPage<Deferred> {
    const rows = [...this.pending.values()].filter((row) => row.deferred && shards.includes(row.job.shard));
    return pageOf(
      rows.map(({ job }) => ({ id: job.id, atMs: job.dueAtMs, job })),
      read,
      limit,
    );
  }

  expiring(read: TimerRead, limit: number, shards: readonly number[]): TimerPage<Expiring> {
    const rows = [...this.pending.values()].flatMap(({ job, expiresAtMs }) =>
      expiresAtMs === undefined || !shards.includes(job.shard) ? [] : [{ id: job.id, atMs: expiresAtMs, workspace: job.workspace, shard: job.shard }],
    );
    return pageOf(rows, read, limit);
  }

  findKeys(workspace: WorkspaceId, keys: readonly string[], nowMs: number): Map<string, KeyedJob> {
    return new Map(
      keys.flatMap((key) => {
        const row = this.keys.get(`${workspace}/${key}`);
        return row === undefined || row.expiresAtMs <= nowMs ? [] : [[key, { id: row.id, body: row.body }] as const];
      }),
    );
  }

  /** Errors: when it is not and the lease is no longer the asker's. */
  isRecorded(id: JobId, agent: AgentKey, token: Token, lease: Lease): boolean {
    if (this.hasEndOf(id, agent, token)) return true;
    if (!this.cluster.isHeld(lease)) throw new AppError("unavailable", "this replica no longer owns the workspace's shard");
    return false;
  }

  /** Whether history has the end that this agent gave to the attempt. */
  hasEndOf(id: JobId, agent: AgentKey, token: Token): boolean {
    const row = this.done.get(id);
    if (row?.agent === agent && row.token === token) return true;
    return this.attempts.get(id)?.some((entry) => entry.token === token && entry.agent === agent && entry.reason !== "lost") === true;
  }

  /** Errors: when the lease is no longer the asker's. */
  markCancelled(id: JobId, token: Token, reason: string, lease: Lease): void {
    if (!this.cluster.isHeld(lease)) throw new AppError("unavailable", "this replica no longer owns the workspace's shard");
    const row = this.running.get(id);
    if (row?.token === token) row.cancelReason = reason;
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
      case "refuse":
        return this.#refuse(operation);
      case "claim": {
        const row = fresh.has(id) ? undefined : this.pending.get(id);
        if (row === undefined) return false;
        this.pending.delete(id);
        this.#run(row.job, operation.token, operation.agent);
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
        const job = { ...row.job, attempt: row.job.attempt + 1, lost: operation.job.lost, dueAtMs: operation.job.dueAtMs };
        this.pending.set(id, { job, deferred: false, expiresAtMs: operation.expiresAtMs });
        fresh.add(id);
        return true;
      }
      case "retry":
        return this.#retry(operation, fresh);
      case "cancel": {
        const row = fresh.has(id) ? undefined : this.pending.get(id);
        if (row === undefined) return false;
        this.pending.delete(id);
        this.#end(id, { token: undefined, agent: undefined, attempt: row.job.attempt, exit: operation.exit, resultJson: operation.resultJson });
        return true;
      }
      // No flows run here.
      case "flow":
        return true;
      default:
        return assertNever(operation);
    }
  }

  #insert(operation: Extract<FlushOperation, { kind: "insert" }>, fresh: Set<JobId>): boolean {
    const { job, payload, direct, special } = operation;
    if (this.payloads.has(job.id)) this.#watch.broken("once", `job ${job.id} was inserted twice`);
    this.payloads.set(job.id, payload);
    if (special?.key !== undefined) this.#takeKey(job, special.key);
    if (direct === undefined) this.pending.set(job.id, pendingRow(job, special));
    else this.#run(job, direct.token, direct.agent);
    fresh.add(job.id);
    return true;
  }

  #refuse({ job, payload, special, exit, resultJson }: Extract<FlushOperation, { kind: "refuse" }>): boolean {
    if (this.payloads.has(job.id)) this.#watch.broken("once", `job ${job.id} was inserted twice`);
    this.payloads.set(job.id, payload);
    if (special?.key !== undefined) this.#takeKey(job, special.key);
    this.#end(job.id, { token: undefined, agent: undefined, attempt: 0, exit, resultJson });
    return true;
  }

  /** With the claim or without it, as long as the lease holds: one start too many is counted rather than one too few. */
  #keepWindows(records: readonly WindowRecord[]): void {
    for (const record of records) {
      const name = `${record.workspace}/${record.id}`;
      const known = this.#windows.get(name);
      if (known === undefined || BigInt(known.token) < BigInt(record.token)) this.#windows.set(name, { ...record, storedAtMs: this.#nowMs() });
    }
  }

  #loadWindows(shards: readonly number[]): LoadedWindow[] {
    const rows = [...this.#windows.values()].filter((row) => shards.includes(shardOf(row.workspace)) && row.storedAtMs + row.keepMs > this.#nowMs());
    return rows.map(({ workspace, id, starts, windowMs, agesMs, tatInMs, storedAtMs }) => {
      const sinceMs = this.#nowMs() - storedAtMs;
      return { workspace, id, starts, windowMs, agesMs: agesMs.map((age) => age + sinceMs), tatInMs: tatInMs === undefined ? undefined : tatInMs - sinceMs };
    });
  }

  #takeKey(job: WaitingJob, { key, body, expiresAtMs }: JobKey): void {
    const name = `${job.workspace}/${key}`;
    const known = this.keys.get(name);
    if (known !== undefined) this.#watch.broken("keys", `jobs ${known.id} and ${job.id} have the same key`);
    this.keys.set(name, { id: job.id, body, expiresAtMs });
  }

  #retry({ job, end, deferred }: Extract<FlushOperation, { kind: "retry" }>, fresh: Set<JobId>): boolean {
    const row = this.#take(end.id, end.token, fresh);
    if (row === undefined) return false;
    const { id } = end;
    const attempt = row.job.attempt + 1;
    const failed = (row.job.failed ?? 0) + (isOwnReason(end.exit.reason) ? 1 : 0);
    if (job.id !== id || job.attempt !== attempt || (job.failed ?? 0) !== failed)
      this.#watch.broken("attempts", `retry of ${id} counts ${job.attempt} attempts and ${job.failed ?? 0} failures, its row ${attempt} and ${failed}`);
    const kept = this.attempts.get(id) ?? [];
    if (kept.some((entry) => entry.token === end.token || entry.attempt === attempt))
      this.#watch.broken("once", `the end of attempt ${attempt} of ${id} is kept twice`);
    this.attempts.set(id, [...kept, { attempt, token: end.token, agent: row.agent, reason: end.exit.reason }]);
    this.pending.set(id, { job: { ...row.job, attempt, lost: job.lost, failed: job.failed, dueAtMs: job.dueAtMs }, deferred, expiresAtMs: undefined });
    fresh.add(id);
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
    this.running.set(job.id, { job, token, agent, claimedAtMs: this.#nowMs(), cancelReason: undefined });
  }

  #end(id: JobId, row: DoneRow): void {
    if (this.done.has(id)) this.#watch.broken("once", `job ${id} is in history twice`);
    if (this.attempts.get(id)?.some((entry) => entry.token === row.token)) this.#watch.broken("once", `the last attempt of ${id} is among those before it`);
    this.done.set(id, row);
  }
}

/** Postgres' text cannot hold NUL; agents' ends are cleaned of it, so this stands for any row that the database does not like. */
function isRefused(operation: FlushOperation): boolean {
  if (operation.kind === "insert") return operation.payload.argsJson.includes("refused");
  if (operation.kind === "retry") return operation.end.exit.message.includes("\u0001");
  return operation.kind === "finish" && `${operation.end.resultJson}${operation.end.exit.message}`.includes("\u0001");
}

export function jobIdOf(wallMs: number, number: number): JobId {
  const time = Math.floor(wallMs).toString(16).padStart(12, "0");
  return asJobId(`${time.slice(0, 8)}-${time.slice(8)}-7000-8000-${number.toString(16).padStart(12, "0")}`);
}

/** Ends that say something about the script: lost and handed back attempts do not. */
export const isOwnReason = (reason: ExitReason): boolean => reason !== "lost" && reason !== "fenced";

/** What the columns of a queue's index say of a row. */
const standsIn = (queue: JobQueue, job: WaitingJob): boolean =>
  job.workspace === queue.tenant.workspace && job.tag === queue.route.tag && job.language === queue.route.language && groupOf(job) === queue.group;

function pendingRow(job: WaitingJob, special: JobSpecial | undefined): PendingRow {
  return { job, deferred: special?.scheduledForMs !== undefined, expiresAtMs: special?.expiresAtMs };
}

function pageOf<T extends Timed>(rows: readonly T[], { after, untilMs }: TimerRead, limit: number): TimerPage<T> {
  const found = rows
    .filter((row) => row.atMs <= untilMs && (row.atMs > after.atMs || (row.atMs === after.atMs && row.id > after.id)))
    .sort((a, b) => a.atMs - b.atMs || (a.id < b.id ? -1 : 1));
  const most = Math.min(limit, TIMER_PAGE);
  return { rows: found.slice(0, most), complete: found.length < most };
}
