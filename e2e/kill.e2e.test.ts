import { readFileSync } from "node:fs";
import { join } from "node:path";
import pg from "pg";
import { describe, expect, test } from "vitest";
import { job, openWorld, run, until, untilEnded, type World } from "./harness.ts";
import { checkHistory } from "./history.ts";

/** A Bash job that takes some seconds and says how far it is. */
const slow = (seconds: number): Record<string, unknown> => ({
  code: { language: "bash", content: `for i in $(seq 1 ${seconds * 5}); do echo "tick $i"; sleep 0.2; done; echo '"through"'` },
});

// Side by side: each has a world of its own and waits most of its time.
describe.concurrent("kill -9", () => {
  test("of an agent in the middle of a job: another agent finishes it within 35 s of the kill", async (context) => {
    const world = await openWorld(context);
    const first = await world.startAgent("first");
    const { id } = await run(world, slow(2));
    await until("the job runs", async () => (await job(world, id)).status === "running");
    const killedAt = performance.now();
    await first.kill("SIGKILL");
    await world.startAgent("second");
    const ended = await untilEnded(world, id, 40_000);
    expect(performance.now() - killedAt).toBeLessThan(35_000);
    expect(ended).toMatchObject({ status: "succeeded", attempt: 2, agent: "second" });
  });

  test("of an agent that comes back at once: its job starts again without waiting for the lease", async (context) => {
    const world = await openWorld(context);
    const first = await world.startAgent("only");
    const { id } = await run(world, slow(2));
    await until("the job runs", async () => (await job(world, id)).status === "running");
    await first.kill("SIGKILL");
    await world.startAgent("only");
    const ended = await untilEnded(world, id, 15_000);
    expect(ended).toMatchObject({ status: "succeeded", attempt: 2 });
  });

  test("of the control plane in the middle of a job: the agent goes on, reconnects, and the result is recorded once", async (context) => {
    const world = await openWorld(context);
    await world.startAgent("steady");
    const { id } = await run(world, slow(3));
    await until("the job has printed something", async () => ((await world.api<string>("GET", `/jobs/${id}/logs`)).body as string).includes("tick 2"));
    await world.server.kill("SIGKILL");
    await world.startServer();
    const ended = await untilEnded(world, id, 30_000);
    expect(ended).toMatchObject({ status: "succeeded", attempt: 1 });
    const log = (await world.api<string>("GET", `/jobs/${id}/logs`)).body;
    expect(log.split("\n").filter((line) => line.startsWith("tick"))).toEqual(Array.from({ length: 15 }, (_, at) => `tick ${at + 1}`));
    const client = new pg.Client({ connectionString: world.databaseUrl });
    await client.connect();
    const { rows } = await client.query("SELECT attempt FROM job_done WHERE id = $1", [id]);
    await client.end();
    expect(rows).toEqual([{ attempt: 1 }]);
  });

  test("of the control plane, ten times under load: every acknowledged job ends exactly once", async (context) => {
    const world = await openWorld(context);
    await world.startAgent("worker", { MILLRACE_AGENT_RUNTIMES: "noop", MILLRACE_AGENT_SLOTS: "50" });
    await world.api("POST", "/scripts", { path: "f/load/noop", language: "noop", content: "" });
    const acknowledged: string[] = [];
    let loading = true;
    const load = (async () => {
      while (loading) {
        const answer = await world
          .api<{ ids?: string[] }>("POST", "/jobs/batch", { script: "f/load/noop", jobs: Array.from({ length: 20 }, (_, value) => ({ args: { value } })) })
          .catch(() => undefined);
        acknowledged.push(...(answer?.body.ids ?? []));
      }
    })();
    for (let kill = 0; kill < 10; kill++) {
      const before = acknowledged.length;
      await until("jobs are accepted", async () => acknowledged.length > before + 100);
      await world.server.kill("SIGKILL");
      await world.startServer();
    }
    loading = false;
    await load;
    expect(await checkHistory(world.databaseUrl, { acknowledged })).toEqual([]);
  });

  test("of Postgres with 2,000 jobs in flight: every acknowledged job ends exactly once", async (context) => {
    const world = await openWorld(context, { embedded: true });
    await world.startAgent("worker", { MILLRACE_AGENT_RUNTIMES: "noop", MILLRACE_AGENT_SLOTS: "100" });
    await world.api("POST", "/scripts", { path: "f/load/noop", language: "noop", content: "" });
    const acknowledged: string[] = [];
    const post = async (): Promise<void> => {
      const jobs = Array.from({ length: 100 }, (_, value) => ({ args: { value, sleep_ms: 200 } }));
      const { body } = await world.api<{ ids?: string[] }>("POST", "/jobs/batch", { script: "f/load/noop", jobs });
      acknowledged.push(...(body.ids ?? []));
    };
    await Promise.all(Array.from({ length: 20 }, post));
    expect(acknowledged.length).toBe(2000);
    // More keep coming while the server is killed, twice.
    let loading = true;
    const load = (async () => {
      while (loading) await post().catch(() => undefined);
    })();
    for (let kill = 0; kill < 2; kill++) {
      process.kill(postmaster(world), "SIGKILL");
      const before = acknowledged.length;
      await until("jobs are accepted again", async () => acknowledged.length > before + 200, 60_000);
    }
    loading = false;
    await load;
    expect(await checkHistory(world.databaseUrl, { acknowledged })).toEqual([]);
  });
});

/** Process number of the embedded Postgres: first line of its pid file. */
function postmaster(of: World): number {
  return Number(readFileSync(join(of.dir, "server", "postgres", "data", "postmaster.pid"), "utf8").split("\n")[0]);
}
