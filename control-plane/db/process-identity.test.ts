import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { Writable } from "node:stream";
import { expect, test } from "vitest";
import { identityOf, isAlive, ownIdentity, postgresProcessesIn } from "./process-identity.ts";

test("a process is alive until it ends, and a later one with its pid is another", async () => {
  const child = spawn(process.execPath, ["-e", "process.stdin.resume()"], { stdio: ["pipe", "ignore", "ignore"] });
  await once(child, "spawn");
  const identity = identityOf(child.pid ?? 0);
  if (identity === undefined) throw new Error("the child has no identity");
  expect(isAlive(identity)).toBe(true);
  if (process.platform === "linux") expect(isAlive({ pid: identity.pid, startTime: "1" })).toBe(false);
  child.stdin.end();
  await once(child, "exit");
  expect(isAlive(identity)).toBe(false);
});

test.runIf(process.platform === "linux")("a zombie has ended", async () => {
  // The shell starts a child and becomes a program that never waits for it; only then may the child end.
  const shell = spawn("/bin/sh", ["-c", "cat <&3 & echo $!; exec sleep 60 3<&-"], { stdio: ["ignore", "pipe", "ignore", "pipe"] });
  const gate = shell.stdio[3];
  try {
    if (shell.stdout === null) throw new Error("the shell has no output");
    const [text] = await once(shell.stdout, "data");
    expect(identityOf(Number(text))).toBeDefined();
    await expect.poll(() => readFileSync(`/proc/${shell.pid}/comm`, "utf8").trim()).toBe("sleep");
    if (gate instanceof Writable) gate.end();
    await expect.poll(() => identityOf(Number(text))).toBeUndefined();
    // Its entry is still there: it was the state that decided.
    expect(() => process.kill(Number(text), 0)).not.toThrow();
  } finally {
    shell.kill("SIGKILL");
  }
});

test("only servers count as servers of a folder", () => {
  expect(isAlive(ownIdentity())).toBe(true);
  expect(postgresProcessesIn(process.cwd())).toEqual([]);
});
