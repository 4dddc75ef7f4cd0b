import type { JobId, WorkspaceId } from "../../kernel/ids.ts";
import type { LiveLogs } from "./live-logs.ts";
import type { StoredChunk } from "./log-store.ts";

/** Where a reader stands: the last chunk that it has. Attempts count from 1, chunks from 0; (0, -1) is the beginning. */
export interface LogPosition {
  readonly attempt: number;
  readonly seq: number;
}

export const LOG_START: LogPosition = { attempt: 0, seq: -1 };

/** The state of a job, as far as a reader needs it to know whether more will come. */
export interface TailState {
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
 * that follows directly is, so a gap or an overflow falls back to reading the database. Ends early when `signal` aborts.
 */
export async function* tailLog(source: TailSource, workspace: WorkspaceId, id: JobId, from: LogPosition, signal: AbortSignal): AsyncGenerator<StoredChunk> {
  let position = from;
  let fresh: StoredChunk[] = [];
  let woken = true;
  let wake: (() => void) | undefined;
  const unsubscribe = source.live.subscribe(id, {
    chunk(chunk) {
      if (fresh.length < MAX_BUFFERED) fresh.push(chunk);
      woken = true;
      wake?.();
    },
    wake() {
      woken = true;
      wake?.();
    },
  });
  signal.addEventListener("abort", () => wake?.());
  let endedSinceMs: number | undefined;
  try {
    while (!signal.aborted) {
      woken = false;
      const direct = fresh;
      fresh = [];
      for (const chunk of direct) {
        if (!follows(position, chunk)) continue;
        position = chunk;
        yield chunk;
      }
      // The state is read before the chunks: an end that is seen here has all its durable chunks in the pages below.
      const state = await source.state(workspace, id);
      for (;;) {
        const page = await source.read(workspace, id, position, PAGE);
        for (const chunk of page) {
          position = chunk;
          yield chunk;
        }
        if (page.length < PAGE) break;
      }
      if (state === undefined) return;
      if (state.ended) {
        endedSinceMs ??= performance.now();
        const complete =
          position.attempt > state.attempt || (position.attempt === state.attempt && position.seq + 1 >= state.logChunks) || state.logChunks === 0;
        if (complete || performance.now() - endedSinceMs > LATE_CHUNKS_MS) return;
      }
      if (woken || signal.aborted) continue;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, LOOK_AGAIN_MS);
        wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
      wake = undefined;
    }
  } finally {
    unsubscribe();
  }
}

/** True for the chunk right after a position: the next of the same attempt, or the first of a later one. */
function follows(position: LogPosition, chunk: LogPosition): boolean {
  if (chunk.attempt === position.attempt) return chunk.seq === position.seq + 1;
  return chunk.attempt > position.attempt && chunk.seq === 0;
}
