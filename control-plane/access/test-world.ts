import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type pg from "pg";
import { pino } from "pino";
import { type AccountId, asAccountId, asWorkspaceId, type WorkspaceId } from "../../kernel/ids.ts";
import { createTestDatabase, openTestPool } from "../db/test-database.ts";
import type { Role } from "../http/authorize.ts";
import { generateToken } from "../identity/token-format.ts";
import { type ControlPlane, startControlPlane } from "../main.ts";
import { setMember } from "./member-store.ts";

/** A whole control plane in this process, on a database of its own, without agents; and people in it. */
export interface AccessWorld {
  readonly plane: ControlPlane;
  readonly pool: pg.Pool;
  makeWorkspace(name: string): Promise<WorkspaceId>;
  makeAccount(email: string): Promise<AccountId>;
  /** An account with a role, and a token of its own. */
  makeMember(workspace: WorkspaceId, email: string, role: Role, scopes?: readonly string[]): Promise<{ account: AccountId; token: string }>;
  makeToken(
    kind: "workspace" | "agent" | "admin",
    workspace: WorkspaceId | undefined,
    options?: { expired?: boolean; scopes?: readonly string[] },
  ): Promise<string>;
  personalToken(workspace: WorkspaceId, account: AccountId, scopes?: readonly string[]): Promise<string>;
  ask(token: string | undefined, method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer>;
  close(): Promise<void>;
}

export interface Answer {
  readonly status: number;
  readonly text: string;
  readonly etag: string | undefined;
  /** Undefined for what is not JSON. */
  readonly body: unknown;
}

export async function startAccessWorld(): Promise<AccessWorld> {
  const database = await createTestDatabase();
  const stateDir = mkdtempSync(join(tmpdir(), "millrace-access-"));
  const env = {
    MILLRACE_DATABASE_URL: database.url,
    MILLRACE_STATE_DIR: stateDir,
    MILLRACE_HTTP_PORT: "0",
    MILLRACE_GRPC_PORT: "0",
    MILLRACE_REPLICA_NAME: "access",
    // All tests ask from one address.
    MILLRACE_RATE_ANONYMOUS_PER_S: "0",
  };
  const plane = await startControlPlane(env, { log: pino({ level: "silent" }) });
  const pool = openTestPool(database.url);
  for (const begunMs = performance.now(); (await fetch(`${plane.httpUrl}/readyz`)).status !== 200; ) {
    if (performance.now() - begunMs > 20_000) throw new Error("the control plane did not become ready");
    await new Promise((resolve) => setTimeout(resolve, 20));
  }

  const world: AccessWorld = {
    plane,
    pool,
    async makeWorkspace(name) {
      const { rows } = await pool.query<{ id: string }>("INSERT INTO workspace (name) VALUES ($1) RETURNING id::text", [name]);
      return asWorkspaceId(rows[0]?.id ?? "");
    },
    async makeAccount(email) {
      const { rows } = await pool.query<{ id: string }>("INSERT INTO account (email, name, created_by) VALUES ($1, $1, 'test') RETURNING id::text", [email]);
      return asAccountId(rows[0]?.id ?? "");
    },
    async makeMember(workspace, email, role, scopes) {
      const account = await world.makeAccount(email);
      await setMember(pool, workspace, account, role);
      return { account, token: await world.personalToken(workspace, account, scopes) };
    },
    async makeToken(kind, workspace, { expired = false, scopes } = {}) {
      const token = generateToken(kind);
      await pool.query(
        `INSERT INTO token (id, secret_hash, kind, workspace_id, label, expires_at, scopes)
         VALUES ($1, $2, $3, $4, 'test', CASE WHEN $5 THEN now() - interval '1 hour' END, $6)`,
        [token.id, token.secretHash, kind, workspace ?? null, expired, scopes ?? null],
      );
      return token.text;
    },
    async personalToken(workspace, account, scopes) {
      const token = generateToken("personal");
      await pool.query("INSERT INTO token (id, secret_hash, kind, workspace_id, label, account_id, scopes) VALUES ($1, $2, 'personal', $3, 'test', $4, $5)", [
        token.id,
        token.secretHash,
        workspace,
        account,
        scopes ?? null,
      ]);
      return token.text;
    },
    async ask(token, method, path, body, headers = {}) {
      const response = await fetch(`${plane.httpUrl}${path}`, {
        method,
        headers: {
          ...(token !== undefined && { authorization: `Bearer ${token}` }),
          ...(body !== undefined && { "content-type": "application/json" }),
          ...headers,
        },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      });
      const text = await response.text();
      const isJson = /^application\/(problem\+)?json/.test(response.headers.get("content-type") ?? "") && text !== "";
      const parsed: unknown = isJson ? JSON.parse(text) : undefined;
      return { status: response.status, text, etag: response.headers.get("etag") ?? undefined, body: parsed };
    },
    async close() {
      await pool.end();
      await plane.stop("test");
      await database.drop();
      rmSync(stateDir, { recursive: true, force: true });
    },
  };
  return world;
}
