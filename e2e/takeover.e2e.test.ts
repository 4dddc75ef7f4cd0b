import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { TcpProxy } from "../loadtests/faults/tcp-proxy.ts";
import { Cluster, metricsOf } from "./cluster-harness.ts";
import { IN_TURN, job, type Process, run, until, untilEnded, type World } from "./harness.ts";

const proxies: TcpProxy[] = [];
async function proxyTo(port: number): Promise<TcpProxy> {
  const proxy = new TcpProxy({ host: "127.0.0.1", port });
  await proxy.open();
  proxies.push(proxy);
  return proxy;
}
afterAll(async () => {
  for (const proxy of proxies) await proxy.cut();
});

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
/** Starts sooner: the sandbox is not what is tested. */
const BARE = { MILLRACE_AGENT_SANDBOX: "off" };
const printing = (lines: number): Record<string, unknown> => ({
  code: { language: "bash", content: `for i in $(seq 1 ${lines}); do echo $i; sleep 0.2; done; echo '"through"'` },
});
const logOf = async (of: World, id: string): Promise<string> => (await of.api<string>("GET", `/jobs/${id}/logs`)).body;

// Two clusters side by side, each with tests that come one after the other: they wait most of their time, for leases.
describe.concurrent("a replica that dies", () => {
  let cluster: Cluster;
  let owner: World;
  let other: World;
  let balancer: TcpProxy;
  let roaming: Process;
  beforeAll(async () => {
    cluster = await Cluster.create();
    await Promise.all([cluster.start("a"), cluster.start("b")]);
    await cluster.balanced();
    [owner, other] = await ownerOfMain(cluster);
    // What stands before the replicas in production: it sends the agent to whoever lives.
    balancer = await proxyTo(other.grpcPort);
    const settings = { ...BARE, MILLRACE_AGENT_TAGS: "roaming", MILLRACE_GRPC_ADDRESS: `127.0.0.1:${balancer.port}` };
    roaming = await other.startAgent("roaming", settings);
  });
  afterAll(() => cluster.close());

  async function expectUntouched(at: World, id: string, lines: number): Promise<void> {
    expect(await untilEnded(at, id)).toMatchObject({ status: "succeeded", attempt: 1, agent: "roaming" });
    const numbers = (await logOf(at, id)).split("\n").filter((line) => /^\d+$/.test(line));
    expect(numbers).toEqual(Array.from({ length: lines }, (_, line) => String(line + 1)));
    expect(readFileSync(roaming.logFile, "utf8")).not.toMatch(/fenced/);
  }

  test("was the home of an agent and not the owner of its job: the agent goes on at another one, and the result of its attempt counts", IN_TURN, async () => {
    const { id } = await run(owner, { ...printing(15), tag: "roaming" });
    await until("the job has printed something", async () => (await logOf(owner, id)).includes("2"));
    await other.server.kill("SIGKILL");
    balancer.aim(owner.grpcPort);
    await expectUntouched(owner, id, 15);
  });

  test(
    "was both: the agent outlives the take-over too; an assignment that died with it is given again to an agent that was connected to another home all the time",
    IN_TURN,
    async () => {
      await other.startServer();
      await cluster.balanced();
      [owner, other] = await ownerOfMain(cluster);
      balancer.aim(owner.grpcPort);
      await balancer.cut();
      await balancer.open();
      await other.startAgent("steady", { ...BARE, MILLRACE_AGENT_TAGS: "steady" });
      const [through, lost] = [await run(other, { ...printing(60), tag: "roaming" }), await run(other, { ...sleeper, tag: "nowhere" })];
      await until("the job has printed something", async () => (await logOf(other, through.id)).includes("2"));
      const { rows } = await cluster.pool.query<{ key: string }>("SELECT id::text AS key FROM agent WHERE name = 'steady'");
      await owner.server.kill("SIGKILL");
      balancer.aim(other.grpcPort);
      // As if the owner had died between the commit and the assignment: the row runs, and the agent has never heard of it.
      await cluster.pool.query(
        `WITH gone AS (DELETE FROM job_pending WHERE id = $1 RETURNING *)
         INSERT INTO job_running (id, workspace_id, shard, tag, language, prio, ckey, attempt, lost, token, agent_key, script_id, timeout_ms, claimed_at)
         SELECT id, workspace_id, shard, 'steady', language, prio, 0, 1, 0, 64 + shard, $2, script_id, timeout_ms, now() FROM gone`,
        [lost.id, rows[0]?.key],
      );
      await expectUntouched(other, through.id, 60);
      await until("it was given again", async () => (await job(other, lost.id)).attempt === 2);
      expect(await job(other, lost.id)).toMatchObject({ status: "running", agent: "steady" });
    },
  );
});

