import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, type TestContext, test } from "vitest";
import { canMount, SmallDisk } from "../agent/journal/testing/small-disk.ts";
import type { AgentView } from "../control-plane/agents/contract.ts";
import { PacketDrop } from "../loadtests/faults/packet-drop.ts";
import { TcpProxy } from "../loadtests/faults/tcp-proxy.ts";
import { job, openWorld, type Process, run, until, untilEnded, type World } from "./harness.ts";
import { checkHistory } from "./history.ts";

/**
 * Two fifths of the times of production, in their ratios, with keepalives that come more often: what a machine with other work adds to them does not
 * shrink. MILLRACE_TEST_REAL_TIMES=1 takes those of production, and breaks the network in one way more.
 */
const IS_REAL = process.env["MILLRACE_TEST_REAL_TIMES"] === "1";
const PART = IS_REAL ? 1 : 2.5;
const RECLAIM_MS = 30_000 / PART;
const TIMES = {
  MILLRACE_KEEPALIVE_MS: IS_REAL ? "3000" : "200",
  MILLRACE_SUSPECT_MS: String(10_000 / PART),
  MILLRACE_SELF_FENCE_MS: String(20_000 / PART),
  MILLRACE_RECLAIM_MS: String(RECLAIM_MS),
};
const LIMIT = { timeout: IS_REAL ? 300_000 : 120_000 };
/** What a script does on the host is seen by the test: it could not leave a sandbox. */
const BARE = { MILLRACE_AGENT_SANDBOX: "off" };

type Break = "refused" | "half open" | "dropped";
const BREAKS: readonly Break[] = IS_REAL ? ["refused", "half open", "dropped"] : ["refused", "half open"];

interface Line {
  readonly agent: Process;
  fail(): Promise<void>;
  heal(): Promise<void>;
}

/** An agent behind a line that can fail. */
async function behindLine(context: TestContext, world: World, how: Break): Promise<Line> {
  const proxy = new TcpProxy({ host: "127.0.0.1", port: world.grpcPort });
  await proxy.open();
  const drop = new PacketDrop(proxy.port);
  context.onTestFinished(async () => {
    drop.stop();
    await proxy.cut();
  });
  const agent = await world.startAgent("behind", { ...BARE, MILLRACE_GRPC_ADDRESS: `127.0.0.1:${proxy.port}` });
  return {
    agent,
    fail: async () => {
      if (how === "refused") await proxy.cut();
      else if (how === "half open") proxy.freeze();
      else drop.start();
    },
    heal: async () => {
      drop.stop();
      await proxy.open();
    },
  };
}

/** The length of a fault, in seconds of production. */
const lasting = (seconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, (seconds * 1000) / PART));

const PAUSE_S = 1 / PART;
const markFile = (world: World): string => join(world.dir, "marks");

/** Prints so many lines at its first attempt and so many at later ones, about one a second of production, and marks each in a file of the host. */
function ticking(world: World, first: number, later = first, pauseS = PAUSE_S): Record<string, unknown> {
  const content = `if [ "$MILLRACE_ATTEMPT" = 1 ]; then n=${first}; else n=${later}; fi
for i in $(seq 1 $n); do
  echo "$MILLRACE_JOB_ID $MILLRACE_ATTEMPT \${EPOCHREALTIME/[.,]/}" >> ${markFile(world)} || exit 1
  echo "tick $i"
  sleep ${pauseS}
done
echo '"through"'`;
  return { code: { language: "bash", content } };
}

/** When an attempt was seen to run, milliseconds since the epoch. */
function marksOf(world: World, id: string, attempt: number): number[] {
  const lines = readFileSync(markFile(world), "utf8").split("\n");
  return lines.filter((line) => line.startsWith(`${id} ${attempt} `)).map((line) => Number(line.split(" ")[2]) / 1000);
}

async function ticksOf(world: World, id: string): Promise<string[]> {
  const { body } = await world.api<string>("GET", `/jobs/${id}/logs`);
  return body.split("\n").filter((line) => line.startsWith("tick"));
}

const numbered = (count: number): string[] => Array.from({ length: count }, (_, at) => `tick ${at + 1}`);
/** Until the agent has said that they run: one that is assigned may still be on its way. */
const running = (world: World, ids: readonly string[]): Promise<void> =>
  until("the jobs run", async () =>
    (await Promise.all(ids.map((id) => job(world, id)))).every(({ status, started_at }) => status === "running" && started_at !== undefined),
  );
const logOf = ({ logFile }: Process): string => readFileSync(logFile, "utf8");
const start = async (world: World, bodies: readonly Record<string, unknown>[]): Promise<string[]> =>
  (await Promise.all(bodies.map((body) => run(world, body)))).map(({ id }) => id);

/** They went on as if nothing had happened. */
async function expectUntouched(world: World, ids: readonly string[], ticks: readonly number[]): Promise<void> {
  for (const [at, id] of ids.entries()) {
    expect(await untilEnded(world, id, LIMIT.timeout)).toMatchObject({ status: "succeeded", attempt: 1, agent: "behind" });
    expect(await ticksOf(world, id)).toEqual(numbered(ticks[at] ?? 0));
    expect(marksOf(world, id, 1)).toHaveLength(ticks[at] ?? 0);
  }
  expect(await checkHistory(world.databaseUrl, { acknowledged: ids })).toEqual([]);
}

