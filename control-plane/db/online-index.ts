import type { Client } from "pg";
import { splitStatements } from "./split-statements.ts";

/** An index that a statement makes. */
export interface NewIndex {
  readonly name: string;
  readonly unique: boolean;
  readonly table: string;
  /** What stands behind the table: columns, and whatever follows them. */
  readonly definition: string;
}

const ABOUT_INDEXES = /^(?:create\s+(?:unique\s+)?|drop\s+)index\b/i;
const CREATE_INDEX = /^create\s+(unique\s+)?index\s+(?:concurrently\s+)?(?:if\s+not\s+exists\s+)?(\w+)\s+on\s+(\w+)\s*((?:\(|using\b).*?);?$/is;
const LEADING_COMMENTS = /^(?:\s*--[^\n]*\n)*\s*/;
/** Longer names are cut off by Postgres. */
const NAME_CHARS = 63;

/** Told of an index before it is built, which may take long. */
export type Announce = (index: string, table: string) => void;

/** The index that a statement makes, if it makes one. Names in quotes are not read. */
export function newIndexOf(statement: string): NewIndex | undefined {
  const [, unique, name, table, definition] = CREATE_INDEX.exec(statement.replace(LEADING_COMMENTS, "")) ?? [];
  if (name === undefined || table === undefined || definition === undefined) return undefined;
  return { name, unique: unique !== undefined, table, definition };
}

/**
 * The indexes of a file that can be built before the file is applied: those of a file that is about indexes alone. In any other, a column
 * or a table of the index may be made by the file itself.
 */
export function indexesAhead(sql: string): NewIndex[] {
  const statements = splitStatements(sql);
  if (!statements.every((statement) => ABOUT_INDEXES.test(statement.replace(LEADING_COMMENTS, "")))) return [];
  return statements.flatMap((statement) => newIndexOf(statement) ?? []);
}

/**
 * Builds on each partition of the table what the index will consist of, while others read and write. CREATE INDEX on the table then finds these
 * and takes them over, and builds only for partitions that have been attached in the meantime, which are empty. Whatever a run that was killed has
 * finished stays, and what it has half done is made again.
 */
export async function buildAhead(client: Client, index: NewIndex, announce?: Announce): Promise<void> {
  const partitions = await partitionsOf(client, index.table);
  if (partitions.length === 0 || (await validity(client, index.name)) !== "missing") return;
  announce?.(index.name, index.table);
  for (const partition of partitions) {
    const name = `${partition}_${index.name}`.slice(0, NAME_CHARS);
    const make = `CREATE ${index.unique ? "UNIQUE " : ""}INDEX CONCURRENTLY ${name} ON ${partition} ${index.definition}`;
    try {
      await buildConcurrently(client, name, make);
    } catch (error) {
      // Retention drops days at any time: one that is gone needs no index.
      if ((await partitionsOf(client, index.table)).includes(partition)) throw error;
    }
  }
}

/**
 * Runs a CREATE INDEX CONCURRENTLY unless its index is there. It waits as long as it has to: for transactions that began before it, while nobody
 * waits for it.
 */
export async function buildConcurrently(client: Client, name: string, statement: string): Promise<void> {
  await client.query("SET lock_timeout = 0");
  const found = await validity(client, name);
  if (found === "valid") return;
  // Left behind by one that failed.
  if (found === "invalid") await client.query(`DROP INDEX CONCURRENTLY ${name}`);
  await client.query(statement);
}

async function validity(client: Client, index: string): Promise<"missing" | "invalid" | "valid"> {
  const { rows } = await client.query<{ valid: boolean }>("SELECT indisvalid AS valid FROM pg_index WHERE indexrelid = to_regclass($1)", [index]);
  if (rows[0] === undefined) return "missing";
  return rows[0].valid ? "valid" : "invalid";
}

/** None for a table without partitions, or that is not there. */
async function partitionsOf(client: Client, table: string): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(
    `SELECT c.relname AS name FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
     WHERE i.inhparent = to_regclass($1) AND c.relkind = 'r' AND NOT i.inhdetachpending ORDER BY c.relname`,
    [table],
  );
  return rows.map(({ name }) => name);
}