describe.concurrent("a replica that is cut off", () => {
  /** All times but the lease's are shorter: the replica lets its agents go 9 s after its last renewal. */
  const env = { MILLRACE_KEEPALIVE_MS: "500", MILLRACE_SUSPECT_MS: "2000", MILLRACE_SELF_FENCE_MS: "3000", MILLRACE_RECLAIM_MS: "7000" };
  let cluster: Cluster;
  /** Each replica is known to the other by the address of a proxy, and knows Postgres by the address of another one. */
  let links: TcpProxy[];
  const postgres = new Map<World, TcpProxy>();
  let owner: World;
  let home: World;
  let far: Process;
  let near: Process;
  let id: string;
  beforeAll(async () => {
    cluster = await Cluster.create();
    links = [await proxyTo(1), await proxyTo(1)];
    for (const [at, name] of ["a", "b"].entries()) {
      const line = await proxyTo(Number(new URL(cluster.database.url).port));
      const through = new URL(cluster.database.url);
      through.search = "";
      through.hostname = "127.0.0.1";
      through.port = String(line.port);
      const peer = `127.0.0.1:${links[at]?.port}`;
      const replica = await cluster.start(name, { env: { ...env, MILLRACE_PEER_ADDRESS: peer }, databaseUrl: through.href });
      // Where it leads is known when the replica has its port.
      links[at]?.aim(replica.grpcPort);
      postgres.set(replica, line);
    }
    await cluster.balanced();
    [owner, home] = await ownerOfMain(cluster);
    far = await home.startAgent("far", BARE);
    id = (await run(home, sleeper)).id;
  });
  afterAll(() => cluster.close());

  async function claimedAt(): Promise<number | undefined> {
    const select = "SELECT (extract(epoch FROM claimed_at) * 1000)::float8 AS ms FROM job_running WHERE id = $1";
    return (await cluster.pool.query<{ ms: number }>(select, [id])).rows[0]?.ms;
  }

  test("from the owner alone kills what its agents run before the owner gives it away; a short break does no harm", IN_TURN, async () => {
    await until("the job runs", async () => (await job(home, id)).status === "running");
    for (const link of links) link.freeze();
    await new Promise((resolve) => setTimeout(resolve, 1500));
    for (const link of links) await link.open();
    expect((await run(home, { code: { language: "noop", content: "" }, tag: "default" })).status).toBe("queued");
    await cluster.balanced();
    expect(await job(owner, id)).toMatchObject({ status: "running", attempt: 1 });
    for (const link of links) link.freeze();
    near = await owner.startAgent("near", { ...BARE, MILLRACE_AGENT_RUNTIMES: "noop" });
    await until("the job was given to another agent", async () => (await job(owner, id)).attempt === 2);
    const fencedAt = toldAt(far, /has not been heard|no longer/) ?? toldAt(far, /fenced|took it back/);
    expect(toldAt(home.server, /attempt\.fenced/)).toBeLessThan((await claimedAt()) ?? 0);
    expect(fencedAt).toBeLessThan((await claimedAt()) ?? 0);
    // Both were alive all the time: nobody's shards were taken over, and all is well when the link is back.
    for (const link of links) await link.open();
    await cluster.balanced();
    expect(await job(home, id)).toMatchObject({ status: "running", attempt: 2, agent: "near" });
  });

  test("from Postgres sends its agents away before another one gives their jobs away", IN_TURN, async () => {
    postgres.get(owner)?.freeze();
    await until("the other one has all shards", async () => (await metricsOf(home))["millrace_shards_owned"] === 64);
    await until("the job was given to another agent", async () => (await job(home, id)).attempt === 3);
    expect(toldAt(near, /fenced/)).toBeLessThan((await claimedAt()) ?? 0);
    expect(await job(home, id)).toMatchObject({ status: "running", agent: "far" });
  });
});
