import type { AgentView } from "../../control-plane/agents/contract.ts";
import { connect } from "../connect.ts";
import { formatAge } from "../durations.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { formatTable, inkFor, printJson, say } from "../output.ts";
import { plainText } from "../sanitise.ts";
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
      ["NAME", "STATE", "SCOPE", "TAGS", "BUSY", "SLOTS", "SANDBOX", "CONNECTED", "VERSION", "LANGUAGES"],
      agents.map((agent) => rowOf(agent, Date.now())),
      (cell, _column, row) => (row === -1 ? ink.dim(cell) : cell),
    ),
  );
  // Below the table, not in it: the reason of one would make every line too long.
  for (const { name, state = "active", state_reason: why = "" } of agents) if (why !== "") say(`${plainText(name)} is ${state}: ${plainText(why)}`);
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
    agent.sandbox.level > 0 ? `level ${agent.sandbox.level}` : "none",
    formatAge(Date.parse(agent.connected_at), nowMs),
    agent.version,
    // Their versions are in the JSON: a line of all would be as wide as three terminals.
    agent.languages.map(({ language }) => language).join(", "),
  ];
}
