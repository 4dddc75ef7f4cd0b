import { messageOf } from "../../kernel/app-error.ts";
import type { Clock } from "../../kernel/clock.ts";
import type { WorkspaceId } from "../../kernel/ids.ts";
import type { Service } from "../../kernel/service.ts";
import { storable } from "../../kernel/storable-text.ts";
import type { Pool } from "../db/pools.ts";
import type { Log } from "../telemetry/log.ts";
import { type CallView, TRIGGER_LIMITS } from "./contract.ts";
import { addActivity } from "./journal-store.ts";

interface Gathered {
  readonly workspace: WorkspaceId;
  readonly path: string;
  accepted: number;
  repeated: number;
  refused: number;
  lastAtMs: number;
  /** Oldest first. */
  readonly calls: CallView[];
}

const FLUSH_MS = 1000;
/** Triggers with something to write down; beyond that their calls are not remembered. */
const MAX_TRIGGERS = 10_000;
const MAX_WHY_CHARS = 300;

/**
 * What became of calls. It is gathered in memory and written once a second, so that a flood of calls costs a row a second: a crash loses that
 * second of the journal, and no job.
 */
export class TriggerJournal implements Service {
  readonly #pool: Pool;
  readonly #clock: Clock;
  readonly #log: Log;
  #gathered = new Map<string, Gathered>();
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<void> = Promise.resolve();

  constructor(pool: Pool, clock: Clock, log: Log) {
    this.#pool = pool;
    this.#clock = clock;
    this.#log = log;
  }

  async start(): Promise<void> {
    this.#timer = setInterval(() => void this.flush(), FLUSH_MS);
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.flush();
  }

  note(workspace: WorkspaceId, path: string, call: Omit<CallView, "at">): void {
    const key = `${workspace} ${path}`;
    const known = this.#gathered.get(key);
    if (known === undefined && this.#gathered.size >= MAX_TRIGGERS) return;
    const nowMs = this.#clock.wallMs();
    const of: Gathered = known ?? { workspace, path, accepted: 0, repeated: 0, refused: 0, lastAtMs: nowMs, calls: [] };
    this.#gathered.set(key, of);
    of[call.outcome] += 1;
    of.lastAtMs = nowMs;
    const why = call.why === undefined ? {} : { why: storable(call.why.slice(0, MAX_WHY_CHARS).toWellFormed()) };
    of.calls.push({ ...call, ...why, at: new Date(nowMs).toISOString() });
    if (of.calls.length > TRIGGER_LIMITS.calls) of.calls.shift();
  }

  /** Writes down what has gathered. Never rejects; one at a time. */
  flush(): Promise<void> {
    this.#writing = this.#writing.then(() => this.#write());
    return this.#writing;
  }

  async #write(): Promise<void> {
    if (this.#gathered.size === 0) return;
    const all = [...this.#gathered.values()];
    this.#gathered = new Map();
    try {
      await addActivity(
        this.#pool,
        all.map(({ calls, ...counts }) => ({ ...counts, callsJson: JSON.stringify(calls.toReversed()) })),
      );
    } catch (error) {
      this.#log.warn({ event: "triggers.journal_lost", triggers: all.length, error: messageOf(error) }, "what became of calls could not be written down");
    }
  }
}
