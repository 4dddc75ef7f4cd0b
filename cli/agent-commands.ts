import { type Command, InvalidArgumentError } from "commander";
import { parseDurationMs } from "./durations.ts";
import type { ExitCode } from "./exit-codes.ts";

const ORDERS = [
  ["pause", "give an agent no new jobs; what it runs goes on"],
  ["resume", "give a paused agent jobs again"],
  ["drain", "let an agent finish what it runs, hand back the rest and end"],
  ["revoke", "cut an agent off for good: its jobs are killed and start again elsewhere"],
] as const;

/** `millrace agents` and what is below it. */
export function addAgentCommands(program: Command, finish: (code: ExitCode) => void, withConnection: (command: Command) => Command): void {
  const agents = withConnection(program.command("agents"))
    .description("list connected agents")
    .action(async (options) => finish(await (await import("./commands/agents.ts")).agentsCommand(options)));
  for (const [order, description] of ORDERS) {
    withConnection(agents.command(order))
      .description(description)
      .argument("<agent>", "its name, if only one has it, or its id")
      .action(async (agent, _options, command: Command) =>
        finish(await (await import("./commands/agent-orders.ts")).agentOrderCommand(agent, order, command.optsWithGlobals())),
      );
  }
  const tokens = agents.command("join-token").description("tokens with which hosts join the workspace as agents");
  withConnection(tokens.command("create"))
    .description("make one: it is printed once, on stdout")
    .option("--uses <count>", "how many agents may join with it", count, 1)
    .option("--expires <duration>", "until when, such as 24h or 7d", seconds, 24 * 60 * 60)
    .option("--tags <list>", "tags that its agents may serve; default all", list, [])
    .option("--cidr <list>", "addresses that its agents may come from, such as 10.0.0.0/8; default all", list, [])
    .option("--label <text>", "a note for people", "")
    .action(async (_options, command: Command) => finish(await (await import("./commands/join-tokens.ts")).createJoinTokenCommand(command.optsWithGlobals())));
  withConnection(tokens.command("list"))
    .description("show them, newest first")
    .action(async (_options, command: Command) => finish(await (await import("./commands/join-tokens.ts")).joinTokensCommand(command.optsWithGlobals())));
  withConnection(tokens.command("revoke"))
    .description("nobody can join with it any more; agents that did stay")
    .argument("<id>")
    .action(async (id, _options, command: Command) =>
      finish(await (await import("./commands/join-tokens.ts")).revokeJoinTokenCommand(id, command.optsWithGlobals())),
    );
}

function list(text: string): string[] {
  return text
    .split(",")
    .map((item) => item.trim())
    .filter((item) => item !== "");
}

function count(text: string): number {
  if (!/^[1-9]\d{0,4}$/.test(text)) throw new InvalidArgumentError("It is a whole number from 1.");
  return Number(text);
}

function seconds(text: string): number {
  try {
    return Math.ceil(parseDurationMs(text) / 1000);
  } catch {
    throw new InvalidArgumentError("It is a duration such as 24h.");
  }
}
