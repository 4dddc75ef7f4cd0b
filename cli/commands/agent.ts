import { EXIT, type ExitCode } from "../exit-codes.ts";

export interface AgentOptions {
  readonly untilStdinEnds?: boolean;
  readonly once?: boolean;
}

/** `millrace agent`: an agent in this process until SIGTERM or Ctrl-C. */
export async function agentCommand(options: AgentOptions): Promise<ExitCode> {
  const { runAgentProcess } = await import("../../agent/main.ts");
  if (options.untilStdinEnds === true) {
    // The other end belongs to the process that started us: it closes however that process ends.
    process.stdin.on("end", () => process.kill(process.pid, "SIGTERM"));
    process.stdin.on("error", () => process.kill(process.pid, "SIGTERM"));
    process.stdin.resume();
  }
  if (options.once === true) process.env["MILLRACE_AGENT_MAX_JOBS"] = "1";
  return (await runAgentProcess()) === 0 ? EXIT.ok : EXIT.precondition;
}
