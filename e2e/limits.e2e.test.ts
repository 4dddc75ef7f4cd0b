import { writeFileSync } from "node:fs";
import { join } from "node:path";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { generateToken } from "../control-plane/identity/token-format.ts";
import { IN_TURN, job, run, startWorld, until, untilEnded, type World } from "./harness.ts";

/** Limits over real agents, what is checked is what history says: a world in which the control plane is killed, and one in which it is not. */
interface Limited {
  readonly world: World;
  readonly sql: pg.Client;
}

async function open(agents: readonly string[]): Promise<Limited> {
  const world = await startWorld();
  const sql = new pg.Client({ connectionString: world.databaseUrl });
  await sql.connect();
  const settings = { MILLRACE_AGENT_SANDBOX: "off", MILLRACE_AGENT_RUNTIMES: "noop", MILLRACE_AGENT_SLOTS: "20" };
  await Promise.all(agents.map((name) => world.startAgent(name, settings)));
  return { world, sql };
}

async function close(limited: Limited | undefined): Promise<void> {
  await limited?.sql.end();
  await limited?.world.close();
}

async function deploy({ world }: Limited, path: string, limits: Record<string, unknown>): Promise<void> {
  const { status, body } = await world.api("POST", "/scripts", { path, language: "noop", content: "", ...limits });
  if (status >= 300) throw new Error(JSON.stringify(body));
}

async function batch({ world }: Limited, script: string, args: readonly Record<string, unknown>[]): Promise<string[]> {
  const { status, body } = await world.api<{ ids: string[] }>("POST", "/jobs/batch", { script, jobs: args.map((entry) => ({ args: entry })) });
  if (status !== 201) throw new Error(JSON.stringify(body));
  return body.ids;
}

const done = async ({ sql }: Limited, ids: readonly string[]): Promise<number> =>
  (await sql.query("SELECT 1 FROM job_done WHERE id = ANY($1::uuid[])", [ids])).rowCount ?? 0;
const untilAllEnded = (of: Limited, ids: readonly string[]): Promise<void> => until("all jobs have ended", async () => (await done(of, ids)) === ids.length);

async function crash({ world }: Limited): Promise<void> {
  await world.server.kill("SIGKILL");
  await world.startServer();
}

interface Run {
  readonly startedMs: number;
  readonly endedMs: number;
}

async function history({ sql }: Limited, ids: readonly string[]): Promise<Run[]> {
  const { rows } = await sql.query<Run>(
    `SELECT (extract(epoch FROM started_at) * 1000)::float8 AS "startedMs", (extract(epoch FROM done_at) * 1000)::float8 AS "endedMs"
     FROM job_done WHERE id = ANY($1::uuid[]) AND started_at IS NOT NULL ORDER BY started_at`,
    [ids],
  );
  return rows;
}

/** The most runs that overlap at any moment. Ends come before starts of the same moment. */
function mostAtOnce(runs: readonly Run[]): number {
  const moments = runs.flatMap(({ startedMs, endedMs }) => [
    { atMs: startedMs, by: 1 },
    { atMs: endedMs, by: -1 },
  ]);
  moments.sort((a, b) => a.atMs - b.atMs || a.by - b.by);
  let [now, most] = [0, 0];
  for (const { by } of moments) {
    now += by;
    most = Math.max(most, now);
  }
  return most;
}

const inline = (key: string, strategy: string, content: string) => ({ code: { language: "bash", content }, concurrency: [{ key, limit: 1, strategy }] });
const SLOW = "sleep 300";
/** The test opens the gate: jobs without a sandbox see its files. */
const untilThere = (gate: string): string => `until [ -e ${gate} ]; do sleep 0.1; done; echo 1`;

describe.concurrent("while the control plane is killed", () => {
  let on: Limited;
  beforeAll(async () => {
    on = await open(["one", "two"]);
  });
  afterAll(() => close(on));

  test("a cap of 3 is never seen at 4, with the control plane killed twice in the middle", IN_TURN, async () => {
    await deploy(on, "f/limits/capped", { concurrency: [{ limit: 3 }] });
    const ids = await batch(on, "f/limits/capped", new Array(90).fill({ sleep_ms: 120 }));
    for (const share of [0.3, 0.6]) {
      await until("some have ended", async () => (await done(on, ids)) >= share * ids.length);
      await crash(on);
    }
    await untilAllEnded(on, ids);
    expect(mostAtOnce(await history(on, ids))).toBe(3);
  });

  test("three starts in five seconds are never four, with the control plane killed in the middle", IN_TURN, async () => {
    await deploy(on, "f/limits/paced", { rate: [{ starts: 3, per_s: 5 }] });
    const ids = await batch(on, "f/limits/paced", new Array(6).fill({}));
    await until("the first window is used up", async () => (await done(on, ids)) === 3);
    expect((await job(on.world, ids.at(-1) ?? "")).wait_detail).toMatchObject({ code: "rate", key: "f/limits/paced", starts: 3, per_s: 5 });
    await crash(on);
    await untilAllEnded(on, ids);
    const starts = (await history(on, ids)).map((entry) => entry.startedMs);
    // The claims are five seconds apart, more than a restart takes. From a claim to the start of its job a busy machine may need a while.
    for (let at = 3; at < starts.length; at++) expect((starts[at] ?? 0) - (starts[at - 3] ?? 0)).toBeGreaterThan(4000);
  });
});

