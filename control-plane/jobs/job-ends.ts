import { AppError } from "../../kernel/app-error.ts";
import { type JobId, parseJobId } from "../../kernel/ids.ts";
import type { Pool } from "../db/pools.ts";
import type { Workspace } from "../workspaces/workspace-store.ts";
import type { JobEvents } from "./job-events.ts";
import { type Looker, seesJob } from "./job-reach.ts";
import { readDoneRows, readPayloadRows } from "./job-rows-store.ts";
import { readJobs, readResult } from "./job-store.ts";
import { presentJob } from "./present.ts";

/** Results of one answer; at least one job is in it, whatever its size. */
const ANSWER_BYTES = 4 * 1024 * 1024;
/** The notice of an end may be lost on its way from another replica. */
const LOOK_AGAIN_MS = 1000;
/** Of many that are waited for others end right after the first: for each so many of them a millisecond, and they come in one answer. */
const JOBS_PER_GATHERED_MS = 10;

/** Waits for whichever of some jobs end first. */
export class JobEnds {
  readonly #pool: Pool;
  readonly #events: JobEvents;

  constructor(pool: Pool, events: JobEvents) {
    this.#pool = pool;
    this.#events = events;
  }

  /**
   * The jobs of these that have ended, as JSON texts `{"job":…,"result":…}`: at once when there are any, otherwise when the first ends. Empty after `waitMs`, or when
   * `signal` aborts. Errors: not_found, the same for a job of another workspace and one that the caller does not see.
   */
  async wait(caller: Looker & { readonly workspace: Workspace }, texts: readonly string[], waitMs: number, signal: AbortSignal): Promise<string[]> {
    const { workspace } = caller;
    const ids = [...new Set(texts.map(idOf))];
    await this.#check(caller, ids);
    const waker = new Waker();
    // Listens before it looks: an end between the two is not missed.
    const offs = ids.map((id) =>
      this.#events.on(id, (change) => {
        if (change === "ended") waker.wake();
      }),
    );
    const over = AbortSignal.any([signal, AbortSignal.timeout(waitMs)]);
    const stop = (): void => waker.wake();
    over.addEventListener("abort", stop);
    try {
      for (;;) {
        const isOver = over.aborted;
        const ended = (await readDoneRows(this.#pool, workspace.id, ids)).map(({ id }) => id);
        if (ended.length > 0) return await this.#present(workspace, ended);
        if (isOver) return [];
        await waker.sleep(LOOK_AGAIN_MS);
        const gatherMs = Math.floor(ids.length / JOBS_PER_GATHERED_MS);
        if (gatherMs > 0 && !over.aborted) await pause(gatherMs);
      }
    } finally {
      for (const off of offs) off();
      over.removeEventListener("abort", stop);
    }
  }

  async #check(caller: Looker, ids: readonly JobId[]): Promise<void> {
    const { id: workspace } = caller.workspace;
    const isBound = caller.reach?.bounds !== undefined;
    const seen = isBound
      ? (await readJobs(this.#pool, workspace, ids)).filter((one) => seesJob(caller, one))
      : await readPayloadRows(this.#pool, workspace, ids);
    const found = new Set(seen.map(({ id }) => id));
    const missing = ids.find((id) => !found.has(id));
    if (missing !== undefined) throw new AppError("not_found", `there is no job ${missing}`);
  }

  async #present(workspace: Workspace, ids: readonly JobId[]): Promise<string[]> {
    const texts: string[] = [];
    let bytes = 0;
    for (const record of await readJobs(this.#pool, workspace.id, ids)) {
      const result = (await readResult(this.#pool, workspace.id, record.id)) ?? "null";
      bytes += result.length;
      if (texts.length > 0 && bytes > ANSWER_BYTES) break;
      // As the script wrote it: parsing it would cost digits of large numbers.
      texts.push(`{"job":${JSON.stringify(presentJob(workspace.name, record, undefined))},"result":${result}}`);
    }
    return texts;
  }
}

function idOf(text: string): JobId {
  const id = parseJobId(text);
  if (id === undefined) throw new AppError("not_found", `there is no job ${text}`);
  return id;
}

/** One sleeper, which many may wake; a call while it does not sleep counts for the next sleep. */
class Waker {
  #isCalled = false;
  #wake: (() => void) | undefined;

  wake(): void {
    this.#isCalled = true;
    this.#wake?.();
  }

  async sleep(ms: number): Promise<void> {
    if (!this.#isCalled) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, ms);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    this.#wake = undefined;
    this.#isCalled = false;
  }
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
