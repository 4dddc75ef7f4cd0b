import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server } from "node:net";
import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { asAgentKey, asToken, asWorkspaceId, createJobIdGenerator } from "../../kernel/ids.ts";
import { createTestDatabase, openTestPool, type TestDatabase } from "../db/test-database.ts";
import { makePartitions } from "../housekeeping/partition-store.ts";
import { joinCluster } from "../scheduler/lease-store.ts";
import { testJob } from "../scheduler/testing/core-world.ts";
import { FlushConnection } from "./flush-store.ts";
import { type FlushOperation, laneOf, shardOf } from "./model.ts";

let database: TestDatabase;
let pool: pg.Pool;
let between: Server;
/** Said instead of the next answer, before the connection is closed. */
let lastWords: string | undefined;

beforeAll(async () => {
  database = await createTestDatabase();
  pool = openTestPool(database.url);
  await makePartitions(pool, Date.now());
  const { host, port } = new pg.Client(database.url);
  between = createServer((inner) => {
    const outer = host.startsWith("/") ? connect(`${host}/.s.PGSQL.${port}`) : connect(port, host);
    inner.on("data", (data) => outer.write(data)).on("close", () => outer.destroy());
    outer.on("close", () => inner.destroy());
    outer.on("data", (data) => {
      if (lastWords === undefined) inner.write(data);
      else inner.end(errorResponse(lastWords));
      lastWords = undefined;
    });
    for (const socket of [inner, outer]) socket.on("error", () => undefined);
  });
  await once(between.listen(0, "127.0.0.1"), "listening");
});

afterAll(async () => {
  between.close();
  await pool.end();
  await database.drop();
});

/** As Postgres writes it (Frontend/Backend Protocol, "ErrorResponse"). */
function errorResponse(severity: string): Buffer {
  const fields = Buffer.from(`S${severity}\0V${severity}\0C58030\0Mcould not fdatasync file\0\0`);
  const head = Buffer.from([0x45, 0, 0, 0, 0]);
  head.writeInt32BE(fields.length + 4, 1);
  return Buffer.concat([head, fields]);
}

test("a flush that was written is not written again, whatever the last words of its backend were", async () => {
  const through = new URL(database.url);
  through.searchParams.delete("host");
  through.hostname = "127.0.0.1";
  through.port = String((between.address() as AddressInfo).port);
  const retries: unknown[] = [];
  const lease = await joinCluster(pool, { name: "test", address: "", version: "" });
  const connection = new FlushConnection(through.href, lease, 0, { warn: ({ event, error }) => void retries.push([event, error]) });
  await connection.open();
  const newId = createJobIdGenerator(() => Date.now());
  const shard = shardOf(asWorkspaceId("1"));
  for (const [at, words] of ["PANIC", "FATAL", "SCHWERWIEGEND"].entries()) {
    const job = testJob("1", { id: newId(), shard });
    const payload = { kind: "inline", scriptHash: undefined, code: "", argsJson: "{}", createdBy: "test" } as const;
    const insert: FlushOperation = { kind: "insert", job, payload, direct: { token: asToken(String(at + 1)), agent: asAgentKey("1") } };
    lastWords = words;
    expect(await connection.run(laneOf(shard), [insert]), words).toEqual({ kind: "committed", gone: new Set() });
    expect(retries.splice(0)[0], words).toEqual(["flush.retry", "could not fdatasync file"]);
    const { rowCount } = await pool.query("SELECT FROM job_running WHERE id = $1", [job.id]);
    expect(rowCount, words).toBe(1);
  }
  await connection.close();
});
