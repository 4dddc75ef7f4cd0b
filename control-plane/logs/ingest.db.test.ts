import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { asAgentKey, asSessionId, asToken, createJobIdGenerator } from "../../kernel/ids.ts";
import { LogChunk } from "../../proto/gen/millrace/agent/v1/job.ts";
import { createTestDatabase, openTestPool, type TestDatabase } from "../db/test-database.ts";
import { LogIngest, type LogSource } from "./ingest.ts";
import { LiveLogs } from "./live-logs.ts";

let database: TestDatabase;
let pool: pg.Pool;
let blocker: pg.Client;

beforeAll(async () => {
  database = await createTestDatabase();
  const url = new URL(database.url);
  url.searchParams.set("options", "-c lock_timeout=20ms");
  pool = openTestPool(url.href);
  blocker = new pg.Client({ connectionString: database.url });
  await blocker.connect();
});

afterAll(async () => {
  await blocker.end();
  await pool.end();
  await database.drop();
});

const newId = createJobIdGenerator(() => Date.now());

/** Takes one chunk of an attempt that nobody knows while Postgres does not answer. */
async function takeWhileBlocked(source: Pick<LogSource, "hasEnded">): Promise<{ taken: Promise<void>; dropped: string[] }> {
  const dropped: string[] = [];
  const listener: LogSource = {
    agent: asAgentKey("1"),
    session: asSessionId("1"),
    get hasEnded() {
      return source.hasEnded;
    },
    acknowledge: (id) => void dropped.push(id),
  };
  const failed = Promise.withResolvers<void>();
  const log = { debug: () => undefined, info: () => undefined, warn: () => failed.resolve(), error: () => undefined };
  const ingest = new LogIngest({ pool, live: new LiveLogs(), log, running: () => undefined, onWritten: () => undefined });
  await blocker.query("BEGIN");
  await blocker.query("LOCK TABLE job_running IN ACCESS EXCLUSIVE MODE");
  const taken = ingest.accept(listener, [{ id: newId(), token: asToken("7"), chunk: LogChunk.create() }]);
  await failed.promise;
  return { taken, dropped };
}

test("chunks of an unknown attempt wait until Postgres answers whose they are; the stream goes on", async () => {
  const { taken, dropped } = await takeWhileBlocked({ hasEnded: false });
  expect(dropped).toEqual([]);
  await blocker.query("COMMIT");
  await taken;
  expect(dropped).toHaveLength(1);
});

test("they are left to the next session when theirs ends meanwhile", async () => {
  const source = { hasEnded: false };
  const { taken, dropped } = await takeWhileBlocked(source);
  source.hasEnded = true;
  await taken;
  await blocker.query("COMMIT");
  expect(dropped).toEqual([]);
});
