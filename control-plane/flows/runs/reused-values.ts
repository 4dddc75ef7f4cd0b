import { AppError } from "../../../kernel/app-error.ts";
import type { JobId, WorkspaceId } from "../../../kernel/ids.ts";
import type { Pool } from "../../db/pools.ts";
import type { FlowEvent, ValueRef } from "../core/model.ts";
import { decodeRef } from "../engine/flow-codec.ts";
import type { FlowRunStore } from "../engine/flow-run-store.ts";
import { countResults } from "./beginning-store.ts";

/** Values that are looked for at a time. */
const PAGE = 500;

type Store = Pick<FlowRunStore, "items" | "piece">;

/**
 * Looks whether all that a restarted run takes over is still there: its days may have been let go, or a step's result deleted after use.
 * Errors: failed_precondition, which names the step.
 */
export async function checkReused(pool: Pool, store: Store, workspace: WorkspaceId, events: readonly FlowEvent[]): Promise<void> {
  const waiting = new Map<JobId, string>();
  const flush = async (): Promise<void> => {
    const jobs = [...waiting.keys()];
    if (jobs.length === 0 || (await countResults(pool, workspace, jobs)) === jobs.length) return;
    for (const [job, place] of waiting) if ((await countResults(pool, workspace, [job])) === 0) throw gone(place);
  };
  const look = async (place: string, value: ValueRef): Promise<void> => {
    if (value.kind === "job") waiting.set(value.job, place);
    if (waiting.size >= PAGE) {
      await flush();
      waiting.clear();
    }
    if (value.kind !== "list" || value.run === undefined) return;
    const { run, count } = value;
    for (let from = 0; from < count; from += PAGE) {
      const items = await store.items(workspace, run, value.place, from, Math.min(PAGE, count - from));
      if (items.length < Math.min(PAGE, count - from)) throw gone(place);
      for (const { json } of items) {
        const inner = decodeRef(json);
        await look(place, inner.kind === "list" ? { ...inner, run: inner.run ?? run } : inner);
      }
    }
  };
  for (const event of events) {
    if (event.kind === "reused") await look(event.place, event.value);
    else if (event.kind === "iterator_opened" && event.run !== undefined && event.count > 0) {
      if ((await store.piece(workspace, event.run, event.place, 0)) === undefined) throw gone(event.place);
    }
  }
  await flush();
}

function gone(place: string): AppError {
  return new AppError("failed_precondition", `the result of ${place} is not kept any more: restart there, or before`);
}
