import { type RawBuilder, type SqlBool, sql } from "kysely";
import { OUTCOMES } from "../../kernel/exit.ts";
import { asJobId, type JobId, timeOfId, type WorkspaceId } from "../../kernel/ids.ts";
import type { Db } from "../db/query-builder.ts";
import type { JobStatus } from "./contract.ts";
import { JOB_KINDS, shardOf } from "./model.ts";

export interface JobFilter {
  readonly status: JobStatus | undefined;
  readonly scriptId: string | undefined;
  /** Steps of flows are left out as far as a row says that it is one; the caller looks at the others. */
  readonly withoutSteps?: boolean;
  /** Only jobs that were created before this one. */
  readonly before: JobId | undefined;
  readonly limit: number;
}

/** Newest first. `next` is there when there may be more: the position to go on from, also when nothing was found up to it. */
export interface JobIdPage {
  readonly ids: readonly JobId[];
  readonly next: JobId | undefined;
}

/** What one table has below a position: all of its matches down to `floor`, or all there are when that is undefined. */
interface Found {
  readonly ids: readonly JobId[];
  readonly floor: JobId | undefined;
}

type JobTable = "job" | "job_pending" | "job_running" | "job_done";

/**
 * Rows that one statement looks at: few at first, since most matches are not rare, then more, up to a limit. After a while of looking in vain the
 * caller gets what there is, with a position to go on from.
 */
const FIRST_ROWS = 100;
const MORE_ROWS = 4;
const MAX_ROWS = 2000;
const MAX_LOOKS = 12;
const LOOK_FOR_MS = 10;
const DAY_MS = 24 * 60 * 60 * 1000;
/**
 * Days that are looked at first, then all: a plan over every partition takes 2 ms to make, and most pages are full within
 * two days. Undefined: without a bound.
 */
const SPANS_DAYS = [2, undefined] as const;
const LAST_ID = asJobId("ffffffff-ffff-ffff-ffff-ffffffffffff");

/**
 * Ids of a page. Every filter has a table and an index that is walked from the newest row on; what no index can tell (the status of a script's
 * jobs, a success among failures) is looked for in a bounded number of rows and time, so that the rarest match costs a request no more than 20,000 rows. A script's jobs of any status are gathered from the three places in the order in which jobs move, so that one that moves
 * meanwhile is seen twice rather than not at all.
 */
export async function listJobs(db: Db, workspace: WorkspaceId, filter: JobFilter): Promise<JobIdPage> {
  const { status, scriptId, limit } = filter;
  const tables = status !== undefined || scriptId === undefined ? [tableOf(status)] : (["job_pending", "job_running", "job_done"] as const);
  const ids = new Set<JobId>();
  let floor: JobId | undefined;
  for (const table of tables) {
    const found = await findIn(db, table, workspace, filter);
    for (const id of found.ids) ids.add(id);
    if (found.floor !== undefined && (floor === undefined || found.floor > floor)) floor = found.floor;
  }
  // Below the highest floor one of the places has not been looked at yet.
  const known = [...ids].filter((id) => floor === undefined || id >= floor);
  const page = known.sort().reverse().slice(0, limit);
  return { ids: page, next: known.length > limit ? page.at(-1) : floor };
}

function tableOf(status: JobStatus | undefined): JobTable {
  if (status === undefined) return "job";
  if (status === "queued") return "job_pending";
  return status === "running" ? "job_running" : "job_done";
}

async function findIn(db: Db, table: JobTable, workspace: WorkspaceId, filter: JobFilter): Promise<Found> {
  const wanted = filter.limit + 1;
  const found: JobId[] = [];
  let before = filter.before ?? LAST_ID;
  let looks = 0;
  let rows = Math.max(FIRST_ROWS, wanted);
  const begunMs = performance.now();
  for (const days of table === "job" || table === "job_done" ? SPANS_DAYS : [undefined]) {
    const from = days === undefined ? undefined : lowerBound(before, days);
    for (;;) {
      const lookMs = performance.now();
      const window = await lookAt(db, table, workspace, filter, { before, from, rows, wanted: wanted - found.length });
      found.push(...window.ids);
      if (found.length >= wanted) return { ids: found, floor: found.at(-1) };
      if (window.floor === undefined) break;
      before = window.floor;
      looks += 1;
      rows = Math.min(MAX_ROWS, rows * MORE_ROWS, Math.ceil((rows * LOOK_FOR_MS) / (performance.now() - lookMs)));
      if (looks >= MAX_LOOKS || performance.now() - begunMs > LOOK_FOR_MS) return { ids: found, floor: before };
    }
    if (from !== undefined) before = from;
  }
  return { ids: found, floor: undefined };
}

