import { pino } from "pino";
import { afterAll, beforeAll, expect, test } from "vitest";
import { asWorkspaceId, type WorkspaceId } from "../../kernel/ids.ts";
import { MIGRATIONS_FOLDER, migrate } from "../db/migrate.ts";
import { readMigrations } from "../db/migration-files.ts";
import { createPools, type Pools } from "../db/pools.ts";
import { withinWorkspace } from "../db/tenant-context.ts";
import { createTestDatabase, runOnServer, type TestDatabase, withDatabase } from "../db/test-database.ts";
import { openToAll } from "./open-to-all.fixture.ts";

/**
 * Tables with a workspace that row-level security does not look after, and why. Hot: written by the group commit and read by jobs and their lists, where
 * a policy costs a part of each row; their statements all name the workspace and are few.
 */
const OUTSIDE: Readonly<Record<string, string>> = {
  job: "hot, partitioned",
  job_done: "hot, partitioned",
  job_log: "hot, partitioned",
  job_attempt: "hot, partitioned",
  job_key: "hot, partitioned",
  job_progress: "hot, partitioned",
  job_checkpoint: "hot, partitioned",
  job_pending: "hot",
  job_running: "hot",
  rate_window: "hot",
  event_note: "hot: written with the ends of jobs",
  flow_event: "hot, partitioned",
  flow_item: "hot, partitioned",
  flow_live: "hot",
  flow_cache: "hot: written with the ends of steps",
  flow_used: "hot: written with the ends of runs",
  workspace_former_name: "read before it is known whose request it is",
  flow_approval: "hot: taken away by the owner; written by links that are nobody's",
};

const log = pino({ level: "silent" });
let database: TestDatabase;
let pools: Pools;
let ours: WorkspaceId;
let theirs: WorkspaceId;

beforeAll(async () => {
  database = await createTestDatabase();
  pools = createPools(database.url, log);
  const { rows } = await pools.api.query<{ id: string }>("INSERT INTO workspace (name) VALUES ('ours'), ('theirs') RETURNING id::text");
  [ours, theirs] = [asWorkspaceId(rows[0]?.id ?? ""), asWorkspaceId(rows[1]?.id ?? "")];
});
afterAll(async () => {
  await pools.close();
  await database.drop();
});

const within = <Result>(workspace: WorkspaceId, work: () => Promise<Result>): Promise<Result> =>
  new Promise((resolve, reject) => withinWorkspace(workspace, () => void work().then(resolve, reject)));

async function tablesWithWorkspace(): Promise<{ name: string; kept: boolean; forced: boolean }[]> {
  const { rows } = await pools.api.query<{ name: string; kept: boolean; forced: boolean }>(
    `SELECT c.relname AS name, c.relrowsecurity AND EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid AND p.polname = 'of_the_workspace') AS kept,
       c.relforcerowsecurity AS forced
     FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'workspace_id' AND NOT a.attisdropped
     WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition ORDER BY 1`,
  );
  return rows;
}

test("every table with a workspace is under row-level security, or is listed here with the reason", async () => {
  const tables = await tablesWithWorkspace();
  expect(tables.filter(({ kept }) => !kept).map(({ name }) => name)).toEqual(Object.keys(OUTSIDE).sort());
  expect(tables.filter(({ kept, forced }) => kept && !forced)).toEqual([]);
});

test("a statement that forgets the workspace sees rows of one alone, writes into no other, and sees nothing when no workspace is named", async () => {
  const tables = await tablesWithWorkspace();
  for (const workspace of [ours, theirs])
    await pools.api.query("INSERT INTO variable (workspace_id, path, description, value, created_by, updated_by) VALUES ($1, 'f/a/b', '', $2, 'x', 'x')", [
      workspace,
      workspace,
    ]);
  const all = () => pools.console.query<{ value: string }>("SELECT value FROM variable WHERE path = 'f/a/b' ORDER BY 1");
  expect((await all()).rows).toHaveLength(2);
  expect((await within(ours, all)).rows).toEqual([{ value: ours }]);
  expect((await within(theirs, all)).rows).toEqual([{ value: theirs }]);
  expect((await within(ours, () => pools.console.query("UPDATE variable SET value = 'x'"))).rowCount).toBe(1);
  expect((await within(ours, () => pools.console.query("DELETE FROM variable WHERE workspace_id = $1", [theirs]))).rowCount).toBe(0);
  const insert = () =>
    pools.console.query("INSERT INTO folder (workspace_id, path, description, created_by, updated_by) VALUES ($1, 'f/a', '', 'x', 'x')", [theirs]);
  await expect(within(ours, insert)).rejects.toThrow("row-level security");
  await expect(within(ours, () => pools.console.query("SELECT * FROM job"))).rejects.toThrow("permission denied");
  const nobody = await pools.api.connect();
  await nobody.query("SET ROLE millrace_tenant");
  for (const { name, kept } of tables) if (kept) expect([name, (await nobody.query(`SELECT FROM ${name}`)).rowCount]).toEqual([name, 0]);
  nobody.release(true);
});

