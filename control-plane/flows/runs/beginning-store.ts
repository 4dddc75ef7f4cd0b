import type { JobId, WorkspaceId } from "../../../kernel/ids.ts";
import type { Pool } from "../../db/pools.ts";
import type { FlowEvent, ListItem } from "../core/model.ts";
import type { FlowState } from "../core/state.ts";
import { encodeItem } from "../engine/flow-codec.ts";

/** The log of a run that is about to be accepted. */
export interface Beginning {
  readonly job: JobId;
  readonly events: readonly FlowEvent[];
  /** What they lead to. */
  readonly state: FlowState;
  readonly items: readonly ListItem[];
}

/** As many as a turn of an engine writes. */
const ROW_EVENTS = 400;

/**
 * Stores what runs begin with, all of it or nothing. Their jobs are accepted afterwards: until then nobody looks for it, and when they never are it
 * goes with its day. From then on the owner alone writes.
 */
export async function insertBeginnings(pool: Pool, workspace: WorkspaceId, beginnings: readonly Beginning[], nowMs: number): Promise<void> {
  const rows = beginnings.flatMap(rowsOf);
  const items = beginnings.flatMap(({ job, items: all }) => all.map((item) => ({ job, item })));
  await pool.query(
    `WITH events AS (
       INSERT INTO flow_event (workspace_id, id, seq, at, events, state)
       SELECT $1, id, seq, to_timestamp($2::float8 / 1000), events, state FROM unnest($3::uuid[], $4::int[], $5::text[], $6::text[]) AS e(id, seq, events, state))
     INSERT INTO flow_item (workspace_id, id, place, part, index, value)
     SELECT $1, id, place, 1, index, value FROM unnest($7::uuid[], $8::text[], $9::int[], $10::text[]) AS i(id, place, index, value)`,
    [
      workspace,
      nowMs,
      rows.map(({ job }) => job),
      rows.map(({ seq }) => seq),
      rows.map(({ events }) => events),
      rows.map(({ state }) => state),
      items.map(({ job }) => job),
      items.map(({ item }) => item.place),
      items.map(({ item }) => item.index),
      items.map(({ item }) => encodeItem(item)),
    ],
  );
}

function rowsOf({ job, events, state }: Beginning): { job: JobId; seq: number; events: string; state: string | null }[] {
  const rows = [];
  for (let from = 0; from < events.length; from += ROW_EVENTS) {
    const seq = Math.min(from + ROW_EVENTS, events.length);
    rows.push({ job, seq, events: JSON.stringify(events.slice(from, seq)), state: seq === events.length ? JSON.stringify(state) : null });
  }
  return rows;
}

/** How many of these jobs have ended with a result that is still there. */
export async function countResults(pool: Pool, workspace: WorkspaceId, jobs: readonly JobId[]): Promise<number> {
  const { rows } = await pool.query<{ count: number }>(
    "SELECT count(*)::int AS count FROM job_done WHERE workspace_id = $1 AND id = ANY($2::uuid[]) AND result IS NOT NULL",
    [workspace, jobs],
  );
  return rows[0]?.count ?? 0;
}
