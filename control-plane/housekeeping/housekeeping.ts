import { messageOf } from "../../kernel/app-error.ts";
import { background } from "../../kernel/background.ts";
import type { Clock } from "../../kernel/clock.ts";
import type { Service } from "../../kernel/service.ts";
import type { BlobStore } from "../blobs/blob-store.ts";
import { isShared, noteView } from "../blobs/blob-view-store.ts";
import type { Pool } from "../db/pools.ts";
import { type Session, withExclusiveSession } from "../db/session.ts";
import { packKeys } from "../logs/log-pack-store.ts";
import { countUsage } from "../quotas/usage-store.ts";
import type { HousekeepingMetrics } from "../telemetry/housekeeping-metrics.ts";
import type { Log } from "../telemetry/log.ts";
import { createArchiver } from "./archive.ts";
import { type Task, TaskRunner } from "./boss-store.ts";
import { forgetLogs, runCompaction } from "./compaction.ts";
import { dayText } from "./ledger-store.ts";
import { DAY_MS } from "./partition-store.ts";
import type { PartitionMaker } from "./partitions.ts";
import { runRetention } from "./retention.ts";

export interface HousekeepingOptions {
  readonly url: string;
  readonly pool: Pool;
  readonly store: BlobStore;
  readonly replica: string;
  readonly maker: PartitionMaker;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: HousekeepingMetrics;
  readonly retentionDays: number;
  readonly archive: boolean;
  /** 0: output stays in its tables. */
  readonly packAfterDays: number;
}

type TaskOptions = Omit<HousekeepingOptions, "pool" | "replica">;

const NOTE_VIEW_EVERY_MS = 60 * 60 * 1000;
/** Tasks that read whole days work half of the time at most. */
const REST = 1;
/** Retention and packing empty the same tables: never both at a time. */
const COLD_DAYS = "cold-days";

/** What is done now and then, by one replica at a time: see boss-store.ts for how, and the tasks for what. */
export class Housekeeping implements Service {
  readonly #options: HousekeepingOptions;
  readonly runner: TaskRunner;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: HousekeepingOptions) {
    this.#options = options;
    const { url, log, metrics, maker, packAfterDays } = options;
    this.runner = new TaskRunner({ url, log, metrics, tasks: tasksOf(options) });
    metrics.observe({
      aheadDays: () => maker.aheadDays(),
      oldestDays: () => maker.oldestDays(),
      packLagDays: () => (packAfterDays === 0 ? 0 : maker.packLagDays(packAfterDays * DAY_MS)),
    });
  }

  async start(): Promise<void> {
    background(this.#options.log, "blob store view", this.#noteView());
    this.#timer = setInterval(() => background(this.#options.log, "blob store view", this.#noteView()), NOTE_VIEW_EVERY_MS);
    await this.runner.start();
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.runner.stop();
  }

  async #noteView(): Promise<void> {
    const { pool, replica, store, log } = this.#options;
    await noteView(pool, replica, store).catch((error: unknown) =>
      log.warn(
        { event: "blobs.unreachable", place: store.place, error: messageOf(error) },
        "the blob store cannot be used: nothing is archived or packed meanwhile",
      ),
    );
  }
}

/** The tasks, each ready to be run on this replica. */
export function tasksOf(options: TaskOptions): Task[] {
  const { url, maker } = options;
  const exclusively = async (work: (session: Session) => Promise<void>, signal: AbortSignal): Promise<boolean> =>
    (await withExclusiveSession(
      url,
      COLD_DAYS,
      async (session) => {
        await work(session);
        return true;
      },
      signal,
    )) === true;
  return [
    {
      name: "partitions",
      cron: "7 * * * *",
      run: async () => {
        await maker.make();
        return true;
      },
    },
    // Not while a day is being let go: it would be counted as smaller than it was.
    { name: "usage", cron: "27 * * * *", run: (signal) => exclusively(async (session) => void (await countUsage(session, options.clock.wallMs())), signal) },
    { name: "packing", cron: "17 * * * *", run: (signal) => exclusively((session) => pack(session, options), signal) },
    { name: "retention", cron: "37 * * * *", run: (signal) => exclusively((session) => retain(session, options), signal) },
  ];
}

async function pack(session: Session, options: TaskOptions): Promise<void> {
  const { store, clock, log, metrics, packAfterDays } = options;
  if (packAfterDays === 0 || !(await mayMove(session, options))) return;
  await runCompaction(session, {
    store,
    nowMs: clock.wallMs(),
    afterMs: packAfterDays * DAY_MS,
    log,
    onPacked: (chunks, sizeBytes) => metrics.packed(chunks, sizeBytes),
    rest: REST,
  });
}

async function retain(session: Session, options: TaskOptions): Promise<void> {
  const { store, clock, log, metrics, retentionDays, archive } = options;
  if (archive && !(await mayMove(session, options))) return;
  const archiver = createArchiver({
    store,
    packsOf: (of, dayMs) => packKeys(of, dayText(dayMs)),
    onArchived: (rows, sizeBytes) => metrics.archived(rows, sizeBytes),
    rest: REST,
  });
  const outcome = await runRetention(session, {
    nowMs: clock.wallMs(),
    retentionMs: retentionDays * DAY_MS,
    archiver: archive ? archiver : undefined,
    forgetLogs: (of, dayMs) => forgetLogs(of, store, dayMs, archive),
    log,
  });
  metrics.retained(outcome.dropped, outcome.thinned, outcome.held);
}

/** What is moved to the blob store must be there for every replica. */
async function mayMove(session: Session, { store, log }: TaskOptions): Promise<boolean> {
  if (await isShared(session, store)) return true;
  log.error(
    { event: "blobs.not_shared", place: store.place },
    "replicas see different blob stores: nothing is archived, packed or let go; give them one bucket or one shared folder",
  );
  return false;
}
