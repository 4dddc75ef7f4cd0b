import { readFileSync } from "node:fs";
import { credentials, type ServiceError } from "@grpc/grpc-js";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { JobView, JobWithResult } from "../control-plane/jobs/contract.ts";
import { proofOf } from "../control-plane/peer/peer-auth.ts";
import { emptyHomeFrame } from "../control-plane/peer/peer-codec.ts";
import { readClusterSecret } from "../control-plane/scheduler/lease-store.ts";
import { type OwnerFrame, type PeerHello, PeerLinkClient } from "../proto/gen/millrace/peer/v1/peer.ts";
import { ask, Cluster, endsOf, Load, metricsOf, noop } from "./cluster-harness.ts";
import { IN_TURN, until, type World } from "./harness.ts";

const noopAgent = { MILLRACE_AGENT_SANDBOX: "off", MILLRACE_AGENT_RUNTIMES: "noop" };

async function workspacesOf(cluster: Cluster, name: string): Promise<string[]> {
  const shards = await cluster.shardsOf(name);
  return [...cluster.workspaces].flatMap(([workspace, shard]) => (shards.includes(shard) ? [workspace] : []));
}

/** What is said of a followed log as it is said. */
async function follow(replica: World, workspace: string, id: string): Promise<{ text: () => string; stop: () => void }> {
  const gone = new AbortController();
  const response = await fetch(`http://127.0.0.1:${replica.httpPort}/api/v1/w/${workspace}/jobs/${id}/logs?follow=true`, {
    headers: { authorization: `Bearer ${replica.credentials.admin_token}` },
    signal: gone.signal,
  });
  let text = "";
  const decoder = new TextDecoder();
  const reading = (async () => {
    for await (const part of response.body ?? []) text += decoder.decode(part as Uint8Array, { stream: true });
  })().catch(() => undefined);
  return {
    text: () => text,
    stop: () => {
      gone.abort();
      void reading;
    },
  };
}

