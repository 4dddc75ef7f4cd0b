import type { AgentKey, JobId, SessionId, Token } from "../../kernel/ids.ts";
import { epochOfToken, type JobEnd, shardOfToken } from "../jobs/model.ts";
import type { FinishVerdict } from "./agent-port.ts";
import type { Arrivals } from "./arrivals.ts";
import type { Cancels } from "./cancels.ts";
import { type AgentHello, type Attached, attachAgent, detachAgent, reclaimSilent, setSlots, silentAgent } from "./core/agents-core.ts";
import { FLOW_AGENT } from "./core/flow-agent.ts";
import type { RunningJob } from "./core/model.ts";
import { strays } from "./core/pinned-core.ts";
import type { Endings } from "./endings.ts";
import { LostHomes } from "./lost-homes.ts";
import type { OwnerDeps } from "./owner-deps.ts";

/** What agents touch of the owner. */
export interface AgentReportsParts {
  readonly endings: Endings;
  readonly cancels: Cancels;
  readonly arrivals: Arrivals;
  readonly wake: () => void;
}

type Attempt = { readonly id: JobId; readonly token: Token };

/**
 * What an owner hears of its agents, and what it makes of their silence: sessions that begin and end, slots, what they hold, how attempts go on. It
 * judges the attempts of its own shards alone.
 */
export class AgentReports {
  readonly #deps: OwnerDeps;
  readonly #parts: AgentReportsParts;
  readonly #lostHomes: LostHomes;

  constructor(deps: OwnerDeps, parts: AgentReportsParts) {
    this.#deps = deps;
    this.#parts = parts;
    this.#lostHomes = new LostHomes(deps.times.homeFenceMs);
  }

  /** A session begins. @returns the attempts of our shards: those that the agent must drop, and those that it goes on with */
  attached(hello: AgentHello): { drop: Attached["drop"]; kept: Token[] } {
    const { state } = this.#deps;
    const { endings, cancels, wake } = this.#parts;
    const { missing, drop } = attachAgent(state, hello);
    for (const running of missing) endings.lose(running, "the agent came back without it");
    // A cancel that was asked for while the agent was away.
    for (const running of state.agents.get(hello.key)?.running.values() ?? []) if (running.cancel !== undefined) cancels.tell(running, running.cancel.reason);
    wake();
    const kept = [...hello.held].flatMap(([id, token]) => (this.attemptOf(hello.key, id, token) === undefined ? [] : [token]));
    return { drop: drop.filter(({ token }) => this.#judges(token)), kept };
  }

  /** @param heardAtMs monotonic time of the agent's last frame: its attempts are given away `reclaimMs` after that */
  detached(key: AgentKey, session: SessionId, heardAtMs: number): void {
    detachAgent(this.#deps.state, key, session, heardAtMs);
  }

  /** A home is not heard any more, or was never: see LostHomes. @param heardAtMs monotonic */
  homeLost(heardAtMs: number): void {
    this.#lostHomes.lost(heardAtMs);
  }

  slotsChanged(key: AgentKey, slots: number): void {
    setSlots(this.#deps.state, key, slots);
    this.#parts.wake();
  }

  received(agent: AgentKey, id: JobId, token: Token): void {
    const running = this.attemptOf(agent, id, token);
    if (running?.phase === "assigned") running.phase = "received";
  }

  started(agent: AgentKey, id: JobId, token: Token, atMs: number): void {
    const { clock, metrics } = this.#deps;
    const running = this.attemptOf(agent, id, token);
    // Before the commit of its claim nobody can have been given it: an agent that says so has guessed the token.
    if (running === undefined || running.phase === "ending" || running.phase === "claiming") return;
    running.phase = "started";
    running.startedAtMs = atMs;
    running.startHeardMs = clock.monotonicMs();
    metrics.started(clock.wallMs() - running.job.dueAtMs);
  }

  /** An attempt has ended. Resolves after the commit with the verdict for the agent; idempotent for the same token. */
  finished(agent: AgentKey, end: Omit<JobEnd, "workspace">): Promise<FinishVerdict> {
    this.#parts.arrivals.slotFreed();
    return this.#parts.endings.finished(agent, this.attemptOf(agent, end.id, end.token), end);
  }

  /** The attempt, if that agent has it by right. */
  attemptOf(agent: AgentKey, id: JobId, token: Token): RunningJob | undefined {
    const running = this.#deps.state.running.get(id);
    return running !== undefined && running.token === token && running.agent === agent ? running : undefined;
  }

  /**
   * Compares what an agent says it holds with what it should hold.
   * An attempt that it had confirmed and no longer has is lost. @returns what it holds without right
   */
  reconcile(agent: AgentKey, held: ReadonlyMap<JobId, Token>): Attempt[] {
    for (const running of this.#deps.state.agents.get(agent)?.running.values() ?? []) {
      const confirmed = running.phase === "received" || running.phase === "started";
      if (confirmed && held.get(running.job.id) !== running.token) this.#parts.endings.lose(running, "the agent no longer has it");
    }
    return [...held].flatMap(([id, token]) => (this.attemptOf(agent, id, token) !== undefined || !this.#judges(token) ? [] : [{ id, token }]));
  }

  /**
   * Folders that an agent keeps for runs of flows, by the run, with the token of an attempt that used it.
   * @returns those that it keeps in vain: the run does not go on here
   */
  reconcileFolders(folders: ReadonlyMap<JobId, Token>): Attempt[] {
    const { running } = this.#deps.state;
    return [...folders].flatMap(([id, token]) => (running.get(id)?.agent === FLOW_AGENT || !this.#judges(token) ? [] : [{ id, token }]));
  }

  /** Once a second: agents that were silent for too long, and jobs that only such a one could run. */
  lookForSilent(nowMs: number): void {
    const { state, times } = this.#deps;
    const { endings, cancels } = this.#parts;
    for (const stray of strays(state, nowMs, times.reclaimMs, (key) => void silentAgent(state, key, nowMs))) cancels.endStray(stray);
    const silent = reclaimSilent(state, nowMs, times.reclaimMs, (ms) => this.#lostHomes.silentSince(ms));
    for (const running of silent) endings.lose(running, "its agent was silent for too long");
  }

  /** Whether an attempt is ours to judge: one that was claimed under a later epoch is that of a successor whom we have not heard of yet. */
  #judges(token: Token): boolean {
    return this.#deps.owns(shardOfToken(token)) && epochOfToken(token) <= this.#deps.state.epoch;
  }
}
