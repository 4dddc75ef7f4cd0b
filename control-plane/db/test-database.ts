import { randomBytes } from "node:crypto";
import { Client, Pool } from "pg";
import { inject } from "vitest";

/** The server that vitest's global set-up started (`test-global-setup.ts`). */
export interface TestServer {
  /** Address of a database on it, as a user who may create databases. */
  readonly url: string;
  /** A migrated database to copy. */
  readonly template: string;
}

declare module "vitest" {
  interface ProvidedContext {
    testServer: TestServer;
  }
}

export interface TestDatabase {
  readonly url: string;
  /** Drops it, also when connections are open; idempotent. */
  drop(): Promise<void>;
}

/**
 * A fresh database with the whole schema, for one test file (a copy takes about 50 ms: inside a file, use own workspaces).
 * @param template another one to copy
 */
export async function createTestDatabase(template = inject("testServer").template): Promise<TestDatabase> {
  return cloneDatabase(inject("testServer"), template);
}

/** An empty database, for tests that bring their own schema. */
export async function createEmptyTestDatabase(): Promise<TestDatabase> {
  return cloneDatabase(inject("testServer"), "template0");
}

async function cloneDatabase(server: TestServer, template: string): Promise<TestDatabase> {
  const name = `millrace_test_${randomBytes(6).toString("hex")}`;
  await runOnServer(server.url, `create database ${name} template ${template}`);
  return {
    url: withDatabase(server.url, name),
    drop: () => runOnServer(server.url, `drop database if exists ${name} with (force)`),
  };
}

/** A small pool on a test database. Its connections may be killed by a test, or by the drop, without ending the process. */
export function openTestPool(url: string): Pool {
  const pool = new Pool({ connectionString: url, max: 4 });
  pool.on("error", () => undefined);
  pool.on("connect", (client) => client.on("error", () => undefined));
  return pool;
}

/** The same server, another database. */
export function withDatabase(url: string, name: string): string {
  const changed = new URL(url);
  changed.pathname = `/${name}`;
  return changed.href;
}

/** Runs statements one by one on a connection of its own. */
export async function runOnServer(url: string, ...statements: string[]): Promise<void> {
  const client = new Client({ connectionString: url });
  client.on("error", () => {
    // The query reports it; without a listener it would end the process.
  });
  await client.connect();
  try {
    for (const statement of statements) await client.query(statement);
  } finally {
    await client.end();
  }
}
