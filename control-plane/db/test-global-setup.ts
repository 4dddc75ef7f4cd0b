// Vitest runs this once for each project that names it: the server is shared by all of them and ends with the last one.
import { randomBytes } from "node:crypto";
import type { TestProject } from "vitest/node";
import { startEmbeddedPostgres } from "./embedded.ts";
import { migrate } from "./migrate.ts";
import { runOnServer, type TestServer, withDatabase } from "./test-database.ts";

interface RunningServer {
  readonly server: TestServer;
  stop(): Promise<void>;
}

interface Shared {
  users: number;
  running: Promise<RunningServer> | undefined;
}

// Each project loads its own copy of this module, so the state hangs on the process.
const KEY = Symbol.for("millrace.test-server");
const holder: typeof globalThis & { [KEY]?: Shared } = globalThis;
holder[KEY] ??= { users: 0, running: undefined };
const shared: Shared = holder[KEY];

/** Provides `testServer` to the tests of a project. MILLRACE_TEST_DATABASE_URL names an outside server to use instead of our own. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  shared.users += 1;
  shared.running ??= start();
  project.provide("testServer", (await shared.running).server);
  return async () => {
    shared.users -= 1;
    if (shared.users === 0 && shared.running !== undefined) await (await shared.running).stop();
  };
}

async function start(): Promise<RunningServer> {
  const outside = process.env["MILLRACE_TEST_DATABASE_URL"];
  if (outside !== undefined && outside !== "") return useServer(outside, async () => undefined);
  const silent = { info: () => undefined, warn: console.warn, error: console.error };
  const postgres = await startEmbeddedPostgres({ log: silent, test: true });
  try {
    return await useServer(postgres.url, () => postgres.stop());
  } catch (error) {
    await postgres.stop();
    throw error;
  }
}

async function useServer(url: string, stopServer: () => Promise<void>): Promise<RunningServer> {
  const template = `millrace_template_${randomBytes(6).toString("hex")}`;
  await runOnServer(url, `create database ${template} template template0`);
  const drop = (): Promise<void> => runOnServer(url, `alter database ${template} with is_template false`, `drop database if exists ${template} with (force)`);
  try {
    await migrate(withDatabase(url, template));
    // Nobody may connect to it: a copy fails while somebody does.
    await runOnServer(url, `alter database ${template} with is_template true allow_connections false`);
  } catch (error) {
    await drop();
    throw error;
  }
  return {
    server: { url, template },
    stop: async () => {
      await drop();
      await stopServer();
    },
  };
}
