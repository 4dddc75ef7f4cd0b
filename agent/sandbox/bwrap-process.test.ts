import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { openTestExecution } from "../runner/attempt-harness.ts";
import { startBwrap } from "./bwrap-process.ts";
import { noCgroups } from "./cgroup/cgroup.ts";
import { openCgroups } from "./cgroup/open.ts";
import { childrenOf } from "./children.ts";
import { FifoPool } from "./fifo-pool.ts";
import { ownIdentity } from "./job-uids.ts";
import { DEFAULT_RLIMITS } from "./sandbox.ts";

const opened = await openTestExecution({ prepared: 0 });
const dir = mkdtempSync(join(tmpdir(), "millrace-bwrap-"));
const cgroups = await openCgroups(dir);
afterAll(() => {
  opened.dispose();
  cgroups.close();
  rmSync(dir, { recursive: true, force: true });
});

/** A zombie counts as gone: who takes on orphans here may be slow to bury them. */
function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}

/** Without a turn of the event loop: nothing that bwrap says meanwhile is heard. */
function untilAtOnce<T>(look: () => T | undefined): T {
  for (const untilMs = performance.now() + 20_000; performance.now() < untilMs; ) {
    const found = look();
    if (found !== undefined) return found;
  }
  throw new Error("it did not come");
}

test("a sandbox that is killed while it is made leaves no process behind, and its script does not run", async () => {
  const { sandbox } = opened.execution;
  for (let round = 0; round < 5; round++) {
    const before = new Set(childrenOf(process.pid));
    const place = sandbox.place(true);
    const running = await place.start(
      {
        argv: ["/bin/sleep", "600"],
        env: new Map(),
        files: [],
        mounts: [],
        network: "none",
        tmpBytes: 1024 * 1024,
        rlimits: DEFAULT_RLIMITS,
        recordMaxBytes: 0,
      },
      { onBegun: () => undefined, onOutput: () => undefined },
    );
    const bwrap = childrenOf(process.pid).find((pid) => !before.has(pid)) ?? 0;
    // It begins when it has been told all.
    await new Promise(setImmediate);
    const first = untilAtOnce(() => childrenOf(bwrap)[0]);
    running.kill();
    await running.done;
    expect([bwrap, first].filter(isAlive)).toEqual([]);
    await place.discard();
  }
});

test.each([
  ["here", cgroups],
  ["without groups", noCgroups([])],
])("one that has not said in time what it has started is killed with it: %s", async (_where, driver) => {
  // Stands in for bwrap on a host so busy that it is stopped for seconds after it has started the first process.
  const slow = join(dir, `slow-${driver.kind}`);
  writeFileSync(slow, "#!/bin/sh\ncat <&3 > /dev/null\nsleep 300 &\nwait\n", { mode: 0o755 });
  const parts = { bwrapPath: slow, seccompPath: slow, pipes: new FifoPool(join(dir, `pipes-${driver.kind}`)) };
  const before = new Set(childrenOf(process.pid));
  const cgroup = driver.create();
  const running = await startBwrap(parts, { args: Buffer.from("all"), launcher: [], identity: ownIdentity(), cgroup, waits: false });
  const bwrap = childrenOf(process.pid).find((pid) => !before.has(pid)) ?? 0;
  const sleepsIn = (pid: number): boolean => readFileSync(`/proc/${pid}/cmdline`, "latin1").startsWith("sleep");
  await expect.poll(() => childrenOf(bwrap).some(sleepsIn)).toBe(true);
  const [first = 0] = childrenOf(bwrap);
  running.kill();
  await running.done;
  await expect.poll(() => [bwrap, first].filter(isAlive)).toEqual([]);
  cgroup.remove();
});
