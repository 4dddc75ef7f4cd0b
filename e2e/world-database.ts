// Vitest runs this before tests of whole systems: the database that each world gets a copy of has what every first start makes, partitions and the
// tables of pg-boss. That is hundreds of statements; `once.e2e.test.ts` begins without them.
import { randomBytes } from "node:crypto";
import { Pool } from "pg";
import { PgBoss } from "pg-boss";
import type { TestProject } from "vitest/node";
import { runOnServer, type TestServer, withDatabase } from "../control-plane/db/test-database.ts";
import { makePartitions } from "../control-plane/housekeeping/partition-store.ts";

declare module "vitest" {
  interface ProvidedContext {
    /** Name of a database to copy. */
    worldDatabase: string;
  }
}

/** Provides `worldDatabase` to the tests of a project. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const { testServer } = project.getProvidedContext();
  const name = await make(testServer);
  project.provide("worldDatabase", name);
  return () =>
    runOnServer(testServer.url, `alter database ${name} with is_template false`, `drop database if exists ${name} with (force)`).catch(() => undefined);
}

async function make({ url, template }: TestServer): Promise<string> {
  const name = `millrace_world_${randomBytes(6).toString("hex")}`;
  await runOnServer(url, `create database ${name} template ${template}`);
  const connectionString = withDatabase(url, name);
  const pool = new Pool({ connectionString, max: 1 });
  await makePartitions(pool, Date.now());
  await pool.end();
  const boss = new PgBoss({ connectionString, schema: "boss" });
  await boss.start();
  await boss.stop({ graceful: false });
  // Nobody may connect to it: a copy fails while somebody does.
  await runOnServer(url, `alter database ${name} with is_template true allow_connections false`);
  return name;
}
