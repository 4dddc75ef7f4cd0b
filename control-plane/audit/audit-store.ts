import { type AuditHead, type AuditOutcome, type AuditRow, auditText, NO_HASH } from "../../kernel/audit-chain.ts";
import type { WorkspaceId } from "../../kernel/ids.ts";
import { storable } from "../../kernel/storable-text.ts";
import type { Queryable } from "../db/transaction.ts";

export interface AuditEvent {
  /** Undefined: of the instance. */
  readonly workspace: WorkspaceId | undefined;
  /** Label of who did it. */
  readonly actor: string;
  /** `domain:verb`, like a permission. */
  readonly action: string;
  /** What it was done to: `variable f/a/b`. */
  readonly target: string;
  /** Default: done. */
  readonly outcome?: AuditOutcome;
  /** Never values, arguments or code. */
  readonly detail?: Readonly<Record<string, string | number | boolean | null | readonly string[]>>;
}

/** A chain is found by its workspace; the instance has the number that no workspace has. */
const chainOf = (workspace: WorkspaceId | undefined): string => workspace ?? "0";

/** As `auditHash` in the kernel hashes it. The time of a row is never before that of the row in front of it. */
const hashed = (prev: string, seq: string, at: string): string =>
  `sha256(${prev} || convert_to('["' || $1::bigint || '",' || ${seq} || ',"' || to_char(${at} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') || '",' || $2::text || ']', 'UTF8'))`;

const RECORD = `WITH head AS (
  INSERT INTO audit_head AS h (workspace_id, seq, at, prev_hash, hash)
  SELECT $1::bigint, 1, t.at, '\\x${NO_HASH}', ${hashed(`'\\x${NO_HASH}'::bytea`, "1", "t.at")} FROM (SELECT date_trunc('milliseconds', clock_timestamp()) AS at) t
  ON CONFLICT (workspace_id) DO UPDATE SET seq = h.seq + 1, at = greatest(h.at, excluded.at), prev_hash = h.hash,
    hash = ${hashed("h.hash", "(h.seq + 1)", "greatest(h.at, excluded.at)")}
  RETURNING seq, at, prev_hash, hash)
INSERT INTO audit_event (workspace_id, seq, at, actor, action, target, outcome, detail, prev_hash, hash)
SELECT $1::bigint, seq, at, $3, $4, $5, $6, $7, prev_hash, hash FROM head`;

/**
 * Adds a row to the chain of a workspace. To be called in the transaction of the change, as the last thing in it: from here to the commit everybody
 * else who changes something in the workspace waits.
 */
export async function recordAudit(client: Queryable, event: AuditEvent): Promise<void> {
  const clean = (text: string): string => storable(text).toWellFormed();
  const { action, outcome = "done" } = event;
  const [actor, target, detail] = [clean(event.actor), clean(event.target), clean(JSON.stringify(event.detail ?? {}))];
  const text = auditText({ actor, action, target, outcome, detail });
  await client.query(RECORD, [chainOf(event.workspace), text, actor, action, target, outcome, detail]);
}

interface Row {
  chain: string;
  seq: string;
  at: Date;
  actor: string;
  action: string;
  target: string;
  outcome: string;
  detail: string;
  prev_hash: string;
  hash: string;
}

const COLUMNS =
  "workspace_id::text AS chain, seq::text, at, actor, action, target, outcome, detail, encode(prev_hash, 'hex') AS prev_hash, encode(hash, 'hex') AS hash";

/** A row with its detail as JSON text. */
export type StoredAuditRow = Omit<AuditRow, "detail"> & { readonly detail: string };

export interface AuditFilter {
  readonly actor: string | undefined;
  readonly action: string | undefined;
  /** What the target begins with. */
  readonly target: string | undefined;
  readonly from: string | undefined;
  readonly to: string | undefined;
  /** Only rows before this number. */
  readonly before: number | undefined;
  readonly limit: number;
}

/** Rows that one request looks at. */
const MAX_LOOKED_AT = 10_000;

