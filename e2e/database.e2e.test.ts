import pg from "pg";
import { describe, expect, type TestContext, test } from "vitest";
import { TcpProxy } from "../loadtests/faults/tcp-proxy.ts";
import { createWorldDatabase, job, openWorld, run, until, untilEnded, type World } from "./harness.ts";
import { checkHistory, Load } from "./history.ts";

/** A server whose only way to Postgres leads through a proxy. */
async function behindProxy(context: TestContext): Promise<{ on: World; line: TcpProxy; url: string }> {
  const database = await createWorldDatabase();
  context.onTestFinished(() => database.drop());
  const direct = new URL(database.url);
  const line = new TcpProxy({ host: "127.0.0.1", port: Number(direct.port) });
  context.onTestFinished(() => line.cut());
  await line.open();
  const through = new URL(database.url);
  through.search = "";
  through.hostname = "127.0.0.1";
  through.port = String(line.port);
  return { on: await openWorld(context, { databaseUrl: through.href }), line, url: database.url };
}

const ready = async (on: World): Promise<number> => (await fetch(`http://127.0.0.1:${on.httpPort}/readyz`)).status;
const sleepy = { code: { language: "bash", content: "echo begun; sleep 3; echo '\"ended while the database was away\"'" } };

// Side by side: each has a server of its own and waits most of its time.
describe.concurrent("the way to Postgres breaks", () => {
  test.for(["cut", "freeze"] as const)(
    "%s: running jobs go on, requests are refused as unavailable, and all is recorded when it is back",
    async (how, context) => {
      const { on, line, url } = await behindProxy(context);
      await on.startAgent("steady");
      const { id } = await run(on, sleepy);
      await until("the job runs", async () => (await job(on, id)).status === "running");
      if (how === "cut") await line.cut();
      else line.freeze();
      await until("readiness says so", async () => (await ready(on)) === 503);
      const refused = await on.api<{ code: string; status: number }>("POST", "/jobs", { code: { language: "bash", content: "true" } });
      expect(refused).toMatchObject({ status: 503, body: { code: "unavailable" } });
      expect(on.server.child.exitCode).toBe(null);
      await line.open();
      await until("readiness is back", async () => (await ready(on)) === 200);
      expect(await untilEnded(on, id)).toMatchObject({ status: "succeeded", attempt: 1 });
      expect((await on.api("GET", `/jobs/${id}/result`)).body).toBe("ended while the database was away");
      const client = new pg.Client({ connectionString: url });
      await client.connect();
      const { rows } = await client.query<{ done: number; open: number }>(
        "SELECT (SELECT count(*) FROM job_done WHERE id = $1)::int AS done, ((SELECT count(*) FROM job_running) + (SELECT count(*) FROM job_pending))::int AS open",
        [id],
      );
      await client.end();
      expect(rows[0]?.done).toBe(1);
    },
  );

  test("cut and healed many times under load: every acknowledged job ends exactly once", async (context) => {
    const { on, line, url } = await behindProxy(context);
    await on.startAgent("worker", { MILLRACE_AGENT_SANDBOX: "off", MILLRACE_AGENT_RUNTIMES: "noop", MILLRACE_AGENT_SLOTS: "50" });
    await on.api("POST", "/scripts", { path: "f/load/noop", language: "noop", content: "" });
    const load = new Load(on, { callers: 4 });
    for (let round = 0; round < 12; round++) {
      await load.more(100);
      await line.cut();
      await line.open();
    }
    await load.stop();
    expect(await checkHistory(url, { acknowledged: load.acknowledged })).toEqual([]);
  });
});
