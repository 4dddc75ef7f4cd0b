import type { Clock } from "../../../kernel/clock.ts";
import type { Exit } from "../../../kernel/exit.ts";
import { asAgentKey, asJobId, asSessionId, asToken, asWorkspaceId, createJobIdGenerator, type JobId, type Token } from "../../../kernel/ids.ts";
import type { Bundle } from "../../../proto/gen/millrace/agent/v1/job.ts";
import type { Pool } from "../../db/pools.ts";
import { withExclusiveSession } from "../../db/session.ts";
import { createTestDatabase, openTestPool, type TestDatabase } from "../../db/test-database.ts";
import { DAY_MS, makePartitions } from "../../housekeeping/partition-store.ts";
import { type RetentionOutcome, runRetention } from "../../housekeeping/retention.ts";
import { FlushConnection } from "../../jobs/flush-store.ts";
import { FlushWriter } from "../../jobs/flush-writer.ts";
import { type NewJob, shardOf } from "../../jobs/model.ts";
import type { Log } from "../../telemetry/log.ts";
import { createMetrics } from "../../telemetry/metrics.ts";
import type { FinishVerdict } from "../agent-port.ts";
import { createClusterTables } from "../cluster/cluster-tables.ts";
import type { LocalOwner } from "../cluster/local-owner.ts";
import { OwnerDirectory } from "../cluster/owner-directory.ts";
import type { Peers } from "../cluster/peers.ts";
import type { WaitingJob } from "../core/model.ts";
import { joinCluster, type Lease, releaseLease } from "../lease-store.ts";
import type { Owner } from "../owner.ts";
import type { OwnerDeps } from "../owner-deps.ts";
import type { Home } from "../owner-port.ts";
import { Ownership } from "../ownership.ts";
import { Life, mortalLink } from "./mortal-link.ts";

const silent = (): void => undefined;
const log = { debug: silent, info: silent, warn: silent, error: silent } as unknown as Log;
const AGENT = asAgentKey("1");
export const WORKSPACE = asWorkspaceId("1");
const RUN_US = 20;

/** What an agent was told of an attempt. */
interface Told {
  readonly id: JobId;
  readonly token: Token;
  readonly reason: string;
  readonly fenced: boolean;
}

/**
 * A real owner with its lease, group commit and reads on a real database, one agent whose stream is a list of what it was told, and a wall
 * clock that can be set. After `restart` nothing of the owner's memory is left.
 */
export class OwnerBench implements Home {
  readonly assigned: Bundle[] = [];
  readonly told: Told[] = [];
  /** Events of what was logged as a warning. */
  readonly warnings: string[] = [];
  flushes = 0;
  /** Added to the real wall clock, milliseconds. */
  shiftMs = 0;
  /** Where the monotonic clock stands still; undefined: it runs. */
  stillAtMs: number | undefined;
  /** Called with what the agent is given. */
  onAssign: ((bundle: Bundle) => void) | undefined;
  readonly pool: Pool;
  readonly #database: TestDatabase;
  readonly #hotLimit: number;
  readonly #flows: OwnerDeps["flows"];
  readonly #newId = createJobIdGenerator(() => this.clock.wallMs());
  readonly #held = new Map<JobId, Token>();
  #ownership: Ownership | undefined;
  /** Another replica, which takes shards and does nothing. */
  #other: Lease | undefined;
  #session = 0;
  #life = new Life();
  /** The agent has said nothing to the owner yet: it can report no ends to it. */
  isAway = true;
  /** See mortalLink: an owner that dies is replaced by `revive`. */
  strikes: Parameters<typeof mortalLink>[2] = () => false;
  readonly clock: Clock = { wallMs: () => Date.now() + this.shiftMs, monotonicMs: () => this.stillAtMs ?? performance.now() };

  private constructor(database: TestDatabase, pool: Pool, hotLimit: number, flows: OwnerDeps["flows"]) {
    this.#database = database;
    this.pool = pool;
    this.#hotLimit = hotLimit;
    this.#flows = flows;
  }

  /** @param flows makes the engine of each owner */
  static async open(hotLimit = 100, flows?: (pool: Pool) => Promise<OwnerDeps["flows"]>): Promise<OwnerBench> {
    const database = await createTestDatabase();
    const pool = openTestPool(database.url);
    await makePartitions(pool, Date.now());
    await pool.query("INSERT INTO workspace (name) VALUES ('bench') ON CONFLICT DO NOTHING");
    const bench = new OwnerBench(database, pool, hotLimit, await flows?.(pool));
    await bench.restart();
    return bench;
  }

  get local(): LocalOwner {
    const local = this.#ownership?.local;
    if (local === undefined) throw new Error("the lease must be ours");
    return local;
  }

  get owner(): Owner {
    return this.local.owner;
  }

