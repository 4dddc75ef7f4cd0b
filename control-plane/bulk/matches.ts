import { AppError } from "../../kernel/app-error.ts";
import { asJobId, type JobId, lowestJobId, type WorkspaceId } from "../../kernel/ids.ts";
import type { Pool } from "../db/pools.ts";
import type { Db } from "../db/query-builder.ts";
import { listJobs } from "../jobs/job-list-store.ts";
import { ownRuns } from "../jobs/rerun-store.ts";
import { findCurrent } from "../scripts/current-store.ts";
import type { BulkOrder } from "./contract.ts";

/** Where a walk goes on: the status that it is at, and the job before which it looks next. */
export interface Position {
  readonly at: number;
  readonly before: JobId | undefined;
}

export interface Matches {
  readonly ids: readonly JobId[];
  /** Undefined: there are no more. */
  readonly next: Position | undefined;
}

export const START: Position = { at: 0, before: undefined };

export const positionText = ({ at, before }: Position): string => `${at} ${before ?? ""}`;

export function readPosition(text: string): Position {
  const [at = "0", before = ""] = text.split(" ");
  return { at: Number(at), before: before === "" ? undefined : asJobId(before) };
}

/**
 * The next jobs that an order is about, newest first, status by status. Jobs that are made after the order never match: what it makes itself is among them.
 * Errors: not_found for a script that there is not.
 */
export async function nextMatches(pool: Pool, db: Db, workspace: WorkspaceId, order: BulkOrder, position: Position, limit: number): Promise<Matches> {
  const status = order.statuses[position.at];
  if (status === undefined) return { ids: [], next: undefined };
  const script = order.script === undefined ? undefined : await findCurrent(pool, "script", workspace, order.script);
  if (order.script !== undefined && script === undefined) throw new AppError("not_found", `there is no script at ${order.script}`);
  const before = position.before ?? asJobId(lowestJobId(Date.parse(order.created_before)));
  const page = await listJobs(db, workspace, { status, scriptId: script?.id, withoutSteps: true, before, limit });
  const lowest = order.created_after === undefined ? "" : lowestJobId(Date.parse(order.created_after));
  const wanted = page.ids.filter((id) => id >= lowest);
  const isThrough = page.next === undefined || wanted.length < page.ids.length || page.next < lowest;
  const own = await ownRuns(pool, workspace, wanted);
  const after: Position | undefined = position.at + 1 < order.statuses.length ? { at: position.at + 1, before: undefined } : undefined;
  return { ids: wanted.filter((id) => own.has(id)), next: isThrough ? after : { at: position.at, before: page.next } };
}

const COUNT_PAGE = 1000;
const COUNT_UP_TO = 10_000;
const COUNT_FOR_MS = 3000;

/**
 * How many jobs an order is about, as far as that is found out in a few seconds.
 * @param seen those of a page that the caller sees
 */
export async function countMatches(
  pool: Pool,
  db: Db,
  workspace: WorkspaceId,
  order: BulkOrder,
  seen: (ids: readonly JobId[]) => Promise<readonly JobId[]>,
): Promise<{ matched: number; more: boolean }> {
  const most = Math.min(order.most, COUNT_UP_TO);
  const begunMs = performance.now();
  let matched = 0;
  for (let position: Position | undefined = START; position !== undefined; ) {
    const { ids, next }: Matches = await nextMatches(pool, db, workspace, order, position, COUNT_PAGE);
    matched += (await seen(ids)).length;
    if (matched >= most) return { matched: most, more: order.most > COUNT_UP_TO && (matched > most || next !== undefined) };
    if (next !== undefined && performance.now() - begunMs > COUNT_FOR_MS) return { matched, more: true };
    position = next;
  }
  return { matched, more: false };
}
