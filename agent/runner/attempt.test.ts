import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { Purpose } from "../../proto/gen/millrace/agent/v1/job.ts";
import { createBubblewrap } from "../sandbox/bubblewrap.ts";
import { noCgroups } from "../sandbox/cgroup/cgroup.ts";
import { FifoPool } from "../sandbox/fifo-pool.ts";
import { createJobUids } from "../sandbox/job-uids.ts";
import { noFirewall } from "../sandbox/network/firewall.ts";
import { readSystemTree } from "../sandbox/system-tree.ts";
import { startAttempt } from "./attempt.ts";
import { bundleOf, filesOfJobs, openTestExecution, runScript, startScript } from "./attempt-harness.ts";
import { openExecution } from "./execution.ts";

const opened = await openTestExecution({
  noop: true,
  languages: ["bash", "noop", "typescript"],
  network: "none",
  prepared: 0,
  limits: { timeoutGraceMs: 200 },
});
const { execution } = opened;
afterAll(() => opened.dispose());
const unlimited = { cgroups: noCgroups([]), firewall: noFirewall("not in this test") };

describe("startAttempt", () => {
  it("knows when there is no runtime", async () => {
    const outcome = await runScript(execution, "cobol", "");
    expect(outcome).toMatchObject({ exit: { reason: "runtime_missing" }, startedAtUs: 0 });
  });

  it("runs in-process runtimes", async () => {
    expect(await runScript(execution, "noop", "", { args: '{"value":[1.50]}' })).toMatchObject({ exit: { reason: "succeeded" }, resultJson: "[1.50]" });
    expect(await runScript(execution, "noop", "")).toMatchObject({ exit: { reason: "succeeded" }, resultJson: "null" });
  });

  it("locks what depends on nothing as nothing, and does not run it", async () => {
    const outcomes = [
      await runScript(execution, "bash", "echo ran", { purpose: Purpose.PURPOSE_LOCK }),
      await runScript(execution, "noop", "", { purpose: Purpose.PURPOSE_LOCK }),
    ];
    for (const outcome of outcomes) expect(outcome).toMatchObject({ exit: { reason: "succeeded" }, resultJson: '{"lock":""}', stdout: "" });
  });

  it("runs what needs no packages where locks are demanded, and asks no registry for what does", async () => {
    const demand = { unlockedRefusal: "only with a lock" };
    expect(await runScript(execution, "typescript", "export function main() { return 1 }", demand)).toMatchObject({ resultJson: "1" });
    const before = execution.workshop.stats();
    const outcome = await runScript(execution, "typescript", 'import "zod";\nexport function main() {}', demand);
    expect(outcome).toMatchObject({ exit: { reason: "policy", message: "only with a lock" }, startedAtUs: 0, agentText: "" });
    expect(execution.workshop.stats()).toEqual(before);
  });

  it("does not start what was cancelled at once", async () => {
    const script = startScript(execution, "bash", "echo ran");
    script.cancel("");
    const outcome = await script.done;
    expect(outcome).toMatchObject({ exit: { reason: "cancelled", message: "the job was cancelled" }, startedAtUs: 0 });
    expect([script.printed(0).length, script.starts()]).toEqual([0, 0]);
  });

  it("lets an end count that came before the cancel", async () => {
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    // The receiver is busy, so the script's end is known before its output is read.
    const script = startScript(execution, "bash", "echo 1\n", { onOutput: () => held });
    await script.saw("1\n");
    await waitFor(() => readdirSync("/proc").every((name) => !isChildCalled(name, "bwrap")));
    script.cancel("late");
    release();
    expect(await script.done).toMatchObject({ exit: { reason: "succeeded" }, resultJson: "1" });
  });

  it("gives back its job user and folder whatever happens", async () => {
    await runScript(execution, "bash", "exit 1");
    await runScript(execution, "bash", "fi");
    await runScript(execution, "bash", "echo", { args: '{"unknown":1}' });
    expect(await filesOfJobs(execution)).toEqual([]);
  });

  it("runs many at once, each with its own result", async () => {
    const numbers = Array.from({ length: 24 }, (_, index) => index);
    const outcomes = await Promise.all(numbers.map((number) => runScript(execution, "bash", 'n="$1"\necho "$n"', { args: `{"n":${number}}` })));
    expect(outcomes.map((outcome) => outcome.resultJson)).toEqual(numbers.map(String));
  });

  it("reports a sandbox that cannot be made, with its reason, and prints nothing for the script", async () => {
    const system = { ...readSystemTree(opened.dir), binds: [{ source: "/no/such/folder", path: "/usr" }] };
    const sandbox = createBubblewrap({
      bwrapPath: "/usr/bin/bwrap",
      system,
      seccompPath: join(opened.dir, "seccomp.bpf"),
      uids: createJobUids(),
      pipes: new FifoPool(join(opened.dir, "pipes-2")),
      jobsDir: execution.jobsDir,
      ...unlimited,
    });
    const outcome = await runScript({ ...execution, sandbox }, "bash", "echo ran");
    expect(outcome.exit).toMatchObject({ reason: "sandbox_error", message: expect.stringContaining("/no/such/folder") });
    expect(outcome).toMatchObject({ stdout: "", stderr: "", startedAtUs: 0 });
  });

  it("reports a sandbox program that is gone", async () => {
    const sandbox = createBubblewrap({
      bwrapPath: "/no/such/bwrap",
      system: readSystemTree(opened.dir),
      seccompPath: join(opened.dir, "seccomp.bpf"),
      uids: createJobUids(),
      pipes: new FifoPool(join(opened.dir, "pipes-3")),
      jobsDir: execution.jobsDir,
      ...unlimited,
    });
    expect((await runScript({ ...execution, sandbox }, "bash", "echo ran")).exit).toMatchObject({
      reason: "sandbox_error",
      message: expect.stringContaining("ENOENT"),
    });
  });

  it("ends a set-up that hangs at the timeout", async () => {
    const hanging = join(opened.dir, "hang");
    writeFileSync(hanging, "#!/bin/sh\nexec sleep 300\n");
    chmodSync(hanging, 0o755);
    const sandbox = createBubblewrap({
      bwrapPath: hanging,
      system: readSystemTree(opened.dir),
      seccompPath: join(opened.dir, "seccomp.bpf"),
      uids: createJobUids(),
      pipes: new FifoPool(join(opened.dir, "pipes-4")),
      jobsDir: execution.jobsDir,
      ...unlimited,
    });
    const outcome = await runScript({ ...execution, sandbox }, "bash", "echo ran", { limits: { timeoutMs: 200 } });
    expect(outcome).toMatchObject({ exit: { reason: "timeout" }, startedAtUs: 0 });
  });

  it("asks a script to end at its soft timeout, and calls it timed out even when it then ends well", async () => {
    const code = "trap 'echo asked; exit 0' TERM\necho ready\nwhile true; do sleep 0.01 || true; done";
    const outcome = await runScript(execution, "bash", code, { limits: { softTimeoutMs: 1_500, timeoutMs: 60_000, cancelGraceMs: 60_000 } });
    expect(outcome.exit).toEqual({ reason: "timeout", code: 0, signal: "", message: "the script ran longer than its soft timeout of 1.5 s" });
    expect(outcome.stdout).toBe("ready\nasked\n");
  });

  it("kills at the hard timeout what did not end at the soft one, without another grace", async () => {
    const code = "trap '' TERM\nwhile true; do sleep 0.01; done";
    const begun = performance.now();
    const slow = { ...execution, limits: { ...execution.limits, timeoutGraceMs: 60_000 } };
    const outcome = await runScript(slow, "bash", code, { limits: { softTimeoutMs: 200, timeoutMs: 500, cancelGraceMs: 60_000 } });
    expect(outcome.exit.reason).toBe("timeout");
    expect(performance.now() - begun).toBeLessThan(10_000);
  });

  it("never rejects, even when a caller's own code throws in a log", async () => {
    const attempt = startAttempt(execution, bundleOf("bash", "echo 1"), { onStarted: () => undefined, onOutput: () => Promise.reject(new Error("full")) });
    expect(await attempt.done).toMatchObject({ exit: { reason: "succeeded" }, resultJson: "1" });
  });
});

