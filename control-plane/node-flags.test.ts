import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { serverNodeFlags } from "./node-flags.ts";

/** Threads of a Node that does nothing else. */
const threads = (flags: readonly string[]): number =>
  Number(execFileSync(process.execPath, [...flags, "-p", `process.getBuiltinModule("fs").readdirSync("/proc/self/task").length`], { encoding: "utf8" }));

test("a control plane has a helper for each core beside the first, one at least, and never more than Node's four", () => {
  expect([1, 2, 4, 64].map((cores) => serverNodeFlags(cores))).toEqual([1, 1, 3, 4].map((helpers) => [`--v8-pool-size=${helpers}`]));
});

test("Node has three threads less where it is told to have one helper instead of its own four", () => {
  expect(threads([]) - threads(["--v8-pool-size=1"])).toBe(3);
});

/** @returns what bin/millrace makes of the number of cores */
function helpersOfCommand(cores: number): string {
  const command = readFileSync(new URL("../bin/millrace", import.meta.url), "utf8");
  const [, script = ""] = /server \| start\)\n(.*?)\n\s*exec /s.exec(command) ?? [];
  return execFileSync("sh", ["-euc", `nproc() { echo ${cores}; }\n${script}\necho "$helpers"`], { encoding: "utf8" }).trim();
}

test("bin/millrace starts it in the same way", () => {
  for (const cores of [1, 2, 4, 64]) expect(serverNodeFlags(cores)).toEqual([`--v8-pool-size=${helpersOfCommand(cores)}`]);
});
