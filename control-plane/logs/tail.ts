import type { JobId, WorkspaceId } from "../../kernel/ids.ts";
import type { LiveListener, LiveLogs } from "./live-logs.ts";
import type { StoredChunk } from "./log-store.ts";

/** Where a reader stands: the last chunk that it has. Attempts count from 1, chunks from 0; (0, -1) is the beginning. */
export interface LogPosition {
  readonly attempt: number;
  readonly seq: number;
}

export const LOG_START: LogPosition = { attempt: 0, seq: -1 };

/** The state of a job, as far as a reader needs it to know whether more will come. */
interface TailState {
  readonly ended: boolean;
  /** Attempt that is current or was the last. */
  readonly attempt: number;
  /** Chunks of the last attempt; known when the job has ended. */
  readonly logChunks: number;
}

export interface TailSource {
  readonly live: LiveLogs;
  read(workspace: WorkspaceId, id: JobId, after: LogPosition, limit: number): Promise<StoredChunk[]>;
  state(workspace: WorkspaceId, id: JobId): Promise<TailState | undefined>;
}

const PAGE = 64;
/** Fresh chunks that are held for a slow reader; beyond that it reads them from the database again. */
const MAX_BUFFERED = 64;
/** Looks again by itself this often, in case a wake-up went to another replica. */
const LOOK_AGAIN_MS = 2000;
/** The end of a job was seen but its last chunks were not: they are waited for this long. */
const LATE_CHUNKS_MS = 15_000;

/**
 * Every chunk of a job once and in order, those of the past from the database and those of the present as they arrive,
 * until the job has ended and all of its output has been seen. A fresh chunk is passed on before it is durable; only one
 * that follows directly is, so a gap or an overflow falls back to reading the database. The database is asked only when
 * it can have something new: at the start, when the state changed, when a chunk that was missed is durable, and every two
 * seconds. Ends early when `signal` aborts.
 */
export async function* tailLog(source: TailSource, workspace: WorkspaceId, id: JobId, from: LogPosition, signal: AbortSignal): AsyncGenerator<StoredChunk> {
  const inbox = new Inbox(from);
  const unsubscribe = source.live.subscribe(id, inbox);
  const aborted = (): void => inbox.wake();
  signal.addEventListener("abort", aborted);
  let endedSinceMs: number | undefined;
  try {
    while (!signal.aborted) {
      for (const chunk of inbox.takeFresh()) {
        if (!follows(inbox.position, chunk)) continue;
        inbox.position = chunk;
        yield chunk;
      }
      if (inbox.takeLook()) {
        // The state is read before the chunks: an end that is seen here has all its durable chunks in the pages below.
        const state = await source.state(workspace, id);
        yield* readOn(source, workspace, id, inbox);
        if (state === undefined) return;
        if (state.ended) {
          endedSinceMs ??= performance.now();
          if (isComplete(state, inbox.position) || performance.now() - endedSinceMs > LATE_CHUNKS_MS) return;
        }
      }
      await inbox.something(LOOK_AGAIN_MS, signal);
    }
  } finally {
    unsubscribe();
    signal.removeEventListener("abort", aborted);
  }
}

/** What arrived for a reader while it was busy with something else. */
class Inbox implements LiveListener {
  position: LogPosition;
  #fresh: StoredChunk[] = [];
  #look = true;
  #wake: (() => void) | undefined;

  constructor(position: LogPosition) {
    this.position = position;
  }

  chunk(chunk: StoredChunk): void {
    if (this.#fresh.length < MAX_BUFFERED) this.#fresh.push(chunk);
    this.wake();
  }

  durable(upTo: LogPosition): void {
    const last = this.#fresh.at(-1) ?? this.position;
    if (isAfter(upTo, last)) this.changed();
  }

  changed(): void {
    this.#look = true;
    this.wake();
  }

  wake(): void {
    this.#wake?.();
  }

  takeFresh(): StoredChunk[] {
    return this.#fresh.splice(0);
  }

  takeLook(): boolean {
    const look = this.#look;
    this.#look = false;
    return look;
  }

  /** Waits until there is something to do; after `ms` that is a look at the database. */
  async something(ms: number, signal: AbortSignal): Promise<void> {
    if (this.#fresh.length > 0 || this.#look || signal.aborted) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(() => this.changed(), ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#wake = undefined;
  }
}

async function* readOn(source: TailSource, workspace: WorkspaceId, id: JobId, inbox: Inbox): AsyncGenerator<StoredChunk> {
  for (;;) {
    const page = await source.read(workspace, id, inbox.position, PAGE);
    for (const chunk of page) {
      inbox.position = chunk;
      yield chunk;
    }
    if (page.length < PAGE) return;
  }
}

function isComplete(state: TailState, position: LogPosition): boolean {
  if (state.logChunks === 0 || position.attempt > state.attempt) return true;
  return position.attempt === state.attempt && position.seq + 1 >= state.logChunks;
}

function isAfter(a: LogPosition, b: LogPosition): boolean {
  return a.attempt > b.attempt || (a.attempt === b.attempt && a.seq > b.seq);
}

/** True for the chunk right after a position: the next of the same attempt, or the first of a later one. */
function follows(position: LogPosition, chunk: LogPosition): boolean {
  if (chunk.attempt === position.attempt) return chunk.seq === position.seq + 1;
  return chunk.attempt > position.attempt && chunk.seq === 0;
}
