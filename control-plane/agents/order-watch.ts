import { messageOf } from "../../kernel/app-error.ts";
import type { Clock } from "../../kernel/clock.ts";
import type { Service } from "../../kernel/service.ts";
import type { Pool } from "../db/pools.ts";
import type { Log } from "../telemetry/log.ts";
import { readNewOrders, type StandingOrders } from "./order-store.ts";

export interface OrderWatchOptions {
  readonly pool: Pool;
  readonly clock: Clock;
  readonly log: Log;
  /** Only replicas with agents need to look. */
  readonly hasAgents: () => boolean;
  /** May be called with the same orders again. */
  readonly obey: (orders: StandingOrders) => void;
}

/** An order is known at every replica within this time and a query. */
const LOOK_MS = 700;
/** Orders become visible when they are committed, which is later than the time they carry. */
const OVERLAP_S = 10;

/** Looks for orders that were given at other replicas: one query by a small index. Holds no state but when it last succeeded. */
export class OrderWatch implements Service {
  readonly #options: OrderWatchOptions;
  #timer: NodeJS.Timeout | undefined;
  #lookedMs: number;
  #looking: Promise<void> | undefined;

  constructor(options: OrderWatchOptions) {
    this.#options = options;
    this.#lookedMs = options.clock.monotonicMs();
  }

  async start(): Promise<void> {
    this.#timer = setInterval(() => {
      this.#looking ??= this.#look().finally(() => {
        this.#looking = undefined;
      });
    }, LOOK_MS);
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#looking;
  }

  async #look(): Promise<void> {
    const { pool, clock, log, hasAgents, obey } = this.#options;
    const nowMs = clock.monotonicMs();
    try {
      // Agents that come after this moment are told by the statement that registers them.
      if (hasAgents()) for (const orders of await readNewOrders(pool, OVERLAP_S + (nowMs - this.#lookedMs) / 1000)) obey(orders);
      this.#lookedMs = nowMs;
    } catch (error) {
      log.debug({ event: "agents.orders_unread", error: messageOf(error) }, "orders to agents could not be read");
    }
  }
}
