// The whole way: changes by the API of a real server, tampering in its database by a superuser, and the command that finds it.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openServedPlane, type ServedPlane } from "../control-plane/served-plane.fixture.ts";
import { type Finished, startCli } from "./scripted-api.fixture.ts";

let plane: ServedPlane;

beforeAll(async () => {
  plane = await openServedPlane();
  // At the same moment: there is one chain all the same.
  await Promise.all(Array.from({ length: 12 }, (_, at) => put(`f/audit/v${at}`, `value-${at}`)));
});
afterAll(() => plane.close());

async function put(path: string, value: string): Promise<void> {
  const { status } = await plane.ask(plane.server.credentials.token, "main", "PUT", `/variables/by-path?path=${path}`, { value });
  expect(status).toBe(201);
}

const millrace = (...args: string[]): Promise<Finished> => startCli(plane.server.httpUrl, args, { MILLRACE_TOKEN: plane.server.credentials.token }).finished;

/** Does something to the rows as somebody who may do everything in the database, runs the command, and puts the rows back. */
async function verifyAfter(tampering: string, ...args: string[]): Promise<Finished> {
  const client = await plane.pool.connect();
  try {
    await client.query("SET session_replication_role = replica");
    await client.query("CREATE TEMP TABLE kept_events AS SELECT * FROM audit_event; CREATE TEMP TABLE kept_heads AS SELECT * FROM audit_head");
    await client.query(tampering);
    const finished = await millrace("audit", "verify", ...args);
    await client.query(
      "DELETE FROM audit_event; DELETE FROM audit_head; INSERT INTO audit_event SELECT * FROM kept_events; INSERT INTO audit_head SELECT * FROM kept_heads",
    );
    await client.query("DROP TABLE kept_events, kept_heads");
    return finished;
  } finally {
    await client.query("RESET session_replication_role");
    client.release();
  }
}

const OURS = "workspace_id = (SELECT id FROM workspace WHERE name = 'main')";

describe("millrace audit verify", () => {
  test("is content with what nobody touched, from the server and from an export", async () => {
    const { code, stderr } = await millrace("audit", "verify");
    expect({ code, stderr }).toMatchObject({ code: 0, stderr: expect.stringMatching(/^12 rows are as they were written/) });
    const file = join(plane.folder, "export.jsonl");
    const exported = await millrace("audit", "export");
    expect(exported.stdout).not.toContain("value-");
    writeFileSync(file, exported.stdout);
    expect(await millrace("audit", "verify", "--from", file)).toMatchObject({ code: 0 });
    writeFileSync(file, exported.stdout.replace("f/audit/v3", "f/audit/v4"));
    expect(await millrace("audit", "verify", "--from", file)).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^changed: row \d+ is not what was written/),
    });
  });

  test("finds a row that was changed", async () => {
    for (const change of ["actor = 'nobody'", "at = at + interval '1 ms'"])
      expect(await verifyAfter(`UPDATE audit_event SET ${change} WHERE seq = 5 AND ${OURS}`)).toMatchObject({
        code: 1,
        stderr: expect.stringContaining("changed: row 5 is not what was written"),
      });
  });

  test("finds a row that was removed, the first too", async () => {
    for (const [seq, found] of [
      [1, "missing: row 2 is the first: what was before it is gone"],
      [7, "missing: row 8 follows row 6: what was between is gone"],
    ] as const)
      expect(await verifyAfter(`DELETE FROM audit_event WHERE seq = ${seq} AND ${OURS}`)).toMatchObject({ code: 1, stderr: expect.stringContaining(found) });
  });

  test("finds rows that changed places", async () => {
    const swap = `UPDATE audit_event SET seq = CASE seq WHEN 3 THEN 1004 ELSE 1003 END WHERE seq IN (3, 4) AND ${OURS}; UPDATE audit_event SET seq = seq - 1000 WHERE seq > 1000 AND ${OURS}`;
    const { code, stderr } = await verifyAfter(swap);
    expect(code).toBe(1);
    for (const found of ["changed: row 3", "changed: row 4", "unlinked: row 3"]) expect(stderr).toContain(found);
  });

  test("finds an end that was cut off; when the note of the end was cut too, only with a head that was kept elsewhere", async () => {
    const heads = join(plane.folder, "heads.jsonl");
    writeFileSync(heads, (await millrace("audit", "head")).stdout);
    const cut = `DELETE FROM audit_event WHERE seq > 9 AND ${OURS};`;
    expect(await verifyAfter(cut)).toMatchObject({ code: 1, stderr: expect.stringContaining("cut: row 10 and all up to 12 are gone") });
    const hidden = `${cut} UPDATE audit_head h SET seq = e.seq, at = e.at, prev_hash = e.prev_hash, hash = e.hash FROM audit_event e WHERE e.seq = 9 AND e.${OURS} AND h.workspace_id = e.workspace_id`;
    expect(await verifyAfter(hidden)).toMatchObject({ code: 0, stderr: expect.stringContaining("only with a head that was kept elsewhere") });
    expect(await verifyAfter(hidden, "--heads", heads)).toMatchObject({ code: 1, stderr: expect.stringContaining("cut: row 10 and all up to 12 are gone") });
    expect(await millrace("audit", "verify", "--heads", heads)).toMatchObject({ code: 0 });
  });

  test("what is written cannot be changed, removed or emptied by anybody who goes the usual way", async () => {
    const { rows } = await plane.pool.query<{ child: string }>(
      "SELECT inhrelid::regclass::text AS child FROM pg_inherits WHERE inhparent = 'audit_event'::regclass",
    );
    for (const statement of [
      `UPDATE audit_event SET actor = 'x' WHERE ${OURS}`,
      `DELETE FROM audit_event WHERE ${OURS}`,
      "TRUNCATE audit_event",
      ...rows.map(({ child }) => `TRUNCATE ${child}`),
    ])
      await expect(plane.pool.query(statement)).rejects.toThrow(/append-only|permission denied/);
    expect(rows.length).toBeGreaterThanOrEqual(4);
  });
});
