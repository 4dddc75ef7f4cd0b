import { expect, test } from "vitest";
import { Cluster, endsOf, Load, metricsOf, slowest } from "./cluster-harness.ts";
import { until } from "./harness.ts";

const noopAgent = { MILLRACE_AGENT_SANDBOX: "off", MILLRACE_AGENT_RUNTIMES: "noop", MILLRACE_AGENT_SLOTS: "8" };

async function workspacesOf(cluster: Cluster, name: string): Promise<string[]> {
  const shards = await cluster.shardsOf(name);
  return [...cluster.workspaces].flatMap(([workspace, shard]) => (shards.includes(shard) ? [workspace] : []));
}

test("kill -9 of a replica under load: its shards dispatch again within 12 s, every accepted job ends once", async (context) => {
  const cluster = await Cluster.open(context);
  const [a, b] = await Promise.all([cluster.start("a"), cluster.start("b")]);
  await cluster.balanced();
  await cluster.makeWorkspaces(8);
  const ofB = await workspacesOf(cluster, "b");
  expect(ofB.length).toBeGreaterThan(0);
  await a.startAgent("worker", noopAgent);
  const loads = new Map([...cluster.workspaces.keys()].map((workspace) => [workspace, new Load(a, workspace, 15)]));
  await until("jobs are accepted everywhere", async () => [...loads.values()].every((load) => load.accepted.length > 20));
  const killedAt = performance.now();
  const before = new Map(ofB.map((workspace) => [workspace, loads.get(workspace)?.accepted.length ?? 0]));
  await b.server.kill("SIGKILL");
  await until(
    "the shards of the dead one take jobs again",
    async () => ofB.every((workspace) => (loads.get(workspace)?.accepted.length ?? 0) > (before.get(workspace) ?? 0) + 5),
    20_000,
  );
  const backMs = performance.now() - killedAt;
  for (const load of loads.values()) await load.stop();
  const accepted = [...loads.values()].flatMap((load) => load.accepted);
  expect(await endsOf(cluster.pool, accepted)).toEqual({ count: accepted.length, notSucceeded: 0, waiting: 0 });
  process.stdout.write(`take-over after kill -9: ${Math.round(backMs)} ms; ${accepted.length} jobs\n`);
  expect(backMs).toBeLessThan(12_000);
  expect((await metricsOf(a))["millrace_shards_owned"]).toBe(64);
});

test("planned hand-overs, when a replica joins and when one ends, stall the jobs of a shard for less than 300 ms", async (context) => {
  const cluster = await Cluster.open(context);
  const a = await cluster.start("a");
  await cluster.makeWorkspaces(8);
  await a.startAgent("worker", noopAgent);
  const loads = [...cluster.workspaces.keys()].map((workspace) => new Load(a, workspace, 10));
  await until("jobs are accepted everywhere", async () => loads.every((load) => load.accepted.length > 20));
  const b = await cluster.start("b");
  await cluster.balanced();
  const moved = await workspacesOf(cluster, "b");
  expect(moved.length).toBeGreaterThan(0);
  const [names, counts] = [[...cluster.workspaces.keys()], loads.map((load) => load.accepted.length)];
  await until("jobs go on", async () => loads.every((load, at) => load.accepted.length > (counts[at] ?? 0) + 20));
  await b.server.kill("SIGTERM");
  expect(b.server.child.exitCode).toBe(0);
  await cluster.balanced([a]);
  for (const load of loads) await load.stop();
  const accepted = loads.flatMap((load) => load.accepted);
  expect(await endsOf(cluster.pool, accepted)).toEqual({ count: accepted.length, notSucceeded: 0, waiting: 0 });
  // Beside those that moved there are some that did not: what they took is the noise of this machine.
  const times = await Promise.all(loads.map((load) => slowest(cluster.pool, load.accepted)));
  const worst = (those: boolean): number => Math.max(0, ...times.filter((_, at) => moved.includes(names[at] ?? "") === those));
  process.stdout.write(`slowest job: ${Math.round(worst(true))} ms where shards moved, ${Math.round(worst(false))} ms beside; ${accepted.length} jobs\n`);
  expect(worst(true) - worst(false)).toBeLessThan(300);
  expect(loads.map((load) => load.refused)).toEqual(loads.map(() => 0));
});
