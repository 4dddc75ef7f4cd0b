/** Real jobs in real sandboxes, packed: what they use together is read from the control group of all of them. */
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Bundle, ExitReason, type Finished, Network } from "../../proto/gen/millrace/agent/v1/job.ts";
import { createAgent } from "../agent.ts";
import { readAgentConfig } from "../config.ts";
import { openTestExecution } from "../runner/attempt-harness.ts";
import { readField } from "../sandbox/cgroup/group-files.ts";
import { ownGroups } from "../sandbox/cgroup/hierarchy.ts";
import { jobsGroupName } from "../sandbox/cgroup/sizes.ts";
import { bundleOf, type PlaneSession, ScriptedPlane } from "../session/testing/scripted-plane.ts";

const MB = 1024 * 1024;
const TOTAL_MB = 400;
const seen = await openTestExecution({ prepared: 0, languages: ["python3"] });
const canPack = seen.execution.enclosure.cgroups.controls.has("memory") && seen.execution.runtimes.find("python3") !== undefined;
seen.dispose();
const own = ownGroups(readFileSync("/proc/self/cgroup", "utf8"), readFileSync("/proc/self/mountinfo", "utf8"));
/** Version 1 of control groups can make a job wait at its limit. */
const canWait = own.some(({ controllers }) => controllers.includes("memory"));

const plane = new ScriptedPlane();
const dataDir = mkdtempSync(join(tmpdir(), "millrace-packed-"));
const stop = new AbortController();
let session: PlaneSession;
let done: Promise<void> = Promise.resolve();

beforeAll(async () => {
  if (!canPack) return;
  await plane.start();
  const none = { MILLRACE_AGENT_DEDICATED: "0", MILLRACE_AGENT_WARM_MB: "0", MILLRACE_AGENT_LANGUAGES: "bash,python3" };
  const config = readAgentConfig({ MILLRACE_AGENT_TOKEN: "secret", MILLRACE_AGENT_SLOTS: "auto", ...none });
  const more = { addresses: [plane.address], dataDir, memoryBytes: TOTAL_MB * MB, jobMemoryBytes: 350 * MB };
  done = createAgent({ ...config, ...more }, { log: pino({ level: "silent" }) }).run(stop.signal);
  session = await plane.session(0);
});
afterAll(async () => {
  stop.abort();
  await done;
  plane.stop();
  rmSync(dataDir, { recursive: true, force: true });
});

/** Memory of all jobs that is no cache, megabytes. */
function usedMb(): number {
  const key = createHash("sha256").update(join(dataDir, "exec")).digest("hex").slice(0, 12);
  const fields = ["total_rss", "total_shmem", "anon", "shmem"];
  const sums = own.map(({ dir }) => fields.reduce((sum, field) => sum + (readField(join(dir, jobsGroupName(key)), "memory.stat", field) ?? 0), 0));
  return Math.max(...sums) / MB;
}

/** Each says what it needs of the processors: on a busy machine that cannot be learned in a test. Memory: 0 says nothing. */
const asking = (memoryMb: number, cpuMillis = 100): Partial<Bundle> => ({
  requirements: { network: Network.NETWORK_UNSPECIFIED, allow: [], minSandboxLevel: 0, memoryBytes: memoryMb * MB, cpuMillis, dedicated: false },
});
/** Takes so much memory, a tenth of it at a time, and keeps it. */
const hog = (mb: number, s: number, more: Partial<Bundle> = {}): Bundle =>
  bundleOf({
    language: "python3",
    ...asking(0),
    code: `import time\ndef main():\n    kept = []\n    for _ in range(10):\n        kept.append(b'x' * ${(mb * MB) / 10})\n        time.sleep(0.02)\n    time.sleep(${s})\n`,
    ...more,
  });
const sleeper = (): Bundle => bundleOf({ code: "sleep 0.4" });
const processor = (): Bundle =>
  bundleOf({
    language: "python3",
    code: "import time\ndef main():\n    end = time.process_time() + 0.3\n    while time.process_time() < end:\n        pass\n",
  });
const endOf = (bundle: Bundle): Finished | undefined => session.finished.find(({ token }) => token === bundle.token);
const reasonOf = (bundle: Bundle): ExitReason | undefined => endOf(bundle)?.exit?.reason;

async function run(bundles: readonly Bundle[]): Promise<void> {
  session.send({ assign: [...bundles] });
  await session.until(() => bundles.every((bundle) => endOf(bundle) !== undefined));
}

describe.skipIf(!canPack)("a host that packs", () => {
  it("runs mixed jobs whose memory would not fit all at once: it is well used, and nobody runs out", async () => {
    const learned = (): Bundle => hog(50, 0.5);
    // What the others need is found out by three runs of each.
    await run([learned(), learned(), learned(), sleeper(), sleeper(), sleeper()]);
    const jobs = Array.from({ length: 4 }, () => [hog(160, 0.5, asking(180)), learned(), sleeper(), learned(), processor(), learned()]).flat();
    const samples: number[] = [];
    const watch = setInterval(() => samples.push(usedMb()), 25);
    await run(jobs);
    clearInterval(watch);
    expect(jobs.map(reasonOf)).toEqual(jobs.map(() => ExitReason.EXIT_REASON_SUCCEEDED));
    expect(jobs.reduce((sum, job) => sum + Number(endOf(job)?.peakMemoryBytes), 0)).toBeGreaterThan(3 * TOTAL_MB * MB);
    expect(Math.max(...samples)).toBeGreaterThan(0.6 * TOTAL_MB);
    expect(Math.max(...samples)).toBeLessThan(TOTAL_MB);
  });

  it.skipIf(!canWait)("lets a job that outgrows what is left wait until others have ended, and it goes on", async () => {
    const [neighbour, grows] = [hog(90, 1.5, asking(100)), hog(320, 0)];
    await run([neighbour, grows]);
    expect([reasonOf(neighbour), reasonOf(grows)]).toEqual([ExitReason.EXIT_REASON_SUCCEEDED, ExitReason.EXIT_REASON_SUCCEEDED]);
    expect(Number(endOf(grows)?.finishedAtUs)).toBeGreaterThan(Number(endOf(neighbour)?.finishedAtUs));
  });

  it("lets a job that needs more than any may have end alone", async () => {
    const [neighbour, greedy] = [hog(40, 0.5, asking(50)), hog(390, 0)];
    await run([neighbour, greedy]);
    expect([reasonOf(neighbour), reasonOf(greedy)]).toEqual([ExitReason.EXIT_REASON_SUCCEEDED, ExitReason.EXIT_REASON_OUT_OF_MEMORY]);
    expect(endOf(greedy)?.exit?.message).toBe("the job needed more memory than its limit of 350 MB");
  });
});
