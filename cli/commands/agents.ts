import type { AgentView } from "../../control-plane/agents/contract.ts";
import { connect } from "../connect.ts";
import { formatAge } from "../durations.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { formatTable, inkFor, printJson, say } from "../output.ts";
import type { ConnectionFlags } from "../settings.ts";

export interface AgentsOptions extends ConnectionFlags {
  readonly json?: boolean;
}

/** `millrace agents`: who is connected, with how many free slots. */
export async function agentsCommand(options: AgentsOptions): Promise<ExitCode> {
  const agents = await connect(options).agents();
  if (options.json === true) {
    printJson({ agents });
    return EXIT.ok;
  }
  if (agents.length === 0) {
    say("no agent is connected: jobs wait until one is (`millrace agent`, or `millrace dev` for all in one)");
    return EXIT.ok;
  }
  const ink = inkFor(process.stdout);
  process.stdout.write(
    formatTable(
      ["NAME", "STATE", "SCOPE", "TAGS", "BUSY", "SLOTS", "LANGUAGES", "SANDBOX", "CONNECTED", "VERSION"],
      agents.map((agent) => rowOf(agent, Date.now())),
      (cell, _column, row) => (row === -1 ? ink.dim(cell) : cell),
    ),
  );
  return EXIT.ok;
}

function rowOf(agent: AgentView, nowMs: number): string[] {
  return [
    agent.name,
    agent.state ?? "active",
    agent.shared ? "shared" : "workspace",
    agent.tags.join(","),
    String(agent.running),
    String(agent.slots),
    agent.languages.map((entry) => `${entry.language} ${entry.version}`.trim()).join(", "),
    agent.sandbox.level > 0 ? `level ${agent.sandbox.level}` : "none",
    formatAge(Date.parse(agent.connected_at), nowMs),
    agent.version,
  ];
}
