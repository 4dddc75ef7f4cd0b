import { type Exit, exitOf } from "../../kernel/exit.ts";
import type { RunningJob } from "./core/model.ts";
import type { OwnerDeps } from "./owner-deps.ts";

/** The exit that the owner itself gives to an attempt whose agent should have ended it long ago. @param nowMs monotonic */
export function overdueExit({ limits, times }: Pick<OwnerDeps, "limits" | "times">, running: RunningJob, nowMs: number): Exit | undefined {
  if (running.phase === "claiming" || running.phase === "ending") return undefined;
  const slack = limits.cancelGraceMs + times.marginMs;
  if (running.cancel !== undefined && nowMs - running.cancel.atMs > slack) return exitOf("cancelled", running.cancel.reason);
  const timeoutMs = running.job.timeoutMs ?? limits.timeoutMs;
  // A claim may take long to commit (Postgres was away): the agent's time begins when it was sent.
  const sinceMs = running.startHeardMs ?? Math.max(running.claimedAtMs, running.sentAtMs);
  return nowMs - sinceMs > timeoutMs + slack ? exitOf("timeout", `the attempt did not end within ${timeoutMs} ms and its agent did not stop it`) : undefined;
}
