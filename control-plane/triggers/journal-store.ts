import type { WorkspaceId } from "../../kernel/ids.ts";
import type { Pool } from "../db/pools.ts";
import { type ActivityView, TRIGGER_LIMITS } from "./contract.ts";

/** What happened to a trigger since it was last written down. Calls are JSON lists, newest first. */
export interface Happened {
  readonly workspace: WorkspaceId;
  readonly path: string;
  readonly accepted: number;
  readonly repeated: number;
  readonly refused: number;
  readonly lastAtMs: number;
  readonly callsJson: string;
}

/** Adds to what is known. Of triggers that are gone nothing is kept. One statement, rows in one order: replicas do not wait for each other in a ring. */
export async function addActivity(pool: Pool, happened: readonly Happened[]): Promise<void> {
  const sorted = [...happened].sort((a, b) => (`${a.workspace} ${a.path}` < `${b.workspace} ${b.path}` ? -1 : 1));
  await pool.query(
    `INSERT INTO trigger_activity AS a (workspace_id, path, accepted, repeated, refused, last_at, calls)
     SELECT n.workspace_id, n.path, n.accepted, n.repeated, n.refused, to_timestamp(n.last_ms / 1000), n.calls::jsonb
     FROM unnest($1::bigint[], $2::text[], $3::bigint[], $4::bigint[], $5::bigint[], $6::float8[], $7::text[])
       WITH ORDINALITY AS n(workspace_id, path, accepted, repeated, refused, last_ms, calls, at)
     JOIN trigger t ON t.workspace_id = n.workspace_id AND t.path = n.path ORDER BY n.at
     ON CONFLICT (workspace_id, path) DO UPDATE SET accepted = a.accepted + excluded.accepted, repeated = a.repeated + excluded.repeated,
       refused = a.refused + excluded.refused, last_at = greatest(a.last_at, excluded.last_at),
       calls = (SELECT jsonb_agg(k.call ORDER BY k.at) FROM (
         SELECT call, at FROM jsonb_array_elements(excluded.calls || a.calls) WITH ORDINALITY AS e(call, at) ORDER BY at LIMIT ${TRIGGER_LIMITS.calls}) AS k)`,
    [
      sorted.map(({ workspace }) => workspace),
      sorted.map(({ path }) => path),
      sorted.map(({ accepted }) => accepted),
      sorted.map(({ repeated }) => repeated),
      sorted.map(({ refused }) => refused),
      sorted.map(({ lastAtMs }) => lastAtMs),
      sorted.map(({ callsJson }) => callsJson),
    ],
  );
}

export async function readActivity(pool: Pool, workspace: WorkspaceId, path: string): Promise<ActivityView> {
  const { rows } = await pool.query<{ accepted: string; repeated: string; refused: string; last_at: Date; calls: ActivityView["calls"] }>(
    "SELECT accepted::text, repeated::text, refused::text, last_at, calls FROM trigger_activity WHERE workspace_id = $1 AND path = $2",
    [workspace, path],
  );
  const row = rows[0];
  if (row === undefined) return { accepted: 0, repeated: 0, refused: 0, calls: [] };
  const { accepted, repeated, refused, last_at: lastAt, calls } = row;
  return { accepted: Number(accepted), repeated: Number(repeated), refused: Number(refused), last_at: lastAt.toISOString(), calls };
}