/** Newest first. `next`: where to go on from, when there may be more; also when nothing was found among so many. */
export async function listAudit(
  client: Queryable,
  workspace: WorkspaceId | undefined,
  filter: AuditFilter,
): Promise<{ rows: StoredAuditRow[]; next: number | undefined }> {
  const { rows } = await client.query<Row & { last: string | null; looked: string }>(
    `WITH seen AS MATERIALIZED (
       SELECT * FROM audit_event WHERE workspace_id = $1 AND ($2::bigint IS NULL OR seq < $2)
         AND at >= coalesce($6::timestamptz, '-infinity') AND at < coalesce($7::timestamptz, 'infinity') ORDER BY seq DESC LIMIT ${MAX_LOOKED_AT})
     SELECT ${COLUMNS}, extent.last, extent.looked FROM (SELECT min(seq)::text AS last, count(*)::text AS looked FROM seen) extent LEFT JOIN LATERAL (
       SELECT * FROM seen WHERE ($3::text IS NULL OR actor = $3) AND ($4::text IS NULL OR action = $4) AND ($5::text IS NULL OR starts_with(target, $5))
       ORDER BY seq DESC LIMIT $8) found ON true ORDER BY found.seq DESC`,
    [
      chainOf(workspace),
      filter.before ?? null,
      filter.actor ?? null,
      filter.action ?? null,
      filter.target ?? null,
      filter.from ?? null,
      filter.to ?? null,
      filter.limit + 1,
    ],
  );
  const found = rows.flatMap((row) => (row.seq === null ? [] : [fromRow(row)]));
  const page = found.slice(0, filter.limit);
  if (found.length > filter.limit) return { rows: page, next: page.at(-1)?.seq };
  const looked = rows[0];
  return { rows: page, next: Number(looked?.looked) === MAX_LOOKED_AT ? Number(looked?.last) : undefined };
}

/** In the order of the chain. @param after number of the last row of the page before */
export async function readChain(client: Queryable, workspace: WorkspaceId | undefined, after: number, upTo: number, limit: number): Promise<StoredAuditRow[]> {
  // By the column: the output has the number as text.
  const { rows } = await client.query<Row>(
    `SELECT ${COLUMNS} FROM audit_event e WHERE workspace_id = $1 AND seq > $2 AND seq <= $3 ORDER BY e.seq, e.at LIMIT $4`,
    [chainOf(workspace), after, upTo, limit],
  );
  return rows.map(fromRow);
}

/** The end of a chain as it is noted; undefined before its first row. */
export async function readHead(client: Queryable, workspace: WorkspaceId | undefined): Promise<AuditHead | undefined> {
  const { rows } = await client.query<{ chain: string; seq: string; at: Date; hash: string }>(
    "SELECT workspace_id::text AS chain, seq::text, at, encode(hash, 'hex') AS hash FROM audit_head WHERE workspace_id = $1",
    [chainOf(workspace)],
  );
  return rows.map(({ chain, seq, at, hash }) => ({ chain, seq: Number(seq), at: at.toISOString(), hash }))[0];
}

/** Makes the months around now, as far as they are missing. Safe on several replicas at once. @returns the names of those that were made */
export async function makeAuditMonths(client: Queryable, monthsAhead: number): Promise<string[]> {
  const { rows } = await client.query<{ made: string | null }>(
    `SELECT make_audit_month((date_trunc('month', now() AT TIME ZONE 'UTC') + make_interval(months => ahead))::date) AS made
     FROM (SELECT pg_advisory_xact_lock(hashtext('millrace.audit_months'))) locked, generate_series(0, $1) AS ahead`,
    [monthsAhead],
  );
  return rows.flatMap(({ made }) => made ?? []);
}

function fromRow(row: Row): StoredAuditRow {
  return { ...pick(row), seq: Number(row.seq), at: row.at.toISOString() };
}

function pick({ chain, actor, action, target, outcome, detail, prev_hash, hash }: Row): Omit<StoredAuditRow, "seq" | "at"> {
  return { chain, actor, action, target, outcome, detail, prev_hash, hash };
}
