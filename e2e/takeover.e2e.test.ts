import { readFileSync } from "node:fs";
import { describe, expect, type TestContext, test } from "vitest";
import { TcpProxy } from "../loadtests/faults/tcp-proxy.ts";
import { Cluster, metricsOf } from "./cluster-harness.ts";
import { job, type Process, run, until, untilEnded, type World } from "./harness.ts";

/** A cluster and proxies that end with the test. */
async function openCluster({ onTestFinished }: TestContext): Promise<{ cluster: Cluster; proxyTo(port: number): Promise<TcpProxy> }> {
  const cluster = await Cluster.create();
  const proxies: TcpProxy[] = [];
  onTestFinished(async () => {
    await cluster.close();
    for (const proxy of proxies) await proxy.cut();
  });
  const proxyTo = async (port: number): Promise<TcpProxy> => {
    const proxy = new TcpProxy({ host: "127.0.0.1", port });
    await proxy.open();
    proxies.push(proxy);
    return proxy;
  };
  return { cluster, proxyTo };
}

/** Milliseconds since the epoch of the first log line with these words. */
function toldAt(process: Process, words: RegExp): number | undefined {
  const line = readFileSync(process.logFile, "utf8")
    .split("\n")
    .find((text) => words.test(text));
  return line === undefined ? undefined : new Date((JSON.parse(line) as { time: number | string }).time).getTime();
}

/** The replica that owns the shard of the first workspace, and the other one. */
async function ownerOfMain(cluster: Cluster): Promise<[World, World]> {
  const { rows } = await cluster.pool.query<{ name: string }>(
    "SELECT name FROM shard_map JOIN replica_lease USING (replica_id) WHERE shard = (SELECT ((id * 2654435761) & 4294967295) >> 26 FROM workspace WHERE name = 'main')",
  );
  const owner = cluster.named.get(rows[0]?.name ?? "");
  const other = cluster.replicas.find((replica) => replica !== owner);
  if (owner === undefined || other === undefined) throw new Error("two replicas are needed");
  return [owner, other];
}

const sleeper = { code: { language: "bash", content: "sleep 300" } };