describe.concurrent("limits", () => {
  let on: Limited;
  let world: World;
  let sql: pg.Client;
  beforeAll(async () => {
    on = await open(["one", "two"]);
    ({ world, sql } = on);
    await deploy(on, "f/limits/free", {});
  });
  afterAll(() => close(on));

  test("each customer's jobs run one at a time and in order, different customers at once", IN_TURN, async () => {
    await deploy(on, "f/limits/customers", { concurrency: [{ key: "customer $args[customer.id]", limit: 1 }] });
    const customers = Array.from({ length: 60 }, (_, at) => `c${at % 6}`);
    const ids = await batch(
      on,
      "f/limits/customers",
      customers.map((id) => ({ customer: { id }, sleep_ms: 50 })),
    );
    await untilAllEnded(on, ids);
    for (const customer of new Set(customers)) {
      const own = ids.filter((_, at) => customers[at] === customer);
      expect(mostAtOnce(await history(on, own))).toBe(1);
      const { rows } = await sql.query<{ id: string }>("SELECT id::text FROM job_done WHERE id = ANY($1::uuid[]) ORDER BY started_at", [own]);
      expect(rows.map((row) => row.id)).toEqual(own);
    }
    expect(mostAtOnce(await history(on, ids))).toBeGreaterThan(3);
  });

  test("2,000 jobs that wait for a key write nothing, say why they wait, and hold up nothing else of the workspace", IN_TURN, async () => {
    await deploy(on, "f/limits/blocked", { concurrency: [{ key: "the one", limit: 1 }] });
    const holder = await run(world, inline("the one", "queue", SLOW));
    const ids = [...(await batch(on, "f/limits/blocked", new Array(1000).fill({}))), ...(await batch(on, "f/limits/blocked", new Array(1000).fill({})))];
    const newestRow = async (): Promise<unknown> =>
      (await sql.query("SELECT count(*), max(xmin::text::bigint) AS newest FROM job_pending WHERE id = ANY($1::uuid[])", [ids])).rows;
    const before = await newestRow();
    for (let round = 0; round < 3; round++) {
      const others = await batch(on, "f/limits/free", new Array(100).fill({}));
      await untilAllEnded(on, others);
    }
    expect(await newestRow()).toEqual(before);
    expect(await job(world, ids.at(-1) ?? "")).toMatchObject({
      status: "queued",
      wait_reason: "1 of 1 jobs run for key the one",
      wait_detail: { code: "concurrency", key: "the one", limit: 1, running: 1 },
    });
    const metrics = await (await fetch(`http://127.0.0.1:${world.httpPort}/metrics`)).text();
    expect(metrics).toContain('millrace_jobs_waiting_on{reason="concurrency"} 2000');
    await world.api("POST", `/jobs/${holder.id}/cancel`, {});
    await until("some have run", async () => (await done(on, ids)) > 300);
    expect((await world.api("POST", "/bulk/cancel", { filter: { script: "f/limits/blocked" } })).status).toBe(202);
    await untilAllEnded(on, ids);
    expect(mostAtOnce(await history(on, ids))).toBe(1);
  });

  test("fail: the new job ends at once as failed and is in history", IN_TURN, async () => {
    const first = await run(world, inline("s-fail", "fail", SLOW));
    const second = await run(world, inline("s-fail", "fail", "echo 1"), 30);
    expect(second).toMatchObject({
      status: "failed",
      attempt: 0,
      exit: { reason: "limit_reached", message: "the limit of 1 running jobs for key s-fail is reached" },
    });
    expect(second.result).toMatchObject({ error: { name: "LimitReached" } });
    await world.api("POST", `/jobs/${first.id}/cancel`, {});
    await untilEnded(world, first.id);
    expect(await run(world, inline("s-fail", "fail", "echo 1"), 30)).toMatchObject({ status: "succeeded" });
  });

  test("cancel_newest: the new job ends at once as cancelled", IN_TURN, async () => {
    const gate = join(world.dir, "newest");
    const first = await run(world, inline("s-newest", "cancel_newest", untilThere(gate)));
    expect(await run(world, inline("s-newest", "cancel_newest", "echo 1"), 30)).toMatchObject({ status: "cancelled" });
    writeFileSync(gate, "");
    expect(await untilEnded(world, first.id)).toMatchObject({ status: "succeeded" });
  });

  test("cancel_oldest: of five that come together only the last survives, and the others name the one that replaced them", IN_TURN, async () => {
    const gate = join(world.dir, "oldest");
    const five = await Promise.all(Array.from({ length: 5 }, () => run(world, inline("s-oldest", "cancel_oldest", untilThere(gate)))));
    const ids = five.map(({ id }) => id);
    await until("four have ended", async () => (await done(on, ids)) === 4);
    writeFileSync(gate, "");
    const views = await Promise.all(five.map(({ id }) => untilEnded(world, id)));
    views.sort((a, b) => (a.id < b.id ? -1 : 1));
    expect(views.map((view) => view.status)).toEqual(["cancelled", "cancelled", "cancelled", "cancelled", "succeeded"]);
    for (const [at, view] of views.slice(0, -1).entries()) expect(view.exit?.message).toContain(`replaced by job ${views[at + 1]?.id}`);
  });

  test("of jobs of one key that come one after the other only the last runs, after the delay, with its own arguments", IN_TURN, async () => {
    await deploy(on, "f/limits/debounced", { debounce: { key: "doc $args[doc]", delay_s: 1.5 } });
    const start = (doc: string, version: number) => run(world, { script: "f/limits/debounced", args: { doc, value: version } });
    const first = await start("a", 1);
    expect((await job(world, first.id)).wait_detail).toMatchObject({ code: "debounce", key: "doc a" });
    const [second, other] = [await start("a", 2), await start("b", 1)];
    const [third, fourth] = await Promise.all([start("a", 3), start("a", 4)]);
    const order = [first.id, second.id, ...[third.id, fourth.id].sort()];
    const views = await Promise.all([...order, other.id].map((id) => untilEnded(world, id)));
    expect(views.map((view) => view.status)).toEqual(["cancelled", "cancelled", "cancelled", "succeeded", "succeeded"]);
    for (const at of [0, 1, 2]) expect(views[at]?.exit?.message).toBe(`replaced by job ${order[at + 1]}: debounce of key doc a`);
    for (const view of views.slice(3)) expect(view.wait_ms).toBeGreaterThanOrEqual(1500);
    // Not when somebody looks the next time: debounced jobs have timers of their own.
    for (const view of views.slice(3)) expect(view.wait_ms).toBeLessThan(10_000);
  });

  test("only an administrator sets weight and cap; a cap takes effect while jobs wait, and its end, too", IN_TURN, async () => {
    const token = generateToken("admin");
    await sql.query("INSERT INTO token (id, secret_hash, kind, label) VALUES ($1, $2, 'admin', 'test')", [token.id, token.secretHash]);
    const put = (limits: unknown, bearer: string) =>
      fetch(`http://127.0.0.1:${world.httpPort}/api/v1/w/main/limits`, {
        method: "PUT",
        headers: { authorization: `Bearer ${bearer}`, "content-type": "application/json" },
        body: JSON.stringify(limits),
      });
    expect((await put({ weight: 9 }, world.credentials.token)).status).toBe(403);
    expect((await put({ weight: 0 }, token.text)).status).toBe(400);
    expect((await put({ weight: 2, max_running: 2 }, token.text)).status).toBe(200);
    expect((await world.api("GET", "/limits")).body).toEqual({ weight: 2, max_running: 2 });
    const three = (): Promise<string[]> => batch(on, "f/limits/free", new Array(3).fill({ sleep_ms: 300 }));
    const overlap = async (): Promise<number> => {
      const ids = await three();
      await untilAllEnded(on, ids);
      return mostAtOnce(await history(on, ids));
    };
    await until("the cap has arrived", async () => (await overlap()) === 2);
    const ids = await three();
    expect((await job(world, ids.at(-1) ?? "")).wait_detail).toEqual({ code: "workspace_cap", limit: 2, running: 2 });
    expect((await put({}, token.text)).status).toBe(200);
    await until("the cap is gone", async () => (await overlap()) === 3);
  });

  test("a wrong limit is refused with the field that is wrong", IN_TURN, async () => {
    const deployed = await world.api<{ errors: { pointer: string; message: string }[] }>("POST", "/scripts", {
      path: "f/limits/wrong",
      language: "noop",
      content: "",
      concurrency: [{ limit: 0 }, { limit: 1, key: "x $args[a" }],
      rate: [{ starts: 1, per_s: 0 }],
    });
    expect(deployed.status).toBe(400);
    expect(deployed.body.errors.map((error) => error.pointer).sort()).toEqual(["/concurrency/0/limit", "/concurrency/1/key", "/rate/0/per_s"]);
    const ran = await world.api<{ errors: { pointer: string }[] }>("POST", "/jobs", { script: "f/limits/free", concurrency: [{ key: "k", limit: 1 }] });
    expect(ran.body.errors.map((error) => error.pointer)).toEqual(["/concurrency"]);
    const keyless = await world.api<{ errors: { pointer: string }[] }>("POST", "/jobs", {
      code: { language: "bash", content: "true" },
      concurrency: [{ limit: 1 }],
    });
    expect(keyless.body.errors.map((error) => error.pointer)).toEqual(["/concurrency/0/key"]);
  });
});