test("a transaction is bound like a statement, and connections do not remember whose they were", async () => {
  const names = async (): Promise<unknown> => {
    const client = await pools.console.connect();
    try {
      await client.query("BEGIN");
      const { rows } = await client.query("SELECT current_user::text AS role, current_setting('millrace.workspace') AS workspace");
      await client.query("COMMIT");
      return rows[0];
    } finally {
      client.release();
    }
  };
  for (const workspace of [ours, theirs, ours]) expect(await within(workspace, names)).toEqual({ role: "millrace_tenant", workspace });
  const several = await Promise.all([ours, theirs, ours, theirs, ours, theirs, ours, theirs].map((workspace) => within(workspace, names)));
  expect(several).toEqual([ours, theirs, ours, theirs, ours, theirs, ours, theirs].map((workspace) => ({ role: "millrace_tenant", workspace })));
});

const OURS = "our-own-value";
/** The same as a number. */
const OURS_COUNTED = 757_575;
const OUR_TASK = "01a20000-36dd-7000-aeb1-1bbad5bb6980";

/** A row of ours in each table that is kept, with a text in it that nobody else may see. */
async function fill(): Promise<void> {
  const [{ id: account } = { id: "" }] = (
    await pools.api.query<{ id: string }>("INSERT INTO account (email, name, created_by) VALUES ('a@ours', $1, 'x') RETURNING id::text", [OURS])
  ).rows;
  const insert = (table: string, columns: string, values: string): Promise<unknown> =>
    pools.api.query(`INSERT INTO ${table} (workspace_id, ${columns}) VALUES (${ours}, ${values})`);
  const by = "created_by, updated_by";
  const hash = "a".repeat(64);
  await insert("script", "path, hash", `'f/a/s', '${hash}'`);
  const [{ id: script } = { id: "" }] = (await pools.api.query<{ id: string }>("SELECT id::text FROM script WHERE workspace_id = $1", [ours])).rows;
  await insert(
    "script_version",
    "hash, script_id, path, language, content, code_hash, summary, tag, schema, created_by",
    `'${hash}', ${script}, 'f/a/s', 'noop', '${OURS}', 'c', '${OURS}', 'default', '{}', 'x'`,
  );
  await insert("script_lock", "hash, state, lock", `'${hash}', 1, '${OURS}'`);
  await insert("flow", "path, hash", `'f/a/f', '${hash}'`);
  await insert(
    "flow_version",
    "hash, flow_id, path, summary, document, created_by",
    `'${hash}', 1, 'f/a/f', '${OURS}', '{"summary":"${OURS}","value":{"modules":[]}}', 'x'`,
  );
  await insert("draft", "kind, path, author, value", `'script', 'f/a/s', 'them', '{"content":"${OURS}"}'`);
  await insert("windmill_metadata", "kind, key, value", `'folder', 'a', '{"summary":"${OURS}"}'`);
  await insert("variable", `path, description, value, ${by}`, `'f/a/v', '${OURS}', '${OURS}', 'x', 'x'`);
  await insert("resource", `path, type, description, value, ${by}`, `'f/a/r', 't', '${OURS}', '"${OURS}"', 'x', 'x'`);
  await insert("resource_type", `name, description, schema, ${by}`, `'t', '${OURS}', '{"title":"${OURS}"}', 'x', 'x'`);
  await insert("workspace_key", "version, master_id, wrapped", "7, 'm', ''");
  await insert("workspace_limit", "weight, changed_by", "7.5, 'x'");
  await insert(
    "agent_join_token",
    "id, secret_hash, label, max_uses, created_by, expires_at",
    `'${"j".repeat(12)}', '', '${OURS}', 1, 'x', now() + interval '1 day'`,
  );
  await insert("member_name", "name, account_id", `'${OURS}', ${account}`);
  await insert("workspace_member", "account_id, name, role", `${account}, '${OURS}', 'viewer'`);
  await insert("member_group", `name, description, ${by}`, `'g', '${OURS}', 'x', 'x'`);
  await insert("folder", `path, description, ${by}`, `'f/a', '${OURS}', 'x', 'x'`);
  await insert(
    "schedule",
    `path, description, cron, zone, target_kind, target_path, args, settings, overlap, catch_up, paused, ${by}`,
    `'f/a/t', '${OURS}', '* * * * *', 'UTC', 'script', 'f/a/s', '{"a":"${OURS}"}', '{}', 'skip', 'none', true, 'x', 'x'`,
  );
  await pools.api.query("INSERT INTO schedule_state (workspace_id, schedule_id, shard) SELECT workspace_id, id, 0 FROM schedule WHERE workspace_id = $1", [
    ours,
  ]);
  await pools.api.query(
    "INSERT INTO schedule_run (workspace_id, schedule_id, due_at, state, note) SELECT workspace_id, id, now(), 'failed', $2 FROM schedule WHERE workspace_id = $1",
    [ours, OURS],
  );
  await insert("workspace_quota", "max_queued, changed_by", `${OURS_COUNTED}, '${OURS}'`);
  await insert("usage_day", "day, jobs, failed, cancelled, run_us, log_bytes, result_bytes", `current_date - 1, ${OURS_COUNTED}, 0, 0, 0, 0, ${OURS_COUNTED}`);
  await insert(
    "bulk_task",
    "id, kind, filter, position, state, created_by, worked_until",
    `'${OUR_TASK}', 'cancel', '{"statuses":["queued"],"most":1}', '0 ', 'stopped', '${OURS}', now()`,
  );
  const settings = `{"script":"f/a/${OURS}","mode":"async","auth":{"kind":"token"}}`;
  await insert("trigger", `path, kind, settings, paused, description, ${by}`, `'f/a/w', 'webhook', '${settings}', false, '${OURS}', 'x', 'x'`);
  await insert(
    "notification_hook",
    `path, url, events, path_prefix, paused, description, ${by}`,
    `'f/a/h', 'https://${OURS}.test', '{}', '', false, '', 'x', 'x'`,
  );
  await insert(
    "hook_delivery",
    "hook, event, kind, payload, status, created_at, ended_at",
    `'f/a/h', 'e', 'test', '{"a":"${OURS}"}', 'delivered', now(), now()`,
  );
}

