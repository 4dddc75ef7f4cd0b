import { readFileSync } from "node:fs";
import { join } from "node:path";
import pg from "pg";
import { describe, expect, test } from "vitest";
import { job, openWorld, run, until, untilEnded, type World } from "./harness.ts";
import { checkHistory, Load } from "./history.ts";

/** A Bash job that takes some seconds and says how far it is. */
const slow = (seconds: number): Record<string, unknown> => ({
  code: { language: "bash", content: `for i in $(seq 1 ${seconds * 5}); do echo "tick $i"; sleep 0.2; done; echo '"through"'` },
});
/** Ends at its second attempt only. */
const twice = { code: { language: "bash", content: 'if [ "$MILLRACE_ATTEMPT" = 1 ]; then sleep 300; fi; echo \'"through"\'' } };
const noopWorker = { MILLRACE_AGENT_SANDBOX: "off", MILLRACE_AGENT_RUNTIMES: "noop" };
const noop = { path: "f/load/noop", language: "noop", content: "" };

// Side by side: each has a world of its own and waits most of its time.
describe.concurrent("kill -9", () => {
  // With the times of production: it waits for half a minute.
  test("of an agent in the middle of a job: another agent finishes it within 35 s of the kill", async (context) => {
    const world = await openWorld(context);
    const first = await world.startAgent("first");
    const { id } = await run(world, twice);
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
    const { id } = await run(world, twice);
    await until("the job runs", async () => (await job(world, id)).status === "running");
    await first.kill("SIGKILL");
    await world.startAgent("only");
    const ended = await untilEnded(world, id, 25_000);
    expect(ended).toMatchObject({ status: "succeeded", attempt: 2 });
  });

  test("of the control plane in the middle of a job: the agent goes on, reconnects, and the result is recorded once", async (context) => {
    const world = await openWorld(context);
    await world.startAgent("steady");
    const { id } = await run(world, slow(3));
    await until("the job has printed something", async () => ((await world.api<string>("GET", `/jobs/${id}/logs`)).body as string).includes("tick 2"));
    await world.server.kill("SIGKILL");
    await world.startServer();
    const ended = await untilEnded(world, id);
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
    await world.startAgent("worker", { ...noopWorker, MILLRACE_AGENT_SLOTS: "50" });
    await world.api("POST", "/scripts", noop);
    const load = new Load(world, { callers: 2 });
    for (let kill = 0; kill < 10; kill++) {
      await load.more(100);
      await world.server.kill("SIGKILL");
      await world.startServer();
    }
    await load.stop();
    expect(await checkHistory(world.databaseUrl, { acknowledged: load.acknowledged })).toEqual([]);
  });

  test("of Postgres with 2,000 jobs in flight: every acknowledged job ends exactly once", async (context) => {
    const world = await openWorld(context, { embedded: true });
    await world.startAgent("worker", { ...noopWorker, MILLRACE_AGENT_SLOTS: "100" });
    await world.api("POST", "/scripts", noop);
    const jobs = Array.from({ length: 100 }, (_, value) => ({ args: { value, sleep_ms: 200 } }));
    const posted = await Promise.all(
      Array.from({ length: 20 }, async () => (await world.api<{ ids?: string[] }>("POST", "/jobs/batch", { script: noop.path, jobs })).body.ids ?? []),
    );
    const first = posted.flat();
    expect(first.length).toBe(2000);
    // More keep coming while the server is killed, twice.
    const load = new Load(world);
    for (let kill = 0; kill < 2; kill++) {
      process.kill(postmaster(world), "SIGKILL");
      await load.more(200);
    }
    await load.stop();
    expect(await checkHistory(world.databaseUrl, { acknowledged: [...first, ...load.acknowledged] })).toEqual([]);
  });
});

/** Process number of the embedded Postgres: first line of its pid file. */
function postmaster(of: World): number {
  return Number(readFileSync(join(of.dir, "server", "postgres", "data", "postmaster.pid"), "utf8").split("\n")[0]);
}
