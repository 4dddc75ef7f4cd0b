import type { Clock } from "../../../kernel/clock.ts";
import { asWorkspaceId, createJobIdGenerator } from "../../../kernel/ids.ts";
import { createPools, type Pools } from "../../db/pools.ts";
import { createQueryBuilder } from "../../db/query-builder.ts";
import { JobEvents } from "../../jobs/job-events.ts";
import { JobService } from "../../jobs/job-service.ts";
import { SHARDS } from "../../jobs/model.ts";
import { createNamedJobs } from "../../jobs/named-jobs.ts";
import { ownerPort } from "../../scheduler/cluster/local-owner.ts";
import { OwnerDirectory } from "../../scheduler/cluster/owner-directory.ts";
import { OwnerBench, WORKSPACE } from "../../scheduler/testing/owner-bench.ts";
import { createArgsValidator } from "../../scripts/args-schema.ts";
import { deployScript } from "../../scripts/deploy.ts";
import { createScriptCache } from "../../scripts/script-cache.ts";
import { createWorkspaces } from "../../workspaces/workspace-store.ts";
import { createTickTables } from "../open-run-store.ts";
import { createSchedules, type Schedules } from "../schedules.ts";
import { createTickJobs, type TickJobs } from "../tick-jobs.ts";
import type { TickTables } from "../tick-tables.ts";
import { crashing } from "./crashing.ts";
import { makeReplica, type Replica, silentLog } from "./replica.ts";

export const SCRIPT = "f/s/job";

/** A clock that stands where it is set. What it is set back is no time that has passed. */
class SetClock {
  #wallMs: number;
  #passedMs = 0;

  constructor(wallMs: number) {
    this.#wallMs = wallMs;
  }

  get wallMs(): number {
    return this.#wallMs;
  }

  set wallMs(ms: number) {
    this.#passedMs += Math.max(0, ms - this.#wallMs);
    this.#wallMs = ms;
  }

  monotonicMs(): number {
    return this.#passedMs;
  }

  /** The machine sleeps: its monotonic clock does not count that. */
  suspend(ms: number): void {
    this.#wallMs += ms;
  }
}

/** Schedules on a real database with a real owner; the clock of tickers stands where it is set. */
export class ScheduleBench {
  readonly owner: OwnerBench;
  readonly clock = new SetClock(Date.UTC(2030, 0, 1));
  readonly tables: TickTables;
  readonly jobs: TickJobs;
  readonly schedules: Schedules;
  readonly #pools: Pools;
  readonly #ticking: Clock = { wallMs: () => this.clock.wallMs, monotonicMs: () => this.clock.monotonicMs() };

  private constructor(owner: OwnerBench, scripts: ReturnType<typeof createScriptCache>) {
    this.owner = owner;
    const { pool, clock } = owner;
    const owners = new OwnerDirectory();
    owners.announce(
      ownerPort(owner.local, owner, clock),
      Array.from({ length: SHARDS }, (_, shard) => shard),
    );
    const validator = createArgsValidator();
    const workspaces = createWorkspaces(pool);
    const events = new JobEvents();
    const service = new JobService({
      pool,
      db: createQueryBuilder(pool),
      scripts,
      events,
      clock,
      newJobId: createJobIdGenerator(() => clock.wallMs()),
      checkArgs: (version, args, prefix) => validator.validate(version.hash, version.schema, args, prefix),
      wantedFlow: () => Promise.reject(new Error("no flow is run here")),
      earlyAnswer: () => Promise.resolve(undefined),
      admit: () => undefined,
      onAccepted: () => undefined,
      owners,
    });
    const named = createNamedJobs({ pool, jobs: service, scripts, clock });
    this.#pools = createPools(this.url, silentLog);
    this.tables = createTickTables(this.#pools.schedules);
    this.jobs = createTickJobs({ pool, jobs: named, events, workspaces });
    const starter = this.replica();
    this.schedules = createSchedules({
      pool,
      jobRows: pool,
      jobs: named,
      workspaces,
      clock: this.#ticking,
      start: (run) => starter.start(run),
      changed: () => undefined,
    });
  }

  static async open(): Promise<ScheduleBench> {
    const owner = await OwnerBench.open(2000);
    const scripts = createScriptCache(owner.pool, () => performance.now());
    await deployScript(owner.pool, scripts, { id: WORKSPACE, name: "bench" }, "test", { path: SCRIPT, language: "bash", content: 'n="$1"\necho "$n"' });
    return new ScheduleBench(owner, scripts);
  }

  get url(): string {
    return this.owner.pool.options.connectionString ?? "";
  }

  /** @param onCall see crashing */
  replica(onCall: Parameters<typeof crashing>[1] = () => "go on"): Replica {
    return makeReplica(crashing(this.tables, onCall), crashing(this.jobs, onCall), this.#ticking);
  }

  /** One round of a replica. */
  async tick(replica = this.replica()): Promise<void> {
    await replica.ticker.look();
    await replica.ticker.fire();
    await replica.ticker.settled();
  }

  /** What a replica that died a minute ago has left is taken up. */
  async recover(replica = this.replica()): Promise<void> {
    await this.owner.pool.query("UPDATE schedule_run SET todo_at = todo_at - interval '1 minute' WHERE todo IS NOT NULL");
    await replica.sweeper.sweep();
  }

  /** Ids of the jobs that a schedule has started. */
  async started(path: string): Promise<string[]> {
    const rows = await this.owner.rows<{ id: string }>(
      "SELECT id::text FROM job WHERE workspace_id = $1 AND created_by = $2 ORDER BY id",
      WORKSPACE,
      `schedule:${path}`,
    );
    return rows.map(({ id }) => id);
  }

  async forgetAll(): Promise<void> {
    await this.owner.pool.query("DELETE FROM schedule WHERE workspace_id = $1", [asWorkspaceId("1")]);
  }

  async close(): Promise<void> {
    await this.#pools.close();
    await this.owner.close();
  }
}
