import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { TcpProxy } from "../loadtests/faults/tcp-proxy.ts";
import { createWorldDatabase, openWorld, until } from "./harness.ts";
import { checkHistory, Load } from "./history.ts";

const worker = { MILLRACE_AGENT_SANDBOX: "off", MILLRACE_AGENT_RUNTIMES: "noop", MILLRACE_AGENT_SLOTS: "50" };
const noop = { path: "f/load/noop", language: "noop", content: "" };
/** A tenth of the times of production. */
const shortLeases = { MILLRACE_KEEPALIVE_MS: "300", MILLRACE_SUSPECT_MS: "1000", MILLRACE_SELF_FENCE_MS: "2000", MILLRACE_RECLAIM_MS: "3000" };

// Side by side: each has a world of its own and waits most of its time.
describe.concurrent("faults under load", () => {
  test("an owner that is stopped beyond its lease: the standby takes over; back again, it spoils nothing", async (context) => {
    const database = await createWorldDatabase();
    context.onTestFinished(() => database.drop());
    const { url } = database;
    const first = await openWorld(context, { databaseUrl: url, env: { MILLRACE_REPLICA_NAME: "first", ...shortLeases } });
    await first.startAgent("of-the-first", worker);
    await first.api("POST", "/scripts", noop);
    const load = new Load(first, { callers: 2 });
    await load.more(200);
    const second = await openWorld(context, { databaseUrl: url, env: { MILLRACE_REPLICA_NAME: "second", ...shortLeases }, standby: true });
    first.server.child.kill("SIGSTOP");
    await until("the standby has taken over", async () => (await fetch(`http://127.0.0.1:${second.httpPort}/readyz`)).status === 200);
    await second.startAgent("of-the-second", worker);
    // Its callers still wait for answers: what it says now must be true.
    first.server.child.kill("SIGCONT");
    await until("the first one knows", async () => readFileSync(first.server.logFile, "utf8").includes("lease.lost"));
    await load.stop();
    expect(load.acknowledged.length).toBeGreaterThan(200);
    expect(await checkHistory(url, { acknowledged: load.acknowledged })).toEqual([]);
  });

  test("the way between agent and control plane is reset again and again: every acknowledged job ends once", async (context) => {
    const world = await openWorld(context);
    const proxy = new TcpProxy({ host: "127.0.0.1", port: world.grpcPort });
    context.onTestFinished(() => proxy.cut());
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
