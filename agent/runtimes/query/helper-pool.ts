import type { HelperKind, QueryJob } from "./messages-codec.ts";
import type { HelperAnswer, QueryHelper } from "./query-helper.ts";

export interface HelperPoolParts {
  /** Makes a helper, whose process starts at once. */
  make(kind: HelperKind, onGone: () => void): QueryHelper;
  /** Helpers without a job that are kept; the one that has rested longest goes first. */
  readonly maxIdle: number;
  readonly idleMs: number;
  /** What one sees of the host (name servers, certificates) is from its start. */
  readonly maxAgeMs: number;
}

interface Entry {
  readonly key: string;
  readonly kind: HelperKind;
  readonly helper: QueryHelper;
  readonly madeAtMs: number;
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
    this.#letGo(entry);
    return answer;
  }

  /** Ends all helpers. Idempotent. */
  close(): void {
    this.#closed = true;
    for (const entry of this.#entries) this.#end(entry);
  }

  #take(key: string, kind: HelperKind): Entry {
    const free = this.#entries.findLast(
      (entry) =>
        entry.key === key && !entry.helper.gone && (kind === "network" || entry.helper.busy === 0) && !isWorn(entry.helper) && !this.#isOldIn(entry, 0),
    );
    if (free === undefined) return this.#open(key, kind);
    clearTimeout(free.timer);
    this.#entries = [...this.#entries.filter((entry) => entry !== free), free];
    if (this.#isOldIn(free, this.#parts.idleMs)) this.#replace(free);
    return free;
  }

  #open(key: string, kind: HelperKind): Entry {
    const made: Entry = { key, kind, helper: this.#parts.make(kind, () => this.#remove(made)), madeAtMs: performance.now(), timer: undefined };
    this.#entries.push(made);
    return made;
  }

  #isOldIn({ madeAtMs }: Entry, ms: number): boolean {
    return performance.now() + ms - madeAtMs > this.#parts.maxAgeMs;
  }

  /** Starts another, unless there is one: the next job need not wait for it. */
  #replace({ key, kind }: Entry): void {
    const others = this.#entries.filter((entry) => entry.key === key && !entry.helper.gone);
    if (others.length < 2) this.#rest(this.#open(key, kind));
  }

  #letGo(entry: Entry): void {
    if (entry.helper.busy > 0 || entry.helper.gone) return;
    // It would become old while it rests.
    const isOld = this.#isOldIn(entry, this.#parts.idleMs);
    if (isOld) this.#replace(entry);
    if (isOld || isWorn(entry.helper)) this.#end(entry);
    else this.#rest(entry);
    const idle = this.#entries.filter(({ helper }) => helper.busy === 0);
    for (const surplus of idle.slice(0, Math.max(0, idle.length - this.#parts.maxIdle))) this.#end(surplus);
  }

  #rest(entry: Entry): void {
    clearTimeout(entry.timer);
    entry.timer = setTimeout(() => this.#end(entry), this.#parts.idleMs).unref();
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