describe("openExecution", () => {
  it("refuses to start without a sandbox", async () => {
    const dir = mkdtempSync(join(tmpdir(), "millrace-open-"));
    await expect(openExecution({ dir, sandbox: "required", bwrapPath: "/no/such/bwrap" })).rejects.toMatchObject({
      code: "failed_precondition",
      message: expect.stringContaining("/no/such/bwrap is missing"),
    });
    await expect(openExecution({ dir, sandbox: "required", bwrapPath: "/bin/true" })).rejects.toMatchObject({
      message: expect.stringContaining("trial sandbox"),
    });
    rmSync(dir, { recursive: true, force: true });
  });

  it("says how strong the sandbox is", () => {
    const { level, cgroups } = execution.enclosure;
    expect([opened.sandboxLevel, level()]).toEqual(process.getuid?.() !== 0 ? [1, 1] : cgroups.controls.size === 3 ? [3, 3] : [2, 2]);
    expect(opened.sandboxReasons.join()).toContain("no network rules: the agent was told to leave");
  });
});

async function waitFor(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}

/** A process of this name whose parent is this one. It is gone only when it was reaped, and with that Node tells of its exit. */
function isChildCalled(pid: string, name: string): boolean {
  if (!/^[0-9]+$/.test(pid)) return false;
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const match = /\((.*)\) \S (\d+)/.exec(stat);
    return match?.[1] === name && Number(match[2]) === process.pid;
  } catch {
    return false;
  }
}
