import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { openTestExecution, runScript, startScript } from "../runner/attempt-harness.ts";
import { type FolderUse, SharedFolders } from "./shared-folders.ts";

const dir = mkdtempSync(join(tmpdir(), "millrace-shared-"));
const opened = await openTestExecution({ network: "none", prepared: 1, sharedMaxBytes: 1024 * 1024 });
const { execution } = opened;
afterAll(() => {
  opened.dispose();
  rmSync(dir, { recursive: true, force: true });
});

const run = (number: number): string => `01a3185c-b89f-7000-8000-${String(number).padStart(12, "0")}`;
const first = (runId: string) => ({ folder: { runId, create: true } });
const later = (runId: string) => ({ folder: { runId, create: false } });

function must(use: FolderUse | undefined): FolderUse {
  if (use === undefined) throw new Error("the folder must be there");
  return use;
}

async function untilGone(path: string): Promise<void> {
  while (existsSync(path)) await new Promise((resolve) => setTimeout(resolve, 5));
}

it("keeps a folder from step to step, names it, and removes it when the run needs it no more and no attempt is in it", async () => {
  const folders = await SharedFolders.open(join(dir, "a"), 1024);
  const use = must(await folders.take({ runId: run(1), create: true }, "11"));
  writeFileSync(join(use.bounds.folder, "kept"), "x");
  use.leave();
  const again = must(await folders.take({ runId: run(1), create: false }, "12"));
  expect(again.bounds.folder).toBe(use.bounds.folder);
  expect(folders.refs()).toEqual([{ jobId: run(1), token: "12" }]);
  folders.release(run(1));
  expect([folders.refs(), await folders.take({ runId: run(1), create: false }, "13"), existsSync(again.bounds.folder)]).toEqual([[], undefined, true]);
  again.leave();
  await untilGone(again.bounds.folder);
  folders.release(run(2));
});

it("gives the first step a new folder, also when there is one of that run", async () => {
  const folders = await SharedFolders.open(join(dir, "b"), 1024);
  const old = must(await folders.take({ runId: run(1), create: true }, "11"));
  const fresh = must(await folders.take({ runId: run(1), create: true }, "12"));
  expect(fresh.bounds.folder).not.toBe(old.bounds.folder);
  old.leave();
  await untilGone(old.bounds.folder);
  expect(existsSync(fresh.bounds.folder)).toBe(true);
  await expect(folders.take({ runId: "../etc", create: true }, "1")).rejects.toThrow(/run of a flow/);
});

it("lets an attempt in when the one before it has ended, and not at all when the folder is over then", async () => {
  const folders = await SharedFolders.open(join(dir, "e"), 1024);
  const dying = must(await folders.take({ runId: run(1), create: true }, "11"));
  const order: string[] = [];
  const next = folders.take({ runId: run(1), create: false }, "12").then((use) => {
    order.push("in");
    return must(use);
  });
  await new Promise((resolve) => setImmediate(resolve));
  order.push("ended");
  dying.leave();
  const use = await next;
  const last = folders.take({ runId: run(1), create: false }, "13");
  expect(order).toEqual(["ended", "in"]);
  folders.release(run(1));
  use.leave();
  expect(await last).toBeUndefined();
});

it("throws away what another process has left behind, and by a sweep what could not be removed", async () => {
  const of = join(dir, "c");
  mkdirSync(join(of, "run-of-before", "deep"), { recursive: true });
  const folders = await SharedFolders.open(of, 1024);
  expect(readdirSync(of)).toEqual([]);
  const use = must(await folders.take({ runId: run(1), create: true }, "1"));
  mkdirSync(join(of, "run-left"));
  expect(await folders.sweep()).toBe(1);
  expect(existsSync(use.bounds.folder)).toBe(true);
});

it("says how a folder breaks its bounds", async () => {
  const folders = await SharedFolders.open(join(dir, "d"), 1024 * 1024);
  const use = must(await folders.take({ runId: run(1), create: true }, "1"));
  expect(await use.fault()).toBeUndefined();
  writeFileSync(join(use.bounds.folder, "large"), Buffer.alloc(2_000_000, 1));
  expect(await use.fault()).toBe("the flow's steps wrote more than 1 MiB");
});

it("shows a step the folder as `shared`, with what steps of other users have left in it, to read and to write", async () => {
  const write = await runScript(
    execution,
    "bash",
    "mkdir -m 700 shared/d && echo one > shared/d/f && chmod 600 shared/d/f && ln -s /etc/passwd shared/link",
    first(run(10)),
  );
  expect(write.exit.reason).toBe("succeeded");
  const read = await runScript(execution, "bash", "echo two >> /tmp/shared/d/f; cat shared/d/f | tr '\\n' ' '; rm -r shared/d", later(run(10)));
  expect(read).toMatchObject({ exit: { reason: "succeeded" }, resultJson: '"one two"' });
  const other = await runScript(execution, "bash", "if [ -e shared ]; then echo there; else echo none; fi");
  expect(other.resultJson).toBe('"none"');
  expect(execution.folders.refs().map(({ jobId }) => jobId)).toContain(run(10));
});

it("does so without a sandbox, too", async () => {
  const plain = await openTestExecution({ sandbox: "off" });
  try {
    expect((await runScript(plain.execution, "bash", "echo one > shared/f", first(run(20)))).exit.reason).toBe("succeeded");
    expect((await runScript(plain.execution, "bash", "cat shared/f", later(run(20)))).resultJson).toBe('"one"');
  } finally {
    plain.dispose();
  }
});

it("ends a step whose folder is not there before anything of it runs", async () => {
  const outcome = await runScript(execution, "bash", "echo ran", later(run(11)));
  expect(outcome).toMatchObject({ exit: { reason: "folder_lost" }, startedAtUs: 0, stdout: "" });
  expect(JSON.parse(outcome.resultJson)).toMatchObject({ error: { name: "FolderLost" } });
});

it("ends a step that makes the folder too large: while it runs, and when it has ended before anybody looked", async () => {
  const running = startScript(execution, "bash", "head -c 3000000 /dev/zero > shared/f; sleep 60", first(run(12)));
  expect((await running.done).exit).toMatchObject({ reason: "disk_full", message: "the flow's steps wrote more than 1 MiB" });
  const quick = await runScript(execution, "bash", "head -c 3000000 /dev/zero > shared/f", first(run(13)));
  expect(quick.exit.reason).toBe("disk_full");
});