// Side by side: each has a world of its own and waits most of its time.
describe.concurrent("an agent out of reach", () => {
  test.for(BREAKS)("for 15 s (%s): the same attempts go on, nothing runs again, no line is missing or comes twice", LIMIT, async (how, context) => {
    const world = await openWorld(context, { env: TIMES });
    const { agent, fail, heal } = await behindLine(context, world, how);
    // The last one ends while nobody can hear of it.
    const ticks = [25, 25, 6];
    const ids = await start(
      world,
      ticks.map((count) => ticking(world, count)),
    );
    await until("they have begun", async () => ids.every((id) => marksOf(world, id, 1).length > 0));
    await fail();
    await lasting(15);
    expect(marksOf(world, ids[2] ?? "", 1)).toHaveLength(6);
    await heal();
    await expectUntouched(world, ids, ticks);
    expect(logOf(agent)).not.toMatch(/attempt\.fenced/);
  });

  test.for(BREAKS)(
    "for 60 s (%s): it stops its jobs before they are given away; each starts once more, elsewhere, and ends once",
    LIMIT,
    async (how, context) => {
      const world = await openWorld(context, { env: TIMES });
      const { agent, fail, heal } = await behindLine(context, world, how);
      const ids = await start(world, [ticking(world, 1_000, 5), ticking(world, 1_000, 5)]);
      await running(world, ids);
      const failedAt = performance.now();
      await fail();
      await world.startAgent("reached", BARE);
      const seenEnds: { id: string; result: unknown }[] = [];
      for (const id of ids) {
        expect(await untilEnded(world, id, LIMIT.timeout)).toMatchObject({ status: "succeeded", attempt: 2, agent: "reached" });
        const [last, first] = [Math.max(...marksOf(world, id, 1)), Math.min(...marksOf(world, id, 2))];
        // Its next mark would have come before the other attempt began: it was dead by then.
        expect(first - last).toBeGreaterThan(PAUSE_S * 1000);
        seenEnds.push({ id, result: "through" });
      }
      expect(performance.now() - failedAt).toBeGreaterThan(RECLAIM_MS * 0.9);
      expect(logOf(agent)).toMatch(/attempt\.fenced/);
      await lasting(Math.max(0, 60 - ((performance.now() - failedAt) / 1000) * PART));
      const connections = logOf(agent).split("agent.connected").length;
      await heal();
      await until("it is back", async () => logOf(agent).split("agent.connected").length > connections, LIMIT.timeout);
      for (const id of ids) {
        expect(await ticksOf(world, id)).toEqual(numbered(5));
        expect(marksOf(world, id, 2)).toHaveLength(5);
        expect((await job(world, id)).attempt).toBe(2);
      }
      expect(await checkHistory(world.databaseUrl, { acknowledged: ids, seenEnds })).toEqual([]);
    },
  );

  test("stopped for 15 s (SIGSTOP): what it runs goes on, in the same attempts and with every line", LIMIT, async (context) => {
    const world = await openWorld(context, { env: TIMES });
    const agent = await world.startAgent("behind", BARE);
    const ids = await start(world, [ticking(world, 25), ticking(world, 6)]);
    await running(world, ids);
    agent.child.kill("SIGSTOP");
    await lasting(15);
    agent.child.kill("SIGCONT");
    await expectUntouched(world, ids, [25, 6]);
  });

  test("stopped for longer than the reclaim time: what it still runs is killed when it wakes, and cannot end what runs elsewhere", LIMIT, async (context) => {
    const world = await openWorld(context, { env: TIMES });
    const agent = await world.startAgent("stopped", BARE);
    // The second one ends while its agent stands still: its result is ready to be sent.
    const ids = await start(world, [ticking(world, 1_000, 5), ticking(world, 10, 5)]);
    await running(world, ids);
    agent.child.kill("SIGSTOP");
    await until(
      "the jobs were taken away",
      async () => (await Promise.all(ids.map((id) => job(world, id)))).every(({ status }) => status === "queued"),
      LIMIT.timeout,
    );
    await world.startAgent("awake", BARE);
    for (const id of ids) expect(await untilEnded(world, id, LIMIT.timeout)).toMatchObject({ status: "succeeded", attempt: 2, agent: "awake" });
    agent.child.kill("SIGCONT");
    const isDropped = (id: string): boolean => new RegExp(`attempt\\.(fenced|stale).*${id}`).test(logOf(agent));
    await until("it has dropped what it had", async () => ids.every(isDropped), LIMIT.timeout);
    await until("it is back", async () => logOf(agent).split("agent.connected").length > 2, LIMIT.timeout);
    const marked = marksOf(world, ids[0] ?? "", 1).length;
    const [later = ""] = await start(world, [ticking(world, 5)]);
    await untilEnded(world, later);
    expect(marksOf(world, ids[0] ?? "", 1)).toHaveLength(marked);
    for (const id of ids) expect(await ticksOf(world, id)).toEqual(numbered(5));
    expect(await checkHistory(world.databaseUrl, { acknowledged: ids, seenEnds: ids.map((id) => ({ id, result: "through" })) })).toEqual([]);
  });
});

