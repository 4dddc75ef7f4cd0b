import { cpSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type pg from "pg";
import { afterEach, beforeEach, expect, test } from "vitest";
import { DAY_MS, lowestId, makePartitions, partitionName } from "../housekeeping/partition-store.ts";
import { MIGRATIONS_FOLDER, migrate } from "./migrate.ts";
import { readMigrations } from "./migration-files.ts";
import { createEmptyTestDatabase, openTestPool, type TestDatabase } from "./test-database.ts";

const INDEX = "job_done_failed_script";
const THE_FILE = "0125_index_failures_by_script.sql";
const now = Date.UTC(2026, 10, 23, 12);
const today = partitionName("job_done", now);
const yesterday = partitionName("job_done", now - DAY_MS);

let database: TestDatabase;
let pool: pg.Pool;
let folders: string;
/** The migrations of before, and with the index. */
let before: string;
let after: string;

/** A database of the release before, with its days. */
beforeEach(async () => {
  database = await createEmptyTestDatabase();
  pool = openTestPool(database.url);
  folders = mkdtempSync(join(tmpdir(), "millrace-migrations-"));
  [before, after] = [copyOf("before", (name) => name < THE_FILE), copyOf("after", (name) => name <= THE_FILE)];
  await migrate(database.url, { folder: before });
  await makePartitions(pool, now);
});

afterEach(async () => {
  await pool.end();
  await database.drop();
  rmSync(folders, { recursive: true, force: true });
});

function copyOf(folder: string, isIn: (name: string) => boolean): string {
  const path = join(folders, folder);
  mkdirSync(path);
  for (const { name } of readMigrations(MIGRATIONS_FOLDER)) if (isIn(name)) cpSync(join(MIGRATIONS_FOLDER, name), join(path, name));
  return path;
}

async function insert(client: pg.Pool | pg.PoolClient, at: number): Promise<void> {
  const id = lowestId(now).replace(/.{4}$/, String(at).padStart(4, "0"));
  await client.query(
    `INSERT INTO job_done (workspace_id, id, script_id, tag, outcome, exit_reason, exit_code, attempt, done_at)
     VALUES (1, $1, 7, 'default', 1, 0, 1, 1, now())`,
    [id],
  );
}

/** Runs `work` while a transaction that began before is open; it ends with the work. */
async function beside(begin: (client: pg.PoolClient) => Promise<unknown>, work: (end: () => Promise<unknown>) => Promise<void>): Promise<void> {
  const client = await pool.connect();
  try {
    await client.query("BEGIN");
    await begin(client);
    await work(() => client.query("COMMIT"));
  } finally {
    client.release(true);
  }
}

/** The process of the server that migrates, once it waits for the transaction of {@link beside}: it may wait a moment for a vacuum before that. */
async function waitingMigration(): Promise<number> {
  const find = async (): Promise<number | undefined> => {
    const { rows } = await pool.query<{ pid: number }>(
      `SELECT m.pid FROM pg_stat_activity m JOIN pg_stat_activity slow ON slow.pid = ANY (pg_blocking_pids(m.pid))
       WHERE m.application_name = 'millrace/migrate' AND m.datname = current_database() AND slow.state = 'idle in transaction'`,
    );
    return rows[0]?.pid;
  };
  await expect.poll(find, { timeout: 10_000 }).toBeDefined();
  return (await find()) ?? 0;
}

/** What the index consists of: by day, the index there and whether it is whole. */
async function parts(): Promise<Map<string, { oid: string; valid: boolean; attached: boolean }>> {
  const { rows } = await pool.query<{ day: string; oid: string; valid: boolean; attached: boolean }>(
    `SELECT x.indrelid::regclass::text AS day, x.indexrelid::text AS oid, x.indisvalid AS valid, h.inhparent IS NOT NULL AS attached
     FROM pg_index x LEFT JOIN pg_inherits h ON h.inhrelid = x.indexrelid
     WHERE pg_get_indexdef(x.indexrelid) LIKE '%(workspace_id, script_id, outcome, id DESC) WHERE%' AND x.indrelid <> 'job_done'::regclass ORDER BY 1`,
  );
  return new Map(rows.map(({ day, ...part }) => [day, part]));
}

async function days(): Promise<string[]> {
  const { rows } = await pool.query<{ day: string }>(
    "SELECT inhrelid::regclass::text AS day FROM pg_inherits WHERE inhparent = 'job_done'::regclass ORDER BY 1",
  );
  return rows.map(({ day }) => day);
}

/** Each day has one part, whole and of the whole. */
async function expectWhole(): Promise<void> {
  const { rows } = await pool.query("SELECT indisvalid FROM pg_index WHERE indexrelid = $1::regclass", [INDEX]);
  expect(rows).toEqual([{ indisvalid: true }]);
  const found = await parts();
  expect([...found.keys()]).toEqual(await days());
  for (const [day, part] of found) expect({ day, ...part }).toMatchObject({ valid: true, attached: true });
}

test("an index on the history is built while others write: nobody waits for it, not even behind one who writes for long", async () => {
  await insert(pool, 1);
  const announced: unknown[] = [];
  await beside(
    (slow) => insert(slow, 2),
    async (end) => {
      const upgrade = migrate(database.url, { folder: after, onIndex: (...about) => announced.push(about) });
      await waitingMigration();
      const writer = await pool.connect();
      try {
        await writer.query("SET lock_timeout = '10ms'");
        await insert(writer, 3);
      } finally {
        writer.release(true);
      }
      // A day that is attached meanwhile gets its part in the end.
      expect(await makePartitions(pool, now + DAY_MS)).toContain(partitionName("job_done", now + 5 * DAY_MS));
      await end();
      expect(await upgrade).toEqual({ applied: [THE_FILE] });
    },
  );
  expect(announced).toEqual([[INDEX, "job_done"]]);
  await expectWhole();
  // The parts are those that were built beside the writers, not others.
  const { rows } = await pool.query<{ name: string }>("SELECT indexrelid::regclass::text AS name FROM pg_index WHERE indexrelid = ANY($1)", [
    [...(await parts()).values()].map(({ oid }) => oid),
  ]);
  expect(rows.map(({ name }) => name)).toContain(`${today}_${INDEX}`);
  expect(rows).toHaveLength((await days()).length);
});

test("an upgrade that is killed while it builds is finished by the next start, of several replicas at once", async () => {
  await beside(
    (slow) => insert(slow, 1),
    async (end) => {
      const upgrade = migrate(database.url, { folder: after });
      const killed = expect(upgrade).rejects.toMatchObject({ code: "unavailable" });
      await pool.query("SELECT pg_terminate_backend($1)", [await waitingMigration()]);
      await killed;
      await end();
    },
  );
  const left = await parts();
  expect([left.get(yesterday)?.valid, left.get(today)?.valid]).toEqual([true, false]);
  const starts = await Promise.all([1, 2, 3].map(() => migrate(database.url, { folder: after })));
  expect(starts.flatMap(({ applied }) => applied)).toEqual([THE_FILE]);
  await expectWhole();
  // What was whole is not built again.
  const done = await parts();
  expect(done.get(yesterday)?.oid).toBe(left.get(yesterday)?.oid);
  expect(done.get(today)?.oid).not.toBe(left.get(today)?.oid);
});

test("a day that retention drops meanwhile is left out", async () => {
  await beside(
    (slow) => slow.query(`LOCK TABLE ${yesterday} IN ROW EXCLUSIVE MODE`),
    async (end) => {
      const upgrade = migrate(database.url, { folder: after });
      await waitingMigration();
      await pool.query(`ALTER TABLE job_done DETACH PARTITION ${today}`);
      await pool.query(`DROP TABLE ${today}`);
      await end();
      expect(await upgrade).toEqual({ applied: [THE_FILE] });
    },
  );
  expect(await days()).not.toContain(today);
  await expectWhole();
});

test("what fails on a day that is still there fails the upgrade", async () => {
  await pool.query(`CREATE TABLE "${yesterday}_${INDEX}" ()`);
  await expect(migrate(database.url, { folder: after })).rejects.toMatchObject({ code: "failed_precondition", message: expect.stringContaining(THE_FILE) });
});
