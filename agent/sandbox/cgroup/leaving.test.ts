import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test, vi } from "vitest";
import { KERNEL_FOLDERS } from "./group-files.ts";
import { Leaving } from "./leaving.ts";

const dir = mkdtempSync(join(tmpdir(), "millrace-leaving-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

/** A folder that looks like a group with these processes, and never becomes empty. */
function groupWith(name: string, pids: readonly number[]): string {
  const group = join(dir, name);
  mkdirSync(group);
  writeFileSync(join(group, "cgroup.procs"), pids.join("\n"));
  return group;
}

test("groups that go on coming do not put off those that came before", async () => {
  const leaving = new Leaving(KERNEL_FOLDERS);
  const child = spawn("/bin/sleep", ["300"], { stdio: "ignore" });
  const exit = new Promise((resolve) => child.once("exit", (_code, signal) => resolve(signal)));
  const others = groupWith("others", []);
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  try {
    leaving.remove([groupWith("first", [child.pid ?? -1])]);
    for (let passedMs = 0; passedMs < 20; passedMs += 2) {
      vi.advanceTimersByTime(2);
      leaving.remove([others]);
    }
  } finally {
    vi.useRealTimers();
  }
  // Who has not been killed by now ends by itself.
  child.kill("SIGTERM");
  expect(await exit).toBe("SIGKILL");
});