describe.concurrent("an agent that leaves", () => {
  test("with 50 jobs running it ends with 0 after its grace; what has not ended by then is handed back and runs once more, elsewhere", async (context) => {
    const world = await openWorld(context);
    const settings = { ...BARE, MILLRACE_AGENT_SLOTS: "50", MILLRACE_AGENT_DRAIN_GRACE_MS: "4000" };
    const leaving = await world.startAgent("leaving", settings);
    const gate = join(world.dir, "gate");
    // At the first attempt half of them end when the gate opens, the others do not.
    const content = (waitsFor: string): string => `echo "tick $MILLRACE_ATTEMPT"
if [ "$MILLRACE_ATTEMPT" = 1 ]; then until [ -e ${waitsFor} ]; do sleep 0.5; done; fi
echo '"through"'`;
    const ids = await start(
      world,
      Array.from({ length: 50 }, (_, at) => ({ code: { language: "bash", content: content(at % 2 === 0 ? gate : "/nowhere") } })),
    );
    await running(world, ids);
    await world.startAgent("staying", settings);
    const left = leaving.kill("SIGTERM");
    await until("it drains", async () => logOf(leaving).includes("agent.stopping"));
    writeFileSync(gate, "");
    await left;
    expect(leaving.child.exitCode).toBe(0);
    const views = await Promise.all(ids.map((id) => untilEnded(world, id)));
    for (const [number, view] of views.entries()) {
      const handedBack = number % 2 === 1;
      expect(view).toMatchObject({ status: "succeeded", attempt: handedBack ? 2 : 1, agent: handedBack ? "staying" : "leaving" });
      expect(await ticksOf(world, view.id)).toEqual([`tick ${handedBack ? 2 : 1}`]);
    }
    expect(await checkHistory(world.databaseUrl, { acknowledged: ids })).toEqual([]);
  });
});

describe.skipIf(!canMount())("an agent whose disk is full", () => {
  test.concurrent("says so and takes nothing new; what runs ends with its result, and what waits runs when there is room again", LIMIT, async (context) => {
    const disk = SmallDisk.mount(96 * 2 ** 20);
    context.onTestFinished(() => disk.unmount());
    const world = await openWorld(context, { env: TIMES });
    await world.startAgent("small", {
      MILLRACE_AGENT_DATA_DIR: join(disk.folder, "agent"),
      MILLRACE_AGENT_MIN_FREE_BYTES: String(16 * 2 ** 20),
      // Toolchains below it would be copied to the disk.
      HOME: world.dir,
    });
    // Why, only administrators are told of an agent that all share.
    const admin = { authorization: `Bearer ${world.credentials.admin_token}` };
    const state = async (): Promise<AgentView | undefined> => (await world.api<{ agents: AgentView[] }>("GET", "/agents", undefined, admin)).body.agents[0];
    const loud = 'for i in $(seq 1 40); do echo "tick $i"; head -c 200000 /dev/urandom | base64; sleep 0.1; done; echo \'"loud"\'';
    const ids = await start(
      world,
      ["sleep 5; echo '\"quiet\"'", loud].map((content) => ({ code: { language: "bash", content } })),
    );
    await running(world, ids);
    disk.fill();
    // It may not know yet: then this one finds no room for its files, or just enough.
    const [early = ""] = await start(world, [{ code: { language: "bash", content: "echo '\"early\"'" } }]);
    await until("it says so", async () => (await state())?.state === "disk_pressure");
    expect((await state())?.state_reason).toMatch(/free in the data folder, 16 MB wanted/);
    const [waiting = ""] = await start(world, [{ code: { language: "bash", content: "echo '\"late\"'" } }]);
    const [quiet, noisy] = await Promise.all(ids.map((id) => untilEnded(world, id)));
    expect([quiet, noisy]).toMatchObject([
      { status: "succeeded", attempt: 1 },
      { status: "succeeded", attempt: 1 },
    ]);
    // Output that found no room is counted; what is there is without a gap.
    const seen = await ticksOf(world, noisy?.id ?? "");
    expect(seen).toEqual(numbered(seen.length));
    if (seen.length < 40) expect(noisy?.log_dropped_bytes).toBeGreaterThan(0);
    expect(await job(world, waiting)).toMatchObject({ status: "queued", attempt: 0 });
    disk.relieve();
    for (const id of [early, waiting]) expect(await untilEnded(world, id)).toMatchObject({ status: "succeeded", agent: "small" });
    expect((await state())?.state).toBe("active");
    const all = [...ids, early, waiting];
    const seenEnds = all.map((id, at) => ({ id, result: ["quiet", "loud", "early", "late"][at] }));
    expect(await checkHistory(world.databaseUrl, { acknowledged: all, seenEnds })).toEqual([]);
  });
});