/** Matches in the rows right below `before`. `floor`: the last row that was looked at, when there may be more. */
async function lookAt(
  db: Db,
  table: JobTable,
  workspace: WorkspaceId,
  filter: JobFilter,
  range: { before: JobId; from: JobId | undefined; rows: number; wanted: number },
): Promise<Found> {
  const { indexed, rest } = conditions(table, filter);
  let query = db.selectFrom(table).where("workspace_id", "=", workspace).where("id", "<", range.before).orderBy("id", "desc");
  if (range.from !== undefined) query = query.where("id", ">=", range.from);
  // The workspace's shard names the one child table that can hold its rows.
  if (table === "job_pending" || table === "job_running") query = query.where(sql<SqlBool>`shard = ${sql.lit(shardOf(workspace))}`);
  for (const condition of indexed) query = query.where(condition);
  if (rest === undefined) {
    const rows = await query.select("id").limit(range.wanted).execute();
    return { ids: rows.map((row) => asJobId(row.id)), floor: undefined };
  }
  const found = await db
    .selectFrom(
      query
        .select(["id", rest.as("hit")])
        .limit(range.rows)
        .as("seen"),
    )
    .select([
      sql<string[] | null>`((array_agg(id::text) FILTER (WHERE hit))[1:${sql.lit(range.wanted)}])`.as("ids"),
      sql<string | null>`(array_agg(id::text))[${sql.lit(range.rows)}]`.as("last"),
    ])
    .execute();
  const [row] = found;
  return { ids: (row?.ids ?? []).map(asJobId), floor: row?.last == null ? undefined : asJobId(row.last) };
}

/** Splits the filter into what the walked index answers and what each row is asked. */
function conditions(table: JobTable, { status, scriptId, withoutSteps }: JobFilter): { indexed: RawBuilder<SqlBool>[]; rest: RawBuilder<SqlBool> | undefined } {
  const ofScript = scriptId === undefined ? undefined : sql<SqlBool>`script_id = ${scriptId}`;
  if (table === "job" || ofScript === undefined) {
    if (status === "succeeded") return { indexed: [], rest: outcomeIs("succeeded") };
    if (table === "job" && withoutSteps === true) return { indexed: [], rest: sql<SqlBool>`kind <> ${sql.lit(JOB_KINDS.indexOf("step"))}` };
    return { indexed: status === "failed" || status === "cancelled" ? [outcomeIs(status)] : [], rest: undefined };
  }
  if (table !== "job_done") return { indexed: [], rest: ofScript };
  if (status === "failed" || status === "cancelled") return { indexed: [outcomeIs(status), ofScript], rest: undefined };
  return { indexed: [ofScript], rest: status === "succeeded" ? outcomeIs(status) : undefined };
}

/** The partial index on what went wrong holds `outcome <> 0`: the condition must be written out, with constants, for it to be used. */
function outcomeIs(status: (typeof OUTCOMES)[number]): RawBuilder<SqlBool> {
  const outcome = sql.lit(OUTCOMES.indexOf(status));
  return status === "succeeded" ? sql<SqlBool>`outcome = ${outcome}` : sql<SqlBool>`outcome <> 0 AND outcome = ${outcome}`;
}

/** The lowest id of the day that is `days` before the one of `id`; days in UTC, as the partitions have them. */
function lowerBound(id: JobId, days: number): JobId {
  const ofId = id === LAST_ID ? Date.now() : timeOfId(id);
  const ms = Math.max(0, Math.floor(ofId / DAY_MS) - days) * DAY_MS;
  const time = ms.toString(16).padStart(12, "0");
  return asJobId(`${time.slice(0, 8)}-${time.slice(8)}-0000-0000-000000000000`);
}
