import { spawn } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { AgentView, MadeJoinToken } from "../control-plane/agents/contract.ts";
import { orderAgent } from "../control-plane/agents/order-store.ts";
import { openTestPool } from "../control-plane/db/test-database.ts";
import { asWorkspaceId } from "../kernel/ids.ts";
import { job, launch, type Process, run, SCRIPTS, startWorld, until, untilEnded, type World } from "./harness.ts";
import { checkHistory } from "./history.ts";
import { follow } from "./log-reading.ts";

const BIN = fileURLToPath(new URL("../bin/millrace", import.meta.url));
const BARE = { MILLRACE_AGENT_SANDBOX: "off" };
/** A tenth of the times of production. */
const shortLeases = { MILLRACE_KEEPALIVE_MS: "300", MILLRACE_SUSPECT_MS: "1000", MILLRACE_SELF_FENCE_MS: "2000", MILLRACE_RECLAIM_MS: "3000" };

/** What has to be prompt: this file runs alone. One server for all tests. */
let world: World;
beforeAll(async () => {
  world = await startWorld({ env: shortLeases });
  await world.startAgent("local", SCRIPTS);
});
afterAll(() => world.close());

const agentsNow = async (): Promise<AgentView[]> => (await world.api<{ agents: AgentView[] }>("GET", "/agents")).body.agents;
const exitOf = ({ child }: Process): Promise<number | null> =>
  child.exitCode !== null ? Promise.resolve(child.exitCode) : new Promise((resolve) => child.once("exit", resolve));

// The first one: it looks at all jobs that there are.
test("drain under load: of 200 jobs on two agents none is lost or done twice, and the one that drains ends with 0 in time", async () => {
  const graceMs = 1_000;
  const tag = "loaded";
  const slots = { MILLRACE_AGENT_TAGS: tag, MILLRACE_AGENT_SLOTS: "12", MILLRACE_AGENT_DRAIN_GRACE_MS: String(graceMs) };
  const settings = { ...BARE, MILLRACE_AGENT_RUNTIMES: "noop", ...slots };
  const leaving = await world.startAgent("leaving", settings);
  await world.startAgent("staying", settings);
  await world.api("POST", "/scripts", { path: "f/load/noop", language: "noop", content: "", tag });
  const lengths = [10, 100, 300, 600, 2_500];
  const jobs = Array.from({ length: 190 }, (_, at) => ({ args: { value: at, sleep_ms: at % 40 === 0 ? lengths[4] : lengths[at % 4] } }));
  const { body } = await world.api<{ ids: string[] }>("POST", "/jobs/batch", { script: "f/load/noop", jobs });
  const real = await Promise.all(
    Array.from({ length: 10 }, async (_, at) => (await run(world, { code: { language: "bash", content: `sleep ${at % 3}; echo ${at}` }, tag })).id),
  );
  await until("both are busy", async () => (await agentsNow()).every(({ tags, running }) => !tags.includes(tag) || running >= 8));
  const at = performance.now();
  leaving.child.kill("SIGTERM");
  expect(await exitOf(leaving)).toBe(0);
  expect(performance.now() - at).toBeLessThan(graceMs + 2_000);
  expect(readFileSync(leaving.logFile, "utf8")).toContain("attempt.handed_back");
  expect(await checkHistory(world.databaseUrl, { acknowledged: [...body.ids, ...real] })).toEqual([]);
});

test("millrace run: the lines of a user's own file show at once, the result alone is on stdout", async () => {
  writeFileSync(join(world.dir, "my.py"), "import time\ndef main(n: int):\n    print('at', time.time())\n    time.sleep(1.5)\n    return {'n': n}\n");
  const env = {
    PATH: process.env["PATH"],
    HOME: world.dir,
    NODE_COMPILE_CACHE: process.env["NODE_COMPILE_CACHE"],
    MILLRACE_URL: `http://127.0.0.1:${world.httpPort}`,
    MILLRACE_TOKEN: world.credentials.token,
  };
  const child = spawn(BIN, ["run", "my.py", "--args", '{"n": 3}', "--json"], { env, cwd: world.dir, stdio: ["ignore", "pipe", "pipe"] });
  let [out, delayMs] = ["", Number.POSITIVE_INFINITY];
  child.stdout.on("data", (data: Buffer) => {
    out += data.toString();
  });
  child.stderr.on("data", (data: Buffer) => {
    const at = /at (\d+\.\d+)/.exec(data.toString());
    if (at !== null) delayMs = Date.now() - Number(at[1]) * 1000;
  });
  const code = await new Promise((resolve) => child.once("close", resolve));
  expect([code, out]).toEqual([0, '{"n":3}']);
  expect(delayMs).toBeLessThan(300);
});

test("a printed line can be read while the job still runs, within 300 ms", async () => {
  const { id } = await run(world, { code: { language: "bash", content: "echo $EPOCHREALTIME; sleep 5" } });
  const { text } = await follow(world, id, undefined, 1);
  const delayMs = Date.now() - Number(text.trim().replace(",", ".")) * 1000;
  expect(delayMs).toBeLessThan(300);
  expect((await job(world, id)).status).toBe("running");
  await world.api("POST", `/jobs/${id}/cancel`, {});
  expect((await untilEnded(world, id)).status).toBe("cancelled");
});

test("an agent is revoked within a second, from another replica too: its jobs start again elsewhere, and it never comes back", async () => {
  const { token } = (await world.api<MadeJoinToken>("POST", "/agents/join-tokens", { uses: 2 })).body;
  const settings = { ...BARE, MILLRACE_AGENT_TOKEN: "", MILLRACE_AGENT_JOIN_TOKEN: token, MILLRACE_AGENT_TAGS: "revoked" };
  const bad = await world.startAgent("bad", settings);
  const { id } = await run(world, { code: { language: "bash", content: "sleep 1; echo '\"done\"'" }, tag: "revoked" });
  await until("the job runs", async () => (await job(world, id)).status === "running");
  const agentId = (await agentsNow()).find(({ name }) => name === "bad")?.id ?? "";
  // As another replica does: by the database alone.
  const pool = openTestPool(world.databaseUrl);
  const at = performance.now();
  expect(await orderAgent(pool, agentId, "revoke", { workspace: asWorkspaceId("1"), withShared: false, label: "test" })).toBeDefined();
  await until("it is gone", async () => (await agentsNow()).every(({ name }) => name !== "bad"));
  expect(performance.now() - at).toBeLessThan(1000);
  await pool.end();
  expect(await exitOf(bad)).toBe(9);
  expect(readFileSync(bad.logFile, "utf8")).toContain("the control plane refuses this agent: this agent was revoked");
  const again = launch(
    ["agent"],
    {
      ...settings,
      MILLRACE_GRPC_ADDRESS: `127.0.0.1:${world.grpcPort}`,
      MILLRACE_AGENT_NAME: "bad",
      MILLRACE_AGENT_DATA_DIR: join(world.dir, "agent-bad"),
      MILLRACE_AGENT_LANGUAGES: "bash",
    },
    join(world.dir, "again.log"),
  );
  expect([await exitOf(again), readFileSync(again.logFile, "utf8")]).toEqual([9, expect.stringContaining("was revoked")]);
  await world.startAgent("good", settings);
  expect(await untilEnded(world, id)).toMatchObject({ status: "succeeded", agent: "good", attempt: 2 });
});
