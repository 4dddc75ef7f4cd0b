// A whole control plane in this process, on a database of its own and without agents: jobs stay where they are. For tests of what people do with the API.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type pg from "pg";
import { asWorkspaceId, type WorkspaceId } from "../kernel/ids.ts";
import { createTestDatabase, openTestPool } from "./db/test-database.ts";
import { generateToken } from "./identity/token-format.ts";
import { insertToken } from "./identity/token-store.ts";
import { type ControlPlane, startControlPlane } from "./main.ts";

export interface Answer<T> {
  readonly status: number;
  readonly headers: Headers;
  readonly body: T;
}

type Ask = <T>(method: string, path: string, body?: unknown, headers?: Record<string, string>) => Promise<Answer<T>>;

/** A workspace with a token of its own. */
export interface Tenant {
  readonly id: WorkspaceId;
  readonly token: string;
  /** With its own token, paths below the workspace. */
  readonly api: Ask;
  /** With the administrator's token. */
  readonly admin: Ask;
}

export interface ServedPlane {
  readonly server: ControlPlane;
  readonly databaseUrl: string;
  readonly pool: pg.Pool;
  /** For files. */
  readonly folder: string;
  /** What the server has said about errors of its own. */
  readonly errors: Record<string, unknown>[];
  ask<T>(token: string, workspace: string, ...request: Parameters<Ask>): Promise<Answer<T>>;
  makeTenant(name: string): Promise<Tenant>;
  makeToken(workspace: WorkspaceId, label: string): Promise<string>;
  close(): Promise<void>;
}

export async function openServedPlane(env: NodeJS.ProcessEnv = {}): Promise<ServedPlane> {
  const database = await createTestDatabase();
  const pool = openTestPool(database.url);
  const folder = mkdtempSync(join(tmpdir(), "millrace-served-"));
  const errors: Record<string, unknown>[] = [];
  const quiet = (): void => undefined;
  const server = await startControlPlane(
    {
      MILLRACE_DATABASE_URL: database.url,
      MILLRACE_STATE_DIR: folder,
      MILLRACE_HTTP_PORT: "0",
      MILLRACE_GRPC_PORT: "0",
      MILLRACE_REPLICA_NAME: "served",
      // All tests ask from one address.
      MILLRACE_RATE_ANONYMOUS_PER_S: "0",
      ...env,
    },
    { log: { debug: quiet, info: quiet, warn: quiet, error: (fields) => void errors.push(fields) } },
  );
  const ask = async <T>(token: string, workspace: string, ...[method, path, body, headers = {}]: Parameters<Ask>): Promise<Answer<T>> => {
    const response = await fetch(`${server.httpUrl}/api/v1/w/${workspace}${path}`, {
      method,
      headers: { authorization: `Bearer ${token}`, ...(body !== undefined && { "content-type": "application/json" }), ...headers },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    const isJson = /^application\/(problem\+)?json/.test(response.headers.get("content-type") ?? "");
    return { status: response.status, headers: response.headers, body: (isJson ? JSON.parse(text) : text) as T };
  };
  const makeToken = async (workspace: WorkspaceId, label: string): Promise<string> => {
    const token = generateToken("workspace");
    await insertToken(pool, token, workspace, label);
    return token.text;
  };
  return {
    server,
    databaseUrl: database.url,
    pool,
    folder,
    errors,
    ask,
    makeToken,
    async makeTenant(name) {
      const { rows } = await pool.query<{ id: string }>("INSERT INTO workspace (name) VALUES ($1) RETURNING id::text", [name]);
      const id = asWorkspaceId(rows[0]?.id ?? "");
      const token = await makeToken(id, `token of ${name}`);
      return { id, token, api: (...request) => ask(token, name, ...request), admin: (...request) => ask(server.credentials.admin_token, name, ...request) };
    },
    async close() {
      await server.stop("test");
      await pool.end();
      await database.drop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
