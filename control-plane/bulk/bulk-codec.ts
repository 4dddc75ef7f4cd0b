import type { BulkTask } from "./bulk-store.ts";
import { type BulkOrder, type BulkTaskView, bulkOrder } from "./contract.ts";

/** An order as it was stored by us. */
export function readOrder(task: Pick<BulkTask, "order">): BulkOrder {
  return bulkOrder.parse(JSON.parse(task.order));
}

export function presentTask(task: BulkTask): BulkTaskView {
  const { id, kind, state, done, skipped, error, isLeft, createdBy, createdAt, finishedAt } = task;
  return {
    id,
    kind,
    state: isLeft ? "interrupted" : state,
    filter: { ...readOrder(task) },
    done,
    skipped,
    ...(error !== undefined && { error }),
    created_by: createdBy,
    created_at: createdAt.toISOString(),
    ...(finishedAt !== undefined && { finished_at: finishedAt.toISOString() }),
  };
}
