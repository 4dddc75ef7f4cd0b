import { messageOf } from "../../kernel/app-error.ts";
import type { Clock } from "../../kernel/clock.ts";
import type { Service } from "../../kernel/service.ts";
import type { Pool } from "../db/pools.ts";
import type { Log } from "../telemetry/log.ts";
import { type Overview, readOverview } from "./overview-store.ts";
import { DAY_MS, makePartitions } from "./partition-store.ts";

const LOOK_EVERY_MS = 5 * 60 * 1000;
/** Fewer whole days ahead than this are an alarm: enqueue fails when there is none. */
const FEW_DAYS = 2;

/**
 * Keeps the partitions of the days ahead in place: at start, since nothing can be enqueued without them, and whenever the schedule says so. Looks
 * every five minutes by itself whether that works; when few days are left it raises an alarm, and makes them without waiting
 * for anybody.
 */
export class PartitionMaker implements Service {
  readonly #pool: Pool;
  readonly #clock: Clock;
  readonly #log: Log;
  #timer: NodeJS.Timeout | undefined;
  #overview: Overview | undefined;

  constructor(pool: Pool, clock: Clock, log: Log) {
    this.#pool = pool;
    this.#clock = clock;
    this.#log = log;
  }

  async start(): Promise<void> {
    await this.make();
    this.#timer = setInterval(() => {
      this.look().catch((error: unknown) =>
        this.#log.error({ event: "partitions.failed", error: messageOf(error) }, "partitions could not be made: enqueue fails when the days ahead run out"),
      );
    }, LOOK_EVERY_MS);
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
  }

  async make(): Promise<void> {
    const made = await makePartitions(this.#pool, this.#clock.wallMs());
    if (made.length > 0) this.#log.info({ event: "partitions.made", count: made.length, last: made.at(-1) }, "partitions made");
    this.#overview = await readOverview(this.#pool);
  }

  async look(): Promise<void> {
    this.#overview = await readOverview(this.#pool);
    const aheadDays = this.aheadDays();
    if (aheadDays >= FEW_DAYS) return;
    this.#log.error({ event: "partitions.few", aheadDays }, "few days have partitions: the schedule does not make them, so this process does");
    await this.make();
  }

  /** From now on, by what was last seen: goes down while nobody makes new ones. */
  aheadDays(): number {
    return ((this.#overview?.coveredUntilMs ?? 0) - this.#clock.wallMs()) / DAY_MS;
  }

  oldestDays(): number {
    const oldestMs = this.#overview?.oldestDayMs;
    return oldestMs === undefined ? 0 : (this.#clock.wallMs() - oldestMs) / DAY_MS;
  }

  /** Age of the oldest day with output that is not packed, among those that ended more than `afterMs` ago. */
  packLagDays(afterMs: number): number {
    const nowMs = this.#clock.wallMs();
    const oldestMs = this.#overview?.unpackedDaysMs.find((day) => day + DAY_MS + afterMs <= nowMs);
    return oldestMs === undefined ? 0 : (nowMs - oldestMs) / DAY_MS;
  }
}
