import type { HelperKind, QueryJob } from "./messages-codec.ts";
import type { HelperAnswer, QueryHelper } from "./query-helper.ts";

export interface HelperPoolParts {
  /** Makes a helper, whose process starts at once. */
  make(kind: HelperKind, onGone: () => void): QueryHelper;
  /** Helpers without a job that are kept; the one that has rested longest goes first. */
  readonly maxIdle: number;
  readonly idleMs: number;
}

interface Entry {
  readonly key: string;
  readonly helper: QueryHelper;
  /** Ends it after a rest. */
  timer: NodeJS.Timeout | undefined;
}

/** Native memory is not always given back. */
const WORN_RSS_BYTES = 400 * 1024 * 1024;
const WORN_JOBS = 5_000;
/** Of one that has just been started. */
const FRESH_RSS_BYTES = 60 * 1024 * 1024;

/**
 * Query helpers by workspace and kind: started on demand, kept warm, never shared between workspaces. How many work at once is bounded
 * by the agent's slots.
 */
export class HelperPool {
  readonly #parts: HelperPoolParts;
  /** In the order in which they were last used. */
  #entries: Entry[] = [];
  #closed = false;

  constructor(parts: HelperPoolParts) {
    this.#parts = parts;
  }

  get size(): number {
    return this.#entries.length;
  }

  /** Memory of all helpers, bytes: as they said after their last job. */
  heldBytes(): number {
    return this.#entries.reduce((sum, { helper }) => sum + Math.max(helper.rssBytes, FRESH_RSS_BYTES), 0);
  }

  /** Never rejects. */
  async run(workspace: string, kind: HelperKind, job: QueryJob, say: (text: string) => void, signal: AbortSignal): Promise<HelperAnswer> {
    if (this.#closed || signal.aborted) return { kind: "gone", outOfMemory: false, message: "the agent is stopping" };
    const entry = this.#take(`${kind} ${workspace}`, kind);
    const answer = await entry.helper.run(job, say, signal);
    this.#rest(entry);
    return answer;
  }

  /** Ends all helpers. Idempotent. */
  close(): void {
    this.#closed = true;
    for (const entry of this.#entries) this.#end(entry);
  }

  #take(key: string, kind: HelperKind): Entry {
    const free = this.#entries.findLast(
      (entry) => entry.key === key && !entry.helper.gone && (kind === "network" || entry.helper.busy === 0) && !isWorn(entry.helper),
    );
    if (free !== undefined) {
      clearTimeout(free.timer);
      this.#entries = [...this.#entries.filter((entry) => entry !== free), free];
      return free;
    }
    const made: Entry = { key, helper: this.#parts.make(kind, () => this.#remove(made)), timer: undefined };
    this.#entries.push(made);
    return made;
  }

  #rest(entry: Entry): void {
    if (entry.helper.busy > 0) return;
    if (isWorn(entry.helper)) {
      this.#end(entry);
      return;
    }
    clearTimeout(entry.timer);
    entry.timer = setTimeout(() => this.#end(entry), this.#parts.idleMs).unref();
    const idle = this.#entries.filter(({ helper }) => helper.busy === 0);
    for (const old of idle.slice(0, Math.max(0, idle.length - this.#parts.maxIdle))) this.#end(old);
  }

  #end(entry: Entry): void {
    clearTimeout(entry.timer);
    this.#remove(entry);
    entry.helper.kill();
  }

  #remove(entry: Entry): void {
    this.#entries = this.#entries.filter((other) => other !== entry);
  }
}

function isWorn(helper: QueryHelper): boolean {
  return helper.jobs >= WORN_JOBS || helper.rssBytes > WORN_RSS_BYTES;
}
