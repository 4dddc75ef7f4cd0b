import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, type TestContext, test } from "vitest";
import type { AgentView } from "../control-plane/agents/contract.ts";
import { PROTOCOL_VERSION } from "../kernel/protocol.ts";
import { job, launch, openWorld, run, until, untilEnded, type World } from "./harness.ts";
import { checkHistory, Load } from "./history.ts";
import { RawAgent } from "./raw-agent.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
/** Of a process that speaks the next version of the protocol. */
const NEXT = { NODE_OPTIONS: `--import=${new URL("next-protocol.fixture.ts", import.meta.url).href}` };
/** A build of before agents said how often they had started, and what jobs ask of a sandbox: it knows less of every message. */
const OLD_BUILD = "63ea023";
const hasOldBuild = spawnSync("git", ["cat-file", "-e", `${OLD_BUILD}^{tree}`], { cwd: ROOT }).status === 0;

const ticking = (ticks: number, tag = "default"): Record<string, unknown> => ({
  code: { language: "bash", content: `for i in $(seq 1 ${ticks}); do echo "tick $i"; sleep 0.1; done; echo '"through"'` },
  tag,
});

async function ticksOf(world: World, id: string): Promise<string[]> {
  const { body } = await world.api<string>("GET", `/jobs/${id}/logs`);
  return body.split("\n").filter((line) => line.startsWith("tick"));
}

const numbered = (count: number): string[] => Array.from({ length: count }, (_, at) => `tick ${at + 1}`);

async function stopped(world: World): Promise<void> {
  await world.server.kill("SIGTERM");
  expect(world.server.child.exitCode).toBe(0);
}

/** @returns the version that the server says in Welcome, or how it refuses */
async function greeting(context: TestContext, world: World, protocolVersion: number): Promise<number | string | undefined> {
  const agent = new RawAgent(`127.0.0.1:${world.grpcPort}`, world.credentials.agent_token, { protocolVersion, tags: ["nobody"] });
  context.onTestFinished(() => agent.close());
  await until("it is answered", async () => agent.error !== undefined || agent.frames.length > 0);
  return agent.error?.details ?? agent.frames[0]?.welcome?.protocolVersion;
}

// Side by side: each has a world of its own.
test.concurrent("a control plane with the next protocol version takes over under load: agents of this version go on in their attempts, nothing is lost or ends twice", async (context) => {
  const world = await openWorld(context);
  const settings = { MILLRACE_AGENT_SANDBOX: "off", MILLRACE_AGENT_RUNTIMES: "noop", MILLRACE_AGENT_SLOTS: "30" };
  await world.startAgent("of-this-version", { ...settings, MILLRACE_AGENT_TAGS: "default,this" });
  await world.api("POST", "/scripts", { path: "f/load/noop", language: "noop", content: "" });
  const load = new Load(world, { args: { sleep_ms: 50 } });
  const long = await Promise.all([60, 50].map((ticks) => run(world, ticking(ticks, "this"))));
  await until("they print", async () => (await Promise.all(long.map(({ id }) => ticksOf(world, id)))).every((ticks) => ticks.length > 1));
  await load.more(100);
  await stopped(world);
  await world.startServer(NEXT);
  await load.more(100);
  expect(await greeting(context, world, PROTOCOL_VERSION)).toBe(PROTOCOL_VERSION + 1);
  expect(await greeting(context, world, PROTOCOL_VERSION + 2)).toMatch(/upgrade the control plane first/);
  await world.startAgent("of-the-next-version", { ...settings, ...NEXT, MILLRACE_AGENT_TAGS: "default,next" });
  const next = await run(world, ticking(5, "next"));
  await load.more(100);
  await load.stop();
  for (const [at, { id }] of long.entries()) {
    expect(await untilEnded(world, id)).toMatchObject({ status: "succeeded", attempt: 1, agent: "of-this-version" });
    expect(await ticksOf(world, id)).toEqual(numbered([60, 50][at] ?? 0));
  }
  expect(await untilEnded(world, next.id)).toMatchObject({ status: "succeeded", attempt: 1, agent: "of-the-next-version" });
  expect(await checkHistory(world.databaseUrl, { acknowledged: [...load.acknowledged, ...long.map(({ id }) => id), next.id] })).toEqual([]);
});

test.skipIf(!hasOldBuild).concurrent(
  "an agent of an older build works with this control plane, through its restart",
  async (context) => {
    const world = await openWorld(context);
    const build = join(world.dir, "old-build");
    mkdirSync(build);
    const packed = execFileSync("git", ["archive", OLD_BUILD, "agent", "kernel", "proto", "package.json"], { cwd: ROOT, maxBuffer: 64 * 2 ** 20 });
    execFileSync("tar", ["-x", "-C", build], { input: packed });
    symlinkSync(join(ROOT, "node_modules"), join(build, "node_modules"));
    const agent = launch(
      [],
      {
        MILLRACE_GRPC_ADDRESS: `127.0.0.1:${world.grpcPort}`,
        MILLRACE_AGENT_TOKEN: world.credentials.agent_token,
        MILLRACE_AGENT_NAME: "old",
        MILLRACE_AGENT_DATA_DIR: join(world.dir, "agent-old"),
      },
      join(world.dir, "agent-old.log"),
      join(build, "agent/main.ts"),
    );
    context.onTestFinished(() => agent.kill("SIGKILL"));
    await until("it is connected", async () => (await world.api<{ agents: AgentView[] }>("GET", "/agents")).body.agents.length === 1);
    const { id } = await run(world, ticking(30));
    await until("it prints", async () => (await ticksOf(world, id)).length > 1);
    await stopped(world);
    await world.startServer();
    expect(await untilEnded(world, id)).toMatchObject({ status: "succeeded", attempt: 1, agent: "old" });
    expect(await ticksOf(world, id)).toEqual(numbered(30));
    const code = { language: "python3", content: "def main(n: int):\n    print('n is', n)\n    return n + 1\n" };
    expect(await run(world, { code, args: { n: 41 } }, 20)).toMatchObject({ status: "succeeded", result: 42 });
    expect(await run(world, { code: { language: "bash", content: "exit 3" } }, 20)).toMatchObject({ status: "failed", exit: { code: 3 } });
    const endless = await run(world, ticking(1_000));
    await until("it prints", async () => (await ticksOf(world, endless.id)).length > 1);
    await world.api("POST", `/jobs/${endless.id}/cancel`, {});
    expect(await untilEnded(world, endless.id)).toMatchObject({ status: "cancelled" });
    const last = await run(world, ticking(10));
    await until("it runs", async () => (await job(world, last.id)).status === "running");
    await agent.kill("SIGTERM");
    expect(agent.child.exitCode).toBe(0);
    expect(await untilEnded(world, last.id)).toMatchObject({ status: "succeeded", attempt: 1 });
  },
  90_000,
);
