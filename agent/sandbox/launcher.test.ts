import { execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { closeSync, constants, mkdtempSync, openSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { launcherArgv, RECORD_FD } from "./launcher.ts";
import { DEFAULT_RLIMITS } from "./sandbox.ts";
import { readableOf } from "./supervise.ts";

const mayUnshare = process.getuid?.() === 0 && spawnSync("unshare", ["--pid", "--fork", "true"]).status === 0;

/** What is printed by a script, as process 1 of a namespace of its own. @param heard whether somebody reads what the launcher says */
function printed(heard: boolean): string {
  const folder = mkdtempSync(join(tmpdir(), "millrace-launcher-"));
  const pipe = join(folder, "record");
  execFileSync("mkfifo", [pipe]);
  const reader = openSync(pipe, constants.O_RDONLY | constants.O_NONBLOCK);
  const record = openSync(pipe, constants.O_WRONLY);
  if (!heard) closeSync(reader);
  try {
    const argv = ["--pid", "--fork", ...launcherArgv(["echo", "the script"], DEFAULT_RLIMITS)];
    const { stdout } = spawnSync("unshare", argv, { stdio: ["ignore", "pipe", "ignore", "ignore", "ignore", record], encoding: "utf8" });
    return stdout;
  } finally {
    closeSync(record);
    if (heard) closeSync(reader);
    rmSync(folder, { recursive: true });
  }
}

test.runIf(mayUnshare)("a script does not begin when the agent has died while its sandbox was made", () => {
  expect(RECORD_FD).toBe(5);
  expect(printed(true)).toBe("the script\n");
  expect(printed(false)).toBe("");
});

test("a script that is asked to end as soon as it has begun does not go on", async () => {
  const [program = "", ...args] = launcherArgv(["sleep", "3"], DEFAULT_RLIMITS);
  for (let round = 0; round < 30; round++) {
    const child = spawn(program, args, { detached: true, stdio: ["ignore", "ignore", "ignore", "ignore", "ignore", "pipe"] });
    readableOf(child, RECORD_FD).once("data", () => process.kill(-(child.pid ?? 0), "SIGTERM"));
    expect(await once(child, "exit")).toEqual([143, null]);
  }
});
