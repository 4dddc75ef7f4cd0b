import { afterEach, describe, expect, test } from "vitest";
import { createTestDatabase, type TestDatabase } from "../control-plane/db/test-database.ts";
import { TcpProxy } from "../loadtests/faults/tcp-proxy.ts";
import { startWorld, until, type World } from "./harness.ts";
import { checkHistory, Load } from "./history.ts";

const worlds: World[] = [];
let database: TestDatabase | undefined;
let proxy: TcpProxy | undefined;
afterEach(async () => {
  for (const world of worlds.splice(0)) await world.close();
  await proxy?.cut();
  await database?.drop();
  database = proxy = undefined;
});

const worker = { MILLRACE_AGENT_RUNTIMES: "noop", MILLRACE_AGENT_SLOTS: "50" };
const noop = { path: "f/load/noop", language: "noop", content: "" };
/** A tenth of the times of production. */
const shortLeases = { MILLRACE_KEEPALIVE_MS: "300", MILLRACE_SUSPECT_MS: "1000", MILLRACE_SELF_FENCE_MS: "2000", MILLRACE_RECLAIM_MS: "3000" };

describe("processes that stand still", () => {
  test("an owner that is stopped beyond its lease under load: the standby takes over; back again, it spoils nothing", async () => {
    database = await createTestDatabase();
    const { url } = database;
    const first = await startWorld({ databaseUrl: url, env: { MILLRACE_REPLICA_NAME: "first", ...shortLeases } });
    worlds.push(first);
    await first.startAgent("of-the-first", worker);
    await first.api("POST", "/scripts", noop);
    const load = new Load(first, { callers: 2 });
    await load.more(200);
    const second = await startWorld({ databaseUrl: url, env: { MILLRACE_REPLICA_NAME: "second", ...shortLeases }, standby: true });
    worlds.push(second);
    first.server.child.kill("SIGSTOP");
    await until("the standby has taken over", async () => (await fetch(`http://127.0.0.1:${second.httpPort}/readyz`)).status === 200, 40_000);
    await second.startAgent("of-the-second", worker);
    // Its callers still wait for answers: what it says now must be true.
    first.server.child.kill("SIGCONT");
    await until("the first one knows", async () => (await fetch(`http://127.0.0.1:${first.httpPort}/readyz`)).status === 503, 20_000);
    await load.stop();
    expect(load.acknowledged.length).toBeGreaterThan(200);
    expect(await checkHistory(url, { acknowledged: load.acknowledged })).toEqual([]);
  }, 120_000);
});

describe("the way between agent and control plane", () => {
  test("reset again and again under load: every acknowledged job ends once", async () => {
    const world = await startWorld();
    worlds.push(world);
    proxy = new TcpProxy({ host: "127.0.0.1", port: world.grpcPort });
    await proxy.open();
    await world.startAgent("behind", { ...worker, MILLRACE_GRPC_ADDRESS: `127.0.0.1:${proxy.port}` });
    await world.api("POST", "/scripts", noop);
    const load = new Load(world);
    for (let round = 0; round < 8; round++) {
      await load.more(100);
      await proxy.cut();
      await proxy.open();
    }
    await load.stop();
    expect(await checkHistory(world.databaseUrl, { acknowledged: load.acknowledged })).toEqual([]);
  });
});