async function rowsOfOurs(): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const { name, kept } of await tablesWithWorkspace()) {
    if (!kept) continue;
    const { rows } = await pools.api.query<{ all: string }>(
      `SELECT coalesce(string_agg(t::text, E'\\n' ORDER BY t::text), '') AS all FROM ${name} t WHERE workspace_id = $1`,
      [ours],
    );
    found[name] = rows[0]?.all ?? "";
  }
  return found;
}

test("with the enforcement switched off workspaces are still kept apart: nothing of ours is shown, changed or added", async () => {
  const app = await openToAll(pools, { ours, theirs });
  await fill();
  const before = await rowsOfOurs();
  const hash = "a".repeat(64);
  const requests: ["GET" | "PUT" | "POST" | "DELETE", string, object?][] = [
    ["GET", "scripts"],
    ["GET", "scripts/by-path?path=f/a/s"],
    ["GET", `scripts/by-hash/${hash}`],
    ["GET", "scripts/versions?path=f/a/s"],
    ["POST", "scripts/archive", { path: "f/a/s" }],
    ["POST", "scripts/move", { path: "f/a/s", to: "f/a/moved" }],
    ["POST", "scripts", { path: "f/a/s", language: "noop", content: "theirs" }],
    ["POST", "scripts", { path: "f/a/new", language: "noop", content: "theirs" }],
    ["GET", "flows"],
    ["GET", "flows/by-path?path=f/a/f"],
    ["GET", `flows/by-hash/${hash}`],
    ["GET", "flows/versions?path=f/a/f"],
    ["POST", "flows/archive", { path: "f/a/f" }],
    ["POST", "flows/move", { path: "f/a/f", to: "f/a/moved" }],
    ["GET", "drafts"],
    ["GET", "drafts/by-path?kind=script&path=f/a/s"],
    ["PUT", "drafts/by-path?kind=script&path=f/a/s", { value: { content: "theirs" } }],
    ["DELETE", "drafts/by-path?kind=script&path=f/a/s"],
    ["POST", "flows", { path: "f/a/f", document: { summary: "theirs", value: { modules: [] } } }],
    ["GET", "variables"],
    ["GET", "variables/by-path?path=f/a/v"],
    ["GET", "variables/value?path=f/a/v"],
    ["PUT", "variables/by-path?path=f/a/v", { value: "theirs" }],
    ["PUT", "variables/by-path?path=f/a/new", { value: "theirs", is_secret: true }],
    ["DELETE", "variables/by-path?path=f/a/v"],
    ["GET", "resources"],
    ["GET", "resources/by-path?path=f/a/r"],
    ["GET", "resources/value?path=f/a/r"],
    ["PUT", "resources/by-path?path=f/a/r", { value: "theirs" }],
    ["PUT", "resources/by-path?path=f/a/new", { type: "t", value: "theirs" }],
    ["DELETE", "resources/by-path?path=f/a/r"],
    ["GET", "resource-types"],
    ["GET", "resource-types/by-name?name=t"],
    ["PUT", "resource-types/by-name?name=t", { description: "theirs" }],
    ["DELETE", "resource-types/by-name?name=t"],
    ["GET", "secrets/keys"],
    ["POST", "secrets/rotate"],
    ["GET", "limits"],
    ["PUT", "limits", { weight: 1, max_running: 0 }],
    ["GET", "agents/join-tokens"],
    ["POST", "agents/join-tokens", { uses: 1, expires_in_s: 3600, label: "theirs" }],
    ["DELETE", `agents/join-tokens/${"j".repeat(12)}`],
    ["GET", "members"],
    ["GET", `members/by-name?name=${OURS}`],
    ["PUT", `members/by-name?name=${OURS}`, { role: "admin" }],
    ["DELETE", `members/by-name?name=${OURS}`],
    ["GET", "groups"],
    ["GET", "groups/by-name?name=g"],
    ["PUT", "groups/by-name?name=g", { members: [] }],
    ["DELETE", "groups/by-name?name=g"],
    ["GET", "folders"],
    ["GET", "folders/by-path?path=f/a"],
    ["PUT", "folders/by-path?path=f/a", { grants: [{ level: "write" }] }],
    ["DELETE", "folders/by-path?path=f/a"],
    ["GET", "schedules"],
    ["GET", "schedules/by-path?path=f/a/t"],
    ["GET", "schedules/runs?path=f/a/t"],
    ["PUT", "schedules/by-path?path=f/a/t", { cron: "0 0 * * *", script: "f/a/s" }],
    ["PUT", "schedules/by-path?path=f/a/new", { cron: "0 0 * * *", script: "f/a/s" }],
    ["POST", "schedules/resume?path=f/a/t"],
    ["POST", "schedules/run?path=f/a/t"],
    ["DELETE", "schedules/by-path?path=f/a/t"],
    ["GET", "triggers"],
    ["GET", "triggers/by-path?path=f/a/w"],
    ["GET", "triggers/calls?path=f/a/w"],
    ["PUT", "triggers/by-path?path=f/a/w", { kind: "webhook", script: "f/a/s", auth: { kind: "token" } }],
    ["POST", "triggers/pause?path=f/a/w"],
    ["GET", "triggers/secrets?path=f/a/w"],
    ["POST", "triggers/secrets?path=f/a/w", {}],
    ["DELETE", "triggers/by-path?path=f/a/w"],
    ["GET", "hooks"],
    ["GET", "hooks/by-path?path=f/a/h"],
    ["PUT", "hooks/by-path?path=f/a/h", { url: "https://example.com", events: ["job.failed"] }],
    ["POST", "hooks/pause?path=f/a/h"],
    ["GET", "hooks/deliveries?path=f/a/h"],
    ["GET", "hooks/deliveries/1"],
    ["POST", "hooks/deliveries/1/again"],
    ["DELETE", "hooks/by-path?path=f/a/h"],
    ["GET", "audit"],
    ["GET", "quotas"],
    ["PUT", "quotas", { max_queued: 1 }],
    ["GET", "usage"],
    ["GET", "bulk"],
    ["POST", "bulk/cancel", { filter: {} }],
    ["POST", "bulk/rerun", { filter: { status: "failed" } }],
    ["GET", `bulk/${OUR_TASK}`],
    ["POST", `bulk/${OUR_TASK}/stop`],
    ["POST", `bulk/${OUR_TASK}/resume`],
  ];
  for (const [method, path, body] of requests) {
    const answer = await app.inject({ method, url: `/api/v1/w/ours/${path}`, ...(body !== undefined && { payload: body }) });
    const shown = [method, path, answer.statusCode, answer.body];
    // Names of members stand in addresses: an answer may repeat what was asked.
    expect(answer.body.replaceAll(`member ${OURS}`, ""), shown.join(" ")).not.toContain(OURS);
    expect(answer.body, shown.join(" ")).not.toContain("7.5");
    expect(answer.body, shown.join(" ")).not.toContain(String(OURS_COUNTED));
    if (method === "GET" && !/\?|by-|\d$/.test(path)) expect([path, answer.statusCode]).toEqual([path, 200]);
    else expect([method, path, answer.statusCode >= 400], shown.join(" ")).toEqual([method, path, true]);
  }
  expect(await rowsOfOurs()).toEqual(before);
  // And it is the net that did it: the same statements without it show what is there.
  const open = await pools.console.query("SELECT FROM variable WHERE workspace_id = $1 AND path = 'f/a/v'", [ours]);
  expect(open.rowCount).toBe(1);
  await app.close();
});

