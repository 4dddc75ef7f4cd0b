import { cpSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { MIGRATIONS_FOLDER, migrate } from "../db/migrate.ts";
import { createEmptyTestDatabase, openTestPool } from "../db/test-database.ts";
import { lowestId } from "./partition-store.ts";

test("an upgrade gives attempts, keys, progress and checkpoints the days that jobs already have", async () => {
  const database = await createEmptyTestDatabase();
  const folder = mkdtempSync(join(tmpdir(), "millrace-before-"));
  const pool = openTestPool(database.url);
  try {
    for (const file of readdirSync(MIGRATIONS_FOLDER)) if (/^000[1-4]_/.test(file)) cpSync(join(MIGRATIONS_FOLDER, file), join(folder, file));
    await migrate(database.url, { folder });
    const day = Date.UTC(2026, 0, 5);
    await pool.query(`CREATE TABLE job_20260105 PARTITION OF job FOR VALUES FROM ('${lowestId(day)}') TO ('${lowestId(day + 864e5)}')`);
    await migrate(database.url);
    const { rows } = await pool.query<{ name: string }>(
      "SELECT inhrelid::regclass::text AS name FROM pg_inherits WHERE inhparent IN ('job_attempt'::regclass, 'job_key'::regclass, 'job_progress'::regclass, 'job_checkpoint'::regclass) ORDER BY 1",
    );
    expect(rows.map((row) => row.name)).toEqual(["job_attempt_20260105", "job_checkpoint_20260105", "job_key_20260105", "job_progress_20260105"]);
    await pool.query(
      `INSERT INTO job_attempt (workspace_id, id, attempt, token, agent_key, exit_reason, exit_code, done_at, log_chunks, log_bytes, log_dropped_bytes)
       VALUES (1, '${lowestId(day + 1000)}', 1, 1, 1, 1, 1, now(), 0, 0, 0)`,
    );
  } finally {
    await pool.end();
    await database.drop();
    rmSync(folder, { recursive: true, force: true });
  }
});
