import { AppError } from "../../kernel/app-error.ts";
import { isUuid } from "../../kernel/ids.ts";
import type { ApiClient } from "../api-client.ts";
import { connect } from "../connect.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { printJson, say } from "../output.ts";
import type { ConnectionFlags } from "../settings.ts";

export interface OrderOptions extends ConnectionFlags {
  readonly json?: boolean;
}

const DONE = {
  pause: "is paused: it gets no new jobs",
  resume: "gets jobs again",
  drain: "drains, and ends when it is through",
  revoke: "is revoked",
} as const;

/** `millrace agents pause|resume|drain|revoke`. */
export async function agentOrderCommand(agent: string, order: keyof typeof DONE, options: OrderOptions): Promise<ExitCode> {
  const api = connect(options);
  const answer = await api.orderAgent(await idOf(api, agent), order);
  if (options.json === true) printJson(answer);
  else say(`${agent} ${DONE[order]}`);
  return EXIT.ok;
}

/** Errors: not_found, failed_precondition for a name that several agents have. */
async function idOf(api: ApiClient, agent: string): Promise<string> {
  if (isUuid(agent.toLowerCase())) return agent.toLowerCase();
  const [connected, enrolled] = await Promise.all([api.agents(), api.enrolledAgents()]);
  const ids = new Set([...connected, ...enrolled].filter(({ name }) => name === agent).map(({ id }) => id));
  const [id] = ids;
  if (id === undefined) throw new AppError("not_found", `there is no agent ${JSON.stringify(agent)}`, { hint: "`millrace agents` lists them" });
  if (ids.size > 1) throw new AppError("failed_precondition", `${ids.size} agents have this name: give an id (${[...ids].join(", ")})`);
  return id;
}
