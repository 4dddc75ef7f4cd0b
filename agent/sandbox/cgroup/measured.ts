import type { SandboxProcess } from "../sandbox.ts";
import type { JobCgroup } from "./cgroup.ts";

/** The process with its group: what that has counted when it is over, and its memory meanwhile. */
export function measured(running: SandboxProcess, cgroup: JobCgroup): SandboxProcess {
  const done = running.done.then((end) => (end.kind === "ended" ? { ...end, usage: cgroup.usage() } : end));
  return { ...running, done, usage: () => cgroup.usage(), memory: cgroup };
}
