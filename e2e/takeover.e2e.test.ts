import { readFileSync } from "node:fs";
import pg from "pg";
import { afterEach, expect, test } from "vitest";
import { createTestDatabase, type TestDatabase } from "../control-plane/db/test-database.ts";
import { TcpProxy } from "../loadtests/faults/tcp-proxy.ts";
import { job, run, startWorld, until, type World } from "./harness.ts";

const worlds: World[] = [];
let database: TestDatabase | undefined;
let proxy: TcpProxy | undefined;
afterEach(async () => {
  for (const world of worlds.splice(0)) await world.close();
  await proxy?.cut();
  await database?.drop();
});

/** The lease is extended by ten seconds each time: that tells when it was last renewed. */
async function renewedAfterPresence(url: string): Promise<boolean> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const { rowCount } = await client.query(
      "SELECT 1 FROM replica_lease l, replica_presence p WHERE p.name = 'second' AND l.name = 'first' AND l.expires_at - interval '10 s' > p.seen_at",
    );
    // The row shows the latest sight of the standby: an owner that renews every two seconds is after it at some moment of each round.
    return rowCount === 1;
  } finally {
    await client.end();
  }
}

test("an owner that is cut off from Postgres lets its agents go before the standby gives their jobs away", async () => {
  database = await createTestDatabase();
  const { url } = database;
  proxy = new TcpProxy({ host: "127.0.0.1", port: Number(new URL(database.url).port) });
  await proxy.open();
  const through = new URL(database.url);
  through.search = "";
  through.hostname = "127.0.0.1";
  through.port = String(proxy.port);
  const first = await startWorld({ databaseUrl: through.href, env: { MILLRACE_REPLICA_NAME: "first" } });
  worlds.push(first);
  const agent = await first.startAgent("of-the-first");
  const { id } = await run(first, { code: { language: "bash", content: "sleep 300" } });
  await until("the job runs", async () => (await job(first, id)).status === "running");
  const second = await startWorld({ databaseUrl: database.url, env: { MILLRACE_REPLICA_NAME: "second" }, standby: true });
  worlds.push(second);
  await until("the owner has renewed its lease after the standby showed up", () => renewedAfterPresence(url), 20_000);
  proxy.freeze();
  await until("the standby has taken over", async () => (await fetch(`http://127.0.0.1:${second.httpPort}/readyz`)).status === 200, 40_000);
  await second.startAgent("of-the-second");
  await until("the standby gave the job to its own agent", async () => (await job(second, id)).attempt === 2, 60_000);
  // By then the first agent has killed its copy, although its stream to the first replica is in order.
  expect(readFileSync(agent.logFile, "utf8")).toMatch(/fence/);
  expect(await job(second, id)).toMatchObject({ status: "running", agent: "of-the-second" });
}, 150_000);