test("without the right to make roles the migration says what an administrator of the server has to do", async () => {
  const user = `millrace_test_plain_${process.pid}`;
  const migration = readMigrations(MIGRATIONS_FOLDER).find(({ version }) => version === 86);
  const sql = migration?.sql.slice(0, migration.sql.indexOf("-- Puts a table")) ?? "";
  await pools.api.query(`CREATE ROLE ${user}`);
  const client = await pools.api.connect();
  try {
    await client.query(`SET ROLE ${user}`);
    await expect(client.query(sql)).rejects.toThrow(`run once: GRANT millrace_tenant TO ${user}`);
    await client.query("RESET ROLE");
    await client.query(`GRANT millrace_tenant TO ${user}`);
    await client.query(`SET ROLE ${user}`);
    await client.query(sql);
  } finally {
    await client.query("RESET ROLE");
    client.release();
    await runOnServer(database.url, `DROP ROLE ${user}`);
  }
});

test("an owner of the database who is no superuser sees everything, as before, and requests one workspace", async () => {
  const name = `millrace_test_owned_${process.pid}`;
  await runOnServer(
    database.url,
    `CREATE ROLE ${name} LOGIN PASSWORD 'plain'`,
    `GRANT millrace_tenant TO ${name}`,
    `CREATE DATABASE ${name} OWNER ${name} TEMPLATE template0`,
  );
  const url = new URL(withDatabase(database.url, name));
  [url.username, url.password] = [name, "plain"];
  await migrate(url.href);
  const own = createPools(url.href, log);
  try {
    const { rows } = await own.api.query<{ id: string }>("INSERT INTO workspace (name) VALUES ('one'), ('two') RETURNING id::text");
    for (const { id } of rows)
      await own.api.query("INSERT INTO variable (workspace_id, path, description, value, created_by, updated_by) VALUES ($1, 'f/a/b', '', '', 'x', 'x')", [id]);
    expect((await own.api.query("SELECT FROM variable")).rowCount).toBe(2);
    expect((await own.api.query("UPDATE variable SET value = 'y'")).rowCount).toBe(2);
    expect((await within(asWorkspaceId(rows[0]?.id ?? ""), () => own.console.query("SELECT workspace_id::text AS id FROM variable"))).rows).toEqual([rows[0]]);
    expect((await own.api.query("DELETE FROM workspace WHERE name = 'two'")).rowCount).toBe(1);
  } finally {
    await own.close();
    await runOnServer(database.url, `DROP DATABASE ${name} WITH (FORCE)`, `DROP ROLE ${name}`);
  }
});
