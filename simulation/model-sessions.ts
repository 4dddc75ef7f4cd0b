import type { HelloOrder } from "../control-plane/agents/agent-store.ts";

interface Registered extends HelloOrder {
  readonly sessions: number;
  readonly atMs: number;
}

/** As in agent-store.ts. */
const OVERTAKEN_WITHIN_MS = 60_000;

/** The agents' rows, as far as `registerSession` of `agents/agent-store.ts` decides by them: one order of Hellos for all replicas. */
export class ModelSessions {
  readonly #agents = new Map<string, Registered>();
  readonly #nowMs: () => number;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  /** @returns the number of the agent's new session, undefined when a newer Hello came before this one */
  register(agentId: string, { start, dial }: HelloOrder): number | undefined {
    const known = this.#agents.get(agentId);
    const isNewer = known === undefined || start > known.start || (start === known.start && dial > known.dial);
    if (!isNewer && known.atMs >= this.#nowMs() - OVERTAKEN_WITHIN_MS) return undefined;
    const sessions = (known?.sessions ?? 0) + 1;
    this.#agents.set(agentId, { start, dial, sessions, atMs: this.#nowMs() });
    return sessions;
  }
}
