import pg from "pg";
import { messageOf } from "../../kernel/app-error.ts";
import type { Clock } from "../../kernel/clock.ts";
import type { Service } from "../../kernel/service.ts";
import type { Log } from "../telemetry/log.ts";
import type { Pool, Pools } from "./pools.ts";

/** Something in the tables that a replica has in memory, and that others change. */
export interface Watched {
  /** For the log. */
  readonly name: string;
  /** SQL that is true when there is something new; it is asked all the time. @param since an expression of type text */
  readonly isNew: (since: string) => string;
  /** How far it has been read; undefined: not at all, and it is read at the next look. */
  readonly since: () => string | undefined;
  /** Reads what is new, and remembers how far. When it rejects it is tried again at the next look. */
  readonly read: () => Promise<unknown>;
  /** How long it is left alone after it was read, for what stays new until something else has happened. */
  readonly restMs?: number;
}

/** Tells whoever watches something that it has changed. */
export interface Changes {
  /** @returns the function that ends it */
  watch(what: Watched): () => void;
}

/** With the look itself, the read and what comes of it, a change is known at every replica within a second. */
const LOOK_EVERY_MS = 800;

/**
 * Looks for what other replicas have changed, for everybody in this process: one statement asks for each thing whether there is something new, and
 * only what has changed is read, by whoever watches it. Between two changes the whole house costs one transaction a look.
 */
export class ChangeWatch implements Changes, Service {
  readonly #pool: Pool;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #watched = new Set<Watched>();
  readonly #reading = new Set<Watched>();
  readonly #restsUntilMs = new WeakMap<Watched, number>();
  /** When the last look began that has told something. */
  #seenAtMs: number;
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> | undefined;

  /** @param pools it looks with the scheduler's connections: that an agent is revoked or a cap lowered is heard of however busy readers are */
  constructor(pools: Pick<Pools, "owner">, clock: Clock, log: Log) {
    this.#pool = pools.owner;
    this.#clock = clock;
    this.#log = log;
    this.#seenAtMs = clock.monotonicMs();
  }

  watch(what: Watched): () => void {
    this.#watched.add(what);
    return () => void this.#watched.delete(what);
  }

  async start(): Promise<void> {
    this.#timer = setInterval(() => void this.look(), LOOK_EVERY_MS);
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#looking;
  }

  /** For how long it has not been known here what others change, milliseconds. */
  get unseenMs(): number {
    return this.#clock.monotonicMs() - this.#seenAtMs;
  }

  /** Never rejects; one at a time. What has changed is being read when it resolves: a read that takes long holds up no look at something else. */
  look(): Promise<void> {
    this.#looking ??= this.#look().finally(() => {
      this.#looking = undefined;
    });
    return this.#looking;
  }

  async #look(): Promise<void> {
    const nowMs = this.#clock.monotonicMs();
    for (const what of await this.#changed([...this.#watched])) {
      if (this.#reading.has(what) || !this.#watched.has(what) || nowMs < (this.#restsUntilMs.get(what) ?? 0)) continue;
      this.#restsUntilMs.set(what, nowMs + (what.restMs ?? 0));
      this.#reading.add(what);
      void this.#read(what).finally(() => this.#reading.delete(what));
    }
  }

  async #changed(watched: readonly Watched[]): Promise<readonly Watched[]> {
    const beganMs = this.#clock.monotonicMs();
    const questions = watched.map((what, at) => `($${at + 1}::text IS NULL OR ${what.isNew(`$${at + 1}::text`)})`);
    try {
      const { rows } = await this.#pool.query<boolean[]>({
        text: `SELECT ${questions.join(", ")}`,
        values: watched.map((what) => what.since() ?? null),
        rowMode: "array",
      });
      this.#seenAtMs = beganMs;
      return watched.filter((_, at) => rows[0]?.[at] === true);
    } catch (error) {
      const unseenS = Math.round(this.unseenMs / 1000);
      this.#log.warn({ event: "changes.not_seen", error: messageOf(error), unseenS }, "it is not known what others have changed: what was known before holds");
      // Without a server nobody learns anything. If it has answered, one of the tables may be locked, or a question at fault: then each reads for itself.
      return error instanceof pg.DatabaseError ? watched : [];
    }
  }

  /** Never rejects. */
  async #read(what: Watched): Promise<void> {
    try {
      await what.read();
    } catch (error) {
      this.#restsUntilMs.delete(what);
      this.#log.warn({ event: "changes.not_read", what: what.name, error: messageOf(error) }, "what has changed could not be read, will be tried again");
    }
  }
}