  /** A new owner, from the database alone. The agent is away afterwards. @param between runs while there is none */
  async restart(between?: () => Promise<unknown>): Promise<void> {
    this.isAway = true;
    await this.#ownership?.stop();
    await between?.();
    this.#ownership = this.#make();
    await this.#ownership.start();
    this.#session += 1;
  }

  /** A second owner, while nothing of the one that has died is ended in order. The agent is away afterwards. */
  async revive(): Promise<void> {
    this.isAway = true;
    const dead = this.#ownership;
    this.#ownership = this.#make();
    void dead?.stop();
    await this.#ownership.start();
    this.#session += 1;
  }

  /** Of the lease; undefined while there is none. */
  get epoch(): number | undefined {
    return this.#ownership?.local?.epoch;
  }

  get hasDied(): boolean {
    return this.#life.dead;
  }

  /** Another replica joins and gets its half: shards from SHARDS / 2 on. */
  async share(shard: number): Promise<void> {
    this.#other = await joinCluster(this.pool, { name: "other", address: "", version: "" });
    this.#ownership?.look();
    await until("the shard is handed over", () => this.local.shards.statusOf(shard) === "none");
  }

  /** The other replica leaves, and its shards come back. */
  async unshare(shard: number): Promise<void> {
    if (this.#other !== undefined) await releaseLease(this.pool, this.#other);
    this.#other = undefined;
    this.#ownership?.look();
    await until("the shard is taken over", () => this.local.shards.owns(shard));
  }

  async close(): Promise<void> {
    await this.#ownership?.stop();
    await this.pool.end();
    await this.#database.drop();
  }

  /** The agent connects with what it holds. */
  attach(slots = 10): readonly { id: JobId; token: Token }[] {
    this.#session += 1;
    this.isAway = false;
    return this.local.agents.attach(this, {
      key: AGENT,
      name: "agent",
      session: asSessionId(String(this.#session)),
      workspace: undefined,
      tags: ["default"],
      languages: ["bash"],
      slots,
      held: new Map(this.#held),
    });
  }

  detach(heardAgoMs = 0): void {
    this.local.agents.detach(AGENT, asSessionId(String(this.#session)), performance.now() - heardAgoMs);
  }

  /** The agent says which folders it keeps for runs of flows. */
  keeps(folders: ReadonlyMap<JobId, Token>): void {
    this.local.agents.folders(asSessionId(String(this.#session)), folders);
  }

  /** The agent forgets all that it held, as after a crash. */
  forget(): void {
    this.#held.clear();
  }

  release({ jobId }: Pick<Bundle, "jobId">): void {
    this.#held.delete(asJobId(jobId));
  }

  /** The agent still has it: its end was not recorded. */
  hold(bundle: Pick<Bundle, "jobId" | "token">): void {
    this.#held.set(asJobId(bundle.jobId), asToken(bundle.token));
  }

  job(fields: Partial<WaitingJob> = {}, special?: NewJob["special"]): NewJob {
    const job: WaitingJob = {
      id: this.#newId(),
      workspace: WORKSPACE,
      shard: shardOf(WORKSPACE),
      tag: "default",
      language: "bash",
      prio: 4,
      dueAtMs: this.clock.wallMs(),
      attempt: 0,
      lost: 0,
      scriptId: undefined,
      timeoutMs: undefined,
      ...fields,
    };
    return { job, payload: { kind: "inline", scriptHash: undefined, code: "echo", argsJson: "{}", createdBy: "test" }, special };
  }

  /** A job that is to wait for a moment. */
  later(inMs: number, fields: Partial<WaitingJob> = {}): NewJob {
    const atMs = this.clock.wallMs() + inMs;
    return this.job({ dueAtMs: atMs, ...fields }, { scheduledForMs: atMs, expiresAtMs: undefined, key: undefined });
  }

  /** Hands new jobs to the owner. Resolves when they are accepted, or when the owner has died: then they may have been. */
  async accept(jobs: readonly NewJob[]): Promise<void> {
    await Promise.race([this.owner.enqueue(jobs), this.#life.end.catch(() => undefined)]);
  }

  async started(id: JobId): Promise<Bundle> {
    await until(`job ${id} is assigned`, () => this.assigned.some((bundle) => bundle.jobId === id));
    const bundle = this.assigned.findLast((entry) => entry.jobId === id);
    if (bundle === undefined) throw new Error("it was just there");
    const token = asToken(bundle.token);
    this.owner.reports.received(AGENT, id, token);
    this.owner.reports.started(AGENT, id, token, this.clock.wallMs());
    return bundle;
  }

  finish(bundle: Pick<Bundle, "jobId" | "token">, exit: Exit, resultJson = "1"): Promise<FinishVerdict> {
    const id = asJobId(bundle.jobId);
    const { owner } = this;
    this.#held.delete(id);
    const logs = { logChunks: 0, logBytes: 0, logDroppedBytes: 0 };
    const end = { id, token: asToken(bundle.token), exit, resultJson, startedAtMs: Date.now(), doneAtMs: Date.now(), runUs: RUN_US, ...logs };
    return Promise.race([owner.reports.finished(AGENT, end), this.#life.end]);
  }

  async rows<T extends object>(sql: string, ...values: unknown[]): Promise<T[]> {
    return (await this.pool.query<T>(sql, values)).rows;
  }

  /** Lets go of days as if it were that many days later; a month is kept. */
  async retain(daysLater: number): Promise<RetentionOutcome> {
    const options = { nowMs: Date.now() + daysLater * DAY_MS, retentionMs: 30 * DAY_MS, archiver: undefined, forgetLogs: async () => undefined, log };
    const outcome = await withExclusiveSession(this.#database.url, "bench", (session) => runRetention(session, options));
    if (outcome === undefined) throw new Error("the lock must be free");
    return outcome;
  }

  async untilDone(id: JobId): Promise<{ exit_reason: number; attempt: number; exit_message: string | null }> {
    let rows: { exit_reason: number; attempt: number; exit_message: string | null }[] = [];
    await until(`job ${id} has ended`, async () => {
      rows = await this.rows("SELECT exit_reason, attempt, exit_message FROM job_done WHERE id = $1", id);
      return rows.length > 0;
    });
    const [row] = rows;
    if (row === undefined) throw new Error("it was just there");
    return row;
  }

  assign(_session: string, bundle: Bundle): boolean {
    this.assigned.push(bundle);
    this.#held.set(asJobId(bundle.jobId), asToken(bundle.token));
    this.onAssign?.(bundle);
    return true;
  }

  isBehind(): boolean {
    return false;
  }

  cancel(_session: string, attempt: Told): void {
    this.told.push(attempt);
  }

  holding(): void {}

  demand(): void {}

  /** The agent hears nothing of an owner that has died. */
  #homeOf(life: Life): Home {
    return {
      assign: (session, bundle) => !life.dead && this.assign(session, bundle),
      isBehind: () => false,
      cancel: (session, attempt) => (life.dead ? undefined : this.cancel(session, attempt)),
      holding: () => undefined,
      demand: () => undefined,
    };
  }

  #peers(): Peers {
    const isOther = (replicaId: string): boolean => replicaId === this.#other?.replicaId;
    return { meet: silent, isLinked: isOther, isHeard: isOther, serve: silent, announce: silent, handOver: silent };
  }

  #make(): Ownership {
    const metrics = createMetrics();
    const life = new Life();
    this.#life = life;
    return new Ownership({
      tables: createClusterTables(this.pool, this.pool),
      writer: (lease, hooks) =>
        new FlushWriter({
          url: this.#database.url,
          ...lease,
          ...hooks,
          connections: 2,
          log,
          connect: (number) => mortalLink(new FlushConnection(this.#database.url, lease, number, log), life, (when, all) => this.strikes(when, all)),
          metrics: { flushed: () => (this.flushes += 1) },
        }),
      replica: () => ({ name: "bench", address: "", version: "" }),
      hotLimit: this.#hotLimit,
      times: { holdMs: 60_000, holdAloneMs: 60_000, fencedWithinMs: 0 },
      metrics: metrics.cluster,
      directory: new OwnerDirectory(),
      peers: this.#peers(),
      home: () => this.#homeOf(life),
      deps: {
        flows: this.#flows,
        source: {
          script: () => undefined,
          loadScript: () => Promise.resolve(undefined),
          workspaceName: () => "bench",
          loadWorkspaceName: () => Promise.resolve("bench"),
          hashOfCode: () => "",
          mayRefer: () => false,
          resolve: (_workspace, json) => Promise.resolve({ kind: "resolved", json, secrets: [] }),
        },
        clock: this.clock,
        random: () => 0.5,
        log: { ...log, warn: ({ event }: { event: string }) => this.warnings.push(event) } as unknown as Log,
        metrics: metrics.owner,
        limits: { timeoutMs: 60_000, cancelGraceMs: 100, resultMaxBytes: 1024, logMaxBytes: 1024 },
        times: { reclaimMs: 60_000, homeFenceMs: 0, resendMs: 60_000, marginMs: 100 },
        onChange: () => undefined,
      },
    });
  }
}

/** Looks until it is true; the limit fails the test. */
export async function until(what: string, check: () => boolean | Promise<boolean>, withinMs = 20_000): Promise<void> {
  for (const begun = performance.now(); performance.now() - begun < withinMs; ) {
    if (await check()) return;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  throw new Error(`not within ${withinMs} ms: ${what}`);
}