// Side by side: each has a cluster of its own and waits most of its time, for leases.
describe.concurrent("take-over", () => {
  test("a replica that is cut off from Postgres sends its agents away before another one gives their jobs away", async (context) => {
    const { cluster, proxyTo } = await openCluster(context);
    const postgres = await proxyTo(Number(new URL(cluster.database.url).port));
    const through = new URL(cluster.database.url);
    through.search = "";
    through.hostname = "127.0.0.1";
    through.port = String(postgres.port);
    // All times but the lease's are shorter: the replica lets its agents go 5 s after its last renewal.
    const env = { MILLRACE_KEEPALIVE_MS: "500", MILLRACE_SUSPECT_MS: "2000", MILLRACE_SELF_FENCE_MS: "4000", MILLRACE_RECLAIM_MS: "6000" };
    const a = await cluster.start("a", { env, databaseUrl: through.href });
    const agent = await a.startAgent("of-a");
    const b = await cluster.start("b", { env });
    await cluster.balanced();
    const { id } = await run(a, sleeper);
    await until("the job runs", async () => (await job(a, id)).status === "running");
    postgres.freeze();
    await until("the other one has all shards", async () => (await metricsOf(b))["millrace_shards_owned"] === 64, 20_000);
    await b.startAgent("of-b");
    await until("the job was given to another agent", async () => (await job(b, id)).attempt === 2, 30_000);
    const fencedAt = toldAt(agent, /fenced/);
    const claimed = await cluster.pool.query<{ ms: number }>("SELECT (extract(epoch FROM claimed_at) * 1000)::float8 AS ms FROM job_running WHERE id = $1", [
      id,
    ]);
    expect(fencedAt).toBeLessThan(claimed.rows[0]?.ms ?? 0);
    expect(await job(b, id)).toMatchObject({ status: "running", agent: "of-b" });
  }, 90_000);

  // The owner's own agent outlives the take-over; the other one only has to move.
  test.for([
    ["owner", 60],
    ["other", 15],
  ] as const)(
    "an agent whose home dies goes on at another one, and the result of its attempt counts (%s, %i lines)",
    { timeout: 60_000 },
    async ([which, ticks], context) => {
      const { cluster, proxyTo } = await openCluster(context);
      await Promise.all([cluster.start("a"), cluster.start("b")]);
      await cluster.balanced();
      const [home, other] = which === "owner" ? await ownerOfMain(cluster) : ((await ownerOfMain(cluster)).reverse() as [World, World]);
      // What stands before the replicas in production: it sends the agent to whoever lives.
      const balancer = await proxyTo(home.grpcPort);
      const agent = await home.startAgent("roaming", { MILLRACE_GRPC_ADDRESS: `127.0.0.1:${balancer.port}` });
      const { id } = await run(other, { code: { language: "bash", content: `for i in $(seq 1 ${ticks}); do echo $i; sleep 0.2; done; echo '"through"'` } });
      await until("the job has printed something", async () => (await other.api<string>("GET", `/jobs/${id}/logs`)).body.includes("2"));
      await home.server.kill("SIGKILL");
      balancer.aim(other.grpcPort);
      const ended = await untilEnded(other, id, 30_000);
      expect(ended).toMatchObject({ status: "succeeded", attempt: 1, agent: "roaming" });
      const log = (await other.api<string>("GET", `/jobs/${id}/logs`)).body;
      expect(log.split("\n").filter((line) => /^\d+$/.test(line))).toEqual(Array.from({ length: ticks }, (_, at) => String(at + 1)));
      expect(readFileSync(agent.logFile, "utf8")).not.toMatch(/fenced/);
    },
  );

  test("an assignment that died with its owner is given again, although the agent was connected to another home all the time", async (context) => {
    const { cluster } = await openCluster(context);
    await Promise.all([cluster.start("a"), cluster.start("b")]);
    await cluster.balanced();
    const [owner, home] = await ownerOfMain(cluster);
    await home.startAgent("steady");
    // As if the owner had died between the commit and the assignment: the row runs, and the agent has never heard of it.
    const { id } = await run(owner, { ...sleeper, tag: "nowhere" });
    const { rows } = await cluster.pool.query<{ key: string }>("SELECT id::text AS key FROM agent WHERE name = 'steady'");
    await owner.server.kill("SIGKILL");
    await cluster.pool.query(
      `WITH gone AS (DELETE FROM job_pending WHERE id = $1 RETURNING *)
     INSERT INTO job_running (id, workspace_id, shard, tag, language, prio, ckey, attempt, lost, token, agent_key, script_id, timeout_ms, claimed_at)
     SELECT id, workspace_id, shard, 'default', language, prio, 0, 1, 0, 64 + shard, $2, script_id, timeout_ms, now() FROM gone`,
      [id, rows[0]?.key],
    );
    await until("it was given again", async () => (await job(home, id)).attempt === 2, 30_000);
    expect(await job(home, id)).toMatchObject({ status: "running", agent: "steady" });
  }, 60_000);

  test("when only the link between home and owner is cut, the home kills the attempt before the owner gives it away", async (context) => {
    const { cluster, proxyTo } = await openCluster(context);
    const env = { MILLRACE_KEEPALIVE_MS: "500", MILLRACE_SUSPECT_MS: "2000", MILLRACE_SELF_FENCE_MS: "4000", MILLRACE_RECLAIM_MS: "9000" };
    // Each is known to the other by the address of a proxy; where that leads is known when the replica has its port.
    const links = [await proxyTo(1), await proxyTo(1)];
    for (const [at, name] of ["a", "b"].entries()) {
      const link = links[at];
      const replica = await cluster.start(name, { env: { ...env, MILLRACE_PEER_ADDRESS: `127.0.0.1:${link?.port}` } });
      link?.aim(replica.grpcPort);
    }
    await cluster.balanced();
    const [owner, home] = await ownerOfMain(cluster);
    const agent = await home.startAgent("far");
    const { id } = await run(home, sleeper);
    await until("the job runs", async () => (await job(home, id)).status === "running");
    // A short break does no harm.
    for (const link of links) link.freeze();
    await new Promise((resolve) => setTimeout(resolve, 1500));
    for (const link of links) await link.open();
    expect((await run(home, { code: { language: "noop", content: "" }, tag: "default" })).status).toBe("queued");
    await cluster.balanced();
    expect(await job(owner, id)).toMatchObject({ status: "running", attempt: 1 });
    for (const link of links) link.freeze();
    await owner.startAgent("near", { MILLRACE_AGENT_RUNTIMES: "noop" });
    await until("the job was given to another agent", async () => (await job(owner, id)).attempt === 2, 30_000);
    const fencedAt = toldAt(agent, /has not been heard|no longer/) ?? toldAt(agent, /fenced|took it back/);
    const claimed = await cluster.pool.query<{ ms: number }>("SELECT (extract(epoch FROM claimed_at) * 1000)::float8 AS ms FROM job_running WHERE id = $1", [
      id,
    ]);
    expect(toldAt(home.server, /attempt\.fenced/)).toBeLessThan(claimed.rows[0]?.ms ?? 0);
    expect(fencedAt).toBeLessThan(claimed.rows[0]?.ms ?? 0);
    // Both were alive all the time: nobody's shards were taken over, and all is well when the link is back.
    for (const link of links) await link.open();
    await cluster.balanced();
    expect(await job(home, id)).toMatchObject({ status: "running", attempt: 2, agent: "near" });
  }, 90_000);
});