// These share their replicas and come one after the other; beside them runs the last one, which waits most of its time.
describe.concurrent("two servers on one database", () => {
  let cluster: Cluster;
  let a: World;
  let b: World;
  beforeAll(async () => {
    cluster = await Cluster.create();
    [a, b] = await Promise.all([cluster.start("a"), cluster.start("b")]);
    await cluster.balanced();
    await cluster.makeWorkspaces(10);
    // One agent with one slot, at one home, for the owners of both.
    await a.startAgent("only", { ...noopAgent, MILLRACE_AGENT_SLOTS: "1" });
  });
  afterAll(() => cluster.close());

  test("take nobody for a peer who cannot prove that it reads the same database", IN_TURN, async () => {
    const { rows } = await cluster.pool.query<{ id: string; epoch: string }>("SELECT replica_id::text AS id, epoch::text FROM replica_lease WHERE name = 'a'");
    const to = { replicaId: rows[0]?.id ?? "", epoch: Number(rows[0]?.epoch) };
    const from = { replicaId: "99", epoch: 99 };
    const secret = await readClusterSecret(cluster.pool);
    const answer = async (hello: Partial<PeerHello>): Promise<{ code: number | undefined; welcome: boolean }> => {
      const client = new PeerLinkClient(`127.0.0.1:${a.grpcPort}`, credentials.createInsecure());
      const stream = client.link();
      const result = new Promise<{ code: number | undefined; welcome: boolean }>((resolve) => {
        stream.on("data", (frame: OwnerFrame) => resolve({ code: undefined, welcome: frame.welcome !== undefined }));
        stream.on("error", (error: ServiceError) => resolve({ code: error.code, welcome: false }));
      });
      stream.write({ ...emptyHomeFrame(), hello: { ...from, protocolVersion: 1, proof: Buffer.alloc(32), version: "test", ...hello } });
      const { code, welcome } = await result;
      stream.cancel();
      client.close();
      return { code, welcome };
    };
    expect(await answer({})).toEqual({ code: 16, welcome: false });
    expect(await answer({ proof: proofOf(secret, "home", from, { ...to, epoch: to.epoch + 1 }) })).toEqual({ code: 16, welcome: false });
    expect(await answer({ proof: proofOf(secret, "home", from, to), protocolVersion: 99 })).toEqual({ code: 9, welcome: false });
    expect(await answer({ proof: proofOf(secret, "home", from, to) })).toEqual({ code: undefined, welcome: true });
  });

  test("share the shards; any of them takes jobs for any workspace, and any agent runs them", IN_TURN, async () => {
    expect((await workspacesOf(cluster, "a")).length).toBeGreaterThan(0);
    expect((await workspacesOf(cluster, "b")).length).toBeGreaterThan(0);
    for (const replica of [a, b]) {
      const ended = await Promise.all(
        [...cluster.workspaces.keys()].map((workspace) =>
          ask<JobWithResult>(replica, workspace, "POST", "/jobs?wait=20", { ...noop, args: { value: workspace } }),
        ),
      );
      expect(ended.map(({ body }) => body.result)).toEqual([...cluster.workspaces.keys()]);
    }
    // Everybody names every agent.
    expect((await b.api<{ agents: { name: string }[] }>("GET", "/agents")).body.agents).toMatchObject([{ name: "only", slots: 1 }]);
    const [ofA] = await workspacesOf(cluster, "a");
    const [ofB] = await workspacesOf(cluster, "b");
    if (ofA === undefined || ofB === undefined) throw new Error("no workspaces");
    for (const [workspace, reader] of [
      [ofA, b],
      [ofB, b],
    ] as const) {
      // Followed live where neither the agent nor (for the first) the owner is.
      const code = { language: "bash", content: "echo first; while [ ! -e /nowhere ]; do sleep 0.1; done" };
      const { body: job } = await ask<JobView>(b, workspace, "POST", "/jobs", { code });
      const log = await follow(reader, workspace, job.id);
      await until("the line is seen while the job runs", async () => log.text().includes("first"));
      const waiting = (await ask<JobView>(reader, workspace, "POST", "/jobs", noop)).body;
      await until("the other job says why it waits", async () => {
        const { body } = await ask<JobView>(reader, workspace, "GET", `/jobs/${waiting.id}`);
        return body.wait_reason !== undefined;
      });
      expect((await ask(reader, workspace, "POST", `/jobs/${job.id}/cancel`, {})).status).toBe(202);
      await until("the end is told to the reader", async () => log.text().includes("event: end"));
      log.stop();
      expect((await ask<JobView>(reader, workspace, "GET", `/jobs/${job.id}`)).body.status).toBe("cancelled");
      await until("the waiting one ran", async () => (await ask<JobView>(a, workspace, "GET", `/jobs/${waiting.id}`)).body.status === "succeeded");
    }
  });

  test("give keys, delays, retries and cancellations one meaning", IN_TURN, async () => {
    for (const [workspace] of [await workspacesOf(cluster, "a"), await workspacesOf(cluster, "b")]) {
      if (workspace === undefined) throw new Error("no workspace");
      const keyed = (replica: World, value: number): ReturnType<typeof ask<JobView>> =>
        ask<JobView>(replica, workspace, "POST", "/jobs", { ...noop, args: { value } }, "once");
      const same = await Promise.all([a, b, a, b].map((replica) => keyed(replica, 1)));
      expect(new Set(same.map(({ body }) => body.id)).size).toBe(1);
      expect(same.filter(({ status }) => status === 201)).toHaveLength(1);
      for (const replica of [a, b]) expect((await keyed(replica, 2)).status).toBe(409);

      for (const replica of [a, b]) {
        const late = await ask<JobWithResult>(replica, workspace, "POST", "/jobs?wait=30", { ...noop, args: { value: 5 }, delay_s: 0.2 });
        expect(late.body).toMatchObject({ status: "succeeded", result: 5 });
      }
      const failing = { code: { language: "bash", content: "exit 3" }, retry: { max_attempts: 2, constant: { delay_s: 0.1 } } };
      const failed = await ask<JobWithResult>(b, workspace, "POST", "/jobs?wait=20", failing);
      expect(failed.body).toMatchObject({ status: "failed", attempt: 2 });

      const far = (await ask<JobView>(b, workspace, "POST", "/jobs", { ...noop, delay_s: 3600 })).body;
      expect((await ask<JobView>(b, workspace, "POST", `/jobs/${far.id}/cancel`, {})).body.status).toBe("cancelled");
    }
  });
});

describe.concurrent("a replica", () => {
  test("that stood still beyond its lease finds its shards gone, and loses or repeats nothing", async (context) => {
    const cluster = await Cluster.open(context);
    const [a, b] = await Promise.all([cluster.start("a"), cluster.start("b")]);
    await cluster.balanced();
    await cluster.makeWorkspaces(8);
    await a.startAgent("worker", { ...noopAgent, MILLRACE_AGENT_SLOTS: "8" });
    const loads = [...cluster.workspaces.keys()].map((workspace) => new Load(a, workspace, 15));
    await until("jobs are accepted everywhere", async () => loads.every((load) => load.accepted.length > 20));
    b.server.child.kill("SIGSTOP");
    await until("the other one has all shards", async () => (await metricsOf(a))["millrace_shards_owned"] === 64);
    b.server.child.kill("SIGCONT");
    await cluster.balanced();
    const counts = loads.map((load) => load.accepted.length);
    await until("jobs are accepted everywhere", async () => loads.every((load, at) => load.accepted.length > (counts[at] ?? 0) + 10));
    for (const load of loads) await load.stop();
    const accepted = loads.flatMap((load) => load.accepted);
    expect(await endsOf(cluster.pool, accepted)).toEqual({ count: accepted.length, notSucceeded: 0, waiting: 0 });
    expect(readFileSync(b.server.logFile, "utf8")).toMatch(/lease\.lost/);
  });
});
