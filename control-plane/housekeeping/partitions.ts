import { messageOf } from "../../kernel/app-error.ts";
import type { Clock } from "../../kernel/clock.ts";
import type { Service } from "../../kernel/service.ts";
import type { Pool } from "../db/pools.ts";
import type { Log } from "../telemetry/log.ts";
import { makePartitions } from "./partition-store.ts";

const EVERY_MS = 60 * 60 * 1000;

/** Keeps the partitions of the days ahead in place: at start, since nothing can be enqueued without them, and every hour. */
export class PartitionMaker implements Service {
  readonly #pool: Pool;
  readonly #clock: Clock;
  readonly #log: Log;
  #timer: NodeJS.Timeout | undefined;

  constructor(pool: Pool, clock: Clock, log: Log) {
    this.#pool = pool;
    this.#clock = clock;
    this.#log = log;
  }

  async start(): Promise<void> {
    await this.#make();
    this.#timer = setInterval(() => {
      this.#make().catch((error: unknown) =>
        this.#log.error({ event: "partitions.failed", error: messageOf(error) }, "partitions could not be made: enqueue fails when the days ahead run out"),
      );
    }, EVERY_MS);
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
  }

  async #make(): Promise<void> {
    const made = await makePartitions(this.#pool, this.#clock.wallMs());
    if (made.length > 0) this.#log.info({ event: "partitions.made", count: made.length, last: made.at(-1) }, "partitions made");
  }
}
