/** Finds out by trying what a sandbox holds. */
import type { CgroupDriver } from "./cgroup/cgroup.ts";
import { probe } from "./probe.ts";
import type { Sandbox } from "./sandbox.ts";

/** Shell built-ins only, so that it says the same on every host. `-w` asks the kernel and writes nothing. */
const SELF_TEST = [
  "while read -r key value rest; do",
  '  case "$key" in NoNewPrivs:|Seccomp:|CapEff:) echo "$key$value";; esac',
  "done < /proc/self/status",
  "[ -w /proc/sys/kernel/core_pattern ] && echo writable:core_pattern",
  "[ -w / ] && echo writable:/",
  "[ -w /dev ] && echo writable:/dev",
  "[ -r /etc/shadow ] && echo readable:shadow",
  "count=0; while read -r line; do count=$((count + 1)); done < /proc/net/dev; echo net:$count",
  "echo pid:$PPID",
].join("\n");

const EXPECTED = ["CapEff:0000000000000000", "NoNewPrivs:1", "Seccomp:2", "pid:1"];
/** Two heading lines and the loopback device. */
const ISOLATED_NET = "net:3";

/** Looks from inside a throw-away sandbox whether it holds. @returns what does not */
export async function isolationTrial(sandbox: Sandbox): Promise<string[]> {
  const { end, stdout, stderr } = await probe(sandbox, ["/bin/sh", "-c", SELF_TEST]);
  if (end.kind === "setup_failed") return [`a trial sandbox could not be made: ${end.message}`];
  if (end.code !== 0) return [`a trial sandbox ended with code ${end.code}: ${stderr.slice(0, 200)}`];
  const lines = new Set(stdout.split("\n"));
  const faults = [...EXPECTED, ISOLATED_NET].filter((line) => !lines.has(line)).map((line) => `the trial sandbox did not show ${line}`);
  for (const line of lines) if (/^(?:writable|readable):/.test(line)) faults.push(`inside the trial sandbox: ${line}`);
  return faults;
}

const TRIAL_MEMORY_BYTES = 12 * 1024 * 1024;
const TRIAL_TMP_BYTES = 32 * 1024 * 1024;
/** Memory that no process owns, and more of it than the trial may have. */
const FILL = ["/bin/sh", "-c", "head -c 24000000 /dev/zero > /tmp/fill; echo survived"];

/** Lets a throw-away sandbox use more memory than it may. @returns what is wrong with the limit */
export async function memoryTrial(sandbox: Sandbox, cgroups: CgroupDriver): Promise<string | undefined> {
  if (!cgroups.controls.has("memory")) return cgroups.reasons.join("; ");
  const { end } = await probe(sandbox, FILL, [], { limits: { memoryBytes: TRIAL_MEMORY_BYTES }, tmpBytes: TRIAL_TMP_BYTES });
  if (end.kind === "setup_failed") return end.message;
  if ((end.usage?.oomKills ?? 0) > 0) return undefined;
  return "a trial used twice the memory that it was given";
}
