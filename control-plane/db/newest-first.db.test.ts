import { randomUUID } from "node:crypto";
import type { Pool } from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { asWorkspaceId, type WorkspaceId } from "../../kernel/ids.ts";
import { listJoinTokens } from "../agents/join-token-store.ts";
import { listEnrolled } from "../agents/order-store.ts";
import { listBulkTasks } from "../bulk/bulk-store.ts";
import { newestQuery, newestUuidQuery } from "../http/page-contract.ts";
import { listTokens } from "../identity/account-token-store.ts";
import { listInvitations } from "../identity/invitation-store.ts";
import { createTestDatabase, openTestPool, type TestDatabase } from "./test-database.ts";

let database: TestDatabase;
let pool: Pool;
let workspace: WorkspaceId;
beforeAll(async () => {
  database = await createTestDatabase();
  pool = openTestPool(database.url);
  const { rows } = await pool.query<{ id: string }>("INSERT INTO workspace (name) VALUES ('pages') RETURNING id::text");
  workspace = asWorkspaceId(rows[0]?.id ?? "");
});
afterAll(async () => {
  await pool.end();
  await database.drop();
});

interface List {
  readonly name: string;
  readonly table: string;
  readonly idColumn: string;
  readonly newId: (n: number) => string;
  readonly insert: string;
  readonly query: typeof newestQuery;
  readonly read: (after: string | undefined, limit: number) => Promise<{ readonly id: string; readonly cursor: string }[]>;
}

const letters = (n: number) => `Zz${String(n).padStart(10, "0")}`;
const IN_A_YEAR = "clock_timestamp() + interval '1 year'";
const LISTS: readonly List[] = [
  {
    name: "invitations",
    table: "invitation",
    idColumn: "id",
    newId: letters,
    insert: `INSERT INTO invitation (workspace_id, id, created_at, secret_hash, role, created_by, expires_at) VALUES ($1, $2, $3, '', 'viewer', 'test', ${IN_A_YEAR})`,
    query: newestQuery,
    read: (after, limit) => listInvitations(pool, workspace, after, limit),
  },
  {
    name: "join tokens",
    table: "agent_join_token",
    idColumn: "id",
    newId: letters,
    insert: `INSERT INTO agent_join_token (workspace_id, id, created_at, secret_hash, label, max_uses, created_by, expires_at) VALUES ($1, $2, $3, '', '', 1, 'test', ${IN_A_YEAR})`,
    query: newestQuery,
    read: (after, limit) => listJoinTokens(pool, workspace, after, limit),
  },
  {
    name: "tokens",
    table: "token",
    idColumn: "id",
    newId: letters,
    insert: "INSERT INTO token (workspace_id, id, created_at, secret_hash, kind, label, created_by) VALUES ($1, $2, $3, '', 'workspace', '', 'test')",
    query: newestQuery,
    read: (after, limit) => listTokens(pool, workspace, { account: undefined, limit, after }),
  },
  {
    name: "enrolled agents",
    table: "agent",
    idColumn: "agent_id",
    newId: () => randomUUID(),
    insert: `INSERT INTO agent (workspace_id, agent_id, created_at, name, token_id, public_key, joined_by, joined_at, credential_until, allowed_tags)
             VALUES ($1, $2, $3, 'a', 't', decode(replace($2::uuid::text, '-', ''), 'hex'), 't', now(), ${IN_A_YEAR}, '{}')`,
    query: newestUuidQuery,
    read: async (after, limit) => (await listEnrolled(pool, workspace, after, limit)).map(({ agentId, cursor }) => ({ id: agentId, cursor })),
  },
  {
    name: "tasks on many jobs",
    table: "bulk_task",
    idColumn: "id",
    newId: () => randomUUID(),
    insert:
      "INSERT INTO bulk_task (workspace_id, id, created_at, kind, filter, position, worked_until, created_by) VALUES ($1, $2, $3, 'cancel', '{}', '', now(), 'test')",
    query: newestUuidQuery,
    read: (after, limit) => listBulkTasks(pool, workspace, after, limit),
  },
];

/** Some came at the same microsecond, some within one millisecond. */
const MOMENTS = ["00:00:01", "00:00:02.000001", "00:00:02.000001", "00:00:02.000001", "00:00:02.000002", "00:00:02.000999", "00:00:03"];

describe.each(LISTS)("the list of $name", ({ table, idColumn, newId, insert, query, read }) => {
  test("goes on where it was, also when the last row of a page is gone by then", async () => {
    for (const [n, moment] of MOMENTS.entries()) await pool.query(insert, [workspace, newId(n), `2026-01-01 ${moment}+00`]);
    const all = (await read(undefined, MOMENTS.length + 1)).map(({ id }) => id);
    expect(all.length).toBe(MOMENTS.length);
    for (let cursor: string | undefined, at = 0; at < all.length; at += 1) {
      expect(query.safeParse({ cursor }).success, cursor).toBe(true);
      const [next, ...others] = await read(cursor, MOMENTS.length);
      expect([next?.id, ...others.map(({ id }) => id)]).toEqual(all.slice(at));
      cursor = next?.cursor;
      await pool.query(`DELETE FROM ${table} WHERE workspace_id = $1 AND ${idColumn} = $2`, [workspace, next?.id]);
    }
  });
});
