import type { Session } from "../db/session.ts";
import { dayText } from "./ledger-store.ts";
import { type Child, countKeptRows, countRows, ID_OF, type KeptJob } from "./partition-drop-store.ts";
import type { Parent } from "./partition-store.ts";

const NIL = "00000000-0000-0000-0000-000000000000";
/** Key columns in order, and what makes a row large. */
const SHAPES: Readonly<
  Record<Parent, { readonly key: readonly string[]; readonly types: readonly string[]; readonly start: readonly string[]; readonly wide: string }>
> = {
  job: { key: ["workspace_id", "id"], types: ["bigint", "uuid"], start: ["0", NIL], wide: "octet_length(args) + coalesce(octet_length(code), 0)" },
  job_done: { key: ["workspace_id", "id"], types: ["bigint", "uuid"], start: ["0", NIL], wide: "coalesce(octet_length(result), 0)" },
  job_log: {
    key: ["workspace_id", "job_id", "attempt", "seq"],
    types: ["bigint", "uuid", "smallint", "int"],
    start: ["0", NIL, "-1", "-1"],
    wide: "octet_length(data)",
  },
  job_attempt: { key: ["workspace_id", "id", "attempt"], types: ["bigint", "uuid", "smallint"], start: ["0", NIL, "-1"], wide: "200" },
  flow_event: {
    key: ["workspace_id", "id", "seq"],
    types: ["bigint", "uuid", "int"],
    start: ["0", NIL, "-1"],
    wide: "octet_length(events) + coalesce(octet_length(state), 0)",
  },
  flow_item: {
    key: ["workspace_id", "id", "place", "part", "index"],
    types: ["bigint", "uuid", "text", "smallint", "int"],
    start: ["0", NIL, "", "-1", "-1"],
    wide: "octet_length(value)",
  },
  job_key: { key: ["workspace_id", "key", "id"], types: ["bigint", "uuid", "uuid"], start: ["0", NIL, NIL], wide: "100" },
  job_progress: { key: ["workspace_id", "id"], types: ["bigint", "uuid"], start: ["0", NIL], wide: "50" },
  job_checkpoint: { key: ["workspace_id", "id", "seq"], types: ["bigint", "uuid", "int"], start: ["0", NIL, "-1"], wide: "octet_length(value)" },
};

const PAGE_ROWS = 2000;
const PAGE_BYTES = 8 * 1024 * 1024;

export interface ArchivePage {
  /** One JSON object a row, as `row_to_json` writes it. */
  readonly lines: readonly string[];
  /** Pass it on for the next page. */
  readonly cursor: readonly string[];
}

/** The beginning of a child. */
export function archiveStart(parent: Parent): readonly string[] {
  return SHAPES[parent].start;
}

/**
 * Rows after a cursor in the order of the primary key, without those of kept jobs. Each page is a statement of its own: a snapshot that is held
 * over the whole table would keep the vacuum from the hot tables. At most PAGE_ROWS rows, and about PAGE_BYTES of them.
 */
export async function readPage(session: Session, child: Child, cursor: readonly string[], kept: readonly KeptJob[]): Promise<ArchivePage | undefined> {
  const { key, types, wide } = SHAPES[child.parent];
  const columns = key.join(", ");
  const after = types.map((type, at) => `$${at + 1}::${type}`).join(", ");
  const jobs = `$${types.length + 1}::bigint[], $${types.length + 2}::uuid[]`;
  const { rows } = await session.query<{ line: string; keep: boolean; cursor: string[] }>(
    `WITH page AS MATERIALIZED (
       SELECT ${columns}, sum(${wide}) OVER (ORDER BY ${columns}) - (${wide}) AS ahead FROM ${child.name} WHERE (${columns}) > (${after}) ORDER BY ${columns} LIMIT ${PAGE_ROWS})
     SELECT row_to_json(c)::text AS line, (c.workspace_id, c.${ID_OF[child.parent]}) IN (SELECT * FROM unnest(${jobs})) AS keep, ARRAY[${key.map((column) => `c.${column}::text`).join(", ")}] AS cursor
     FROM page p JOIN ${child.name} c USING (${columns}) WHERE p.ahead < ${PAGE_BYTES} ORDER BY ${key.map((column) => `c.${column}`).join(", ")}`,
    [...cursor, kept.map((job) => job.workspace), kept.map((job) => job.id)],
  );
  const last = rows.at(-1);
  return last === undefined ? undefined : { lines: rows.filter((row) => !row.keep).map((row) => row.line), cursor: last.cursor };
}

/** Rows of a child that do not belong to kept jobs. */
export async function countGoing(session: Session, child: Child, kept: readonly KeptJob[]): Promise<number> {
  return (await countRows(session, child)) - (kept.length === 0 ? 0 : await countKeptRows(session, child, kept));
}

/** Number of the part that is written next: parts whose rows have left the database are never written again. */
export async function nextPart(session: Session, child: Child): Promise<number> {
  const { rows } = await session.query<{ part: number }>(
    "SELECT count(*)::int + 1 AS part FROM archive_part WHERE parent = $1 AND day = $2::date AND removed_at IS NOT NULL",
    [child.parent, dayText(child.dayMs)],
  );
  return rows[0]?.part ?? 1;
}

export interface WrittenPart {
  readonly part: number;
  readonly manifestKey: string;
  readonly rows: number;
  readonly sizeBytes: number;
}

export async function recordPart(session: Session, child: Child, written: WrittenPart): Promise<void> {
  await session.query(
    `INSERT INTO archive_part (parent, day, part, manifest_key, row_count, size_bytes) VALUES ($1, $2::date, $3, $4, $5, $6)
     ON CONFLICT (parent, day, part) DO UPDATE SET manifest_key = excluded.manifest_key, row_count = excluded.row_count, size_bytes = excluded.size_bytes, written_at = now()`,
    [child.parent, dayText(child.dayMs), written.part, written.manifestKey, written.rows, written.sizeBytes],
  );
}

/** The rows of the open part are gone from the database. */
export async function closePart(session: Session, child: Child): Promise<void> {
  await session.query("UPDATE archive_part SET removed_at = now() WHERE parent = $1 AND day = $2::date AND removed_at IS NULL", [
    child.parent,
    dayText(child.dayMs),
  ]);
}

/** Names and types of a child's columns, in order: what a reader of the archive needs. */
export async function columnsOf(session: Session, child: Child): Promise<{ name: string; type: string }[]> {
  const { rows } = await session.query<{ name: string; type: string }>(
    "SELECT attname AS name, format_type(atttypid, atttypmod) AS type FROM pg_attribute WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum",
    [child.name],
  );
  return rows;
}
