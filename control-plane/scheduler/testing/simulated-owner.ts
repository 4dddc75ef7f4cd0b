import { asAgentKey, asJobId, asSessionId, asWorkspaceId, type JobId, type Token } from "../../../kernel/ids.ts";
import { attachAgent, detachAgent, reclaimSilent } from "../core/agents-core.ts";
import { abandonClaim, afterLoss, confirmClaim, dispatch, endRunning, forgetRunning, offerJob, takeBack } from "../core/dispatch-core.ts";
import type { RunningJob, WaitingJob } from "../core/model.ts";
import { abortRefill, admitWaiting, finishRefill, removeWaiting, reserveWaiting, takeRefills } from "../core/queue-core.ts";
import { createSchedulerState, type SchedulerState, sortsBefore } from "../core/state-core.ts";

/** A seeded generator of numbers in [0, 1): mulberry32. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

interface SimulatedAgent {
  readonly key: ReturnType<typeof asAgentKey>;
  session: number;
  connected: boolean;
  /** What the agent really runs. */
  readonly held: Map<JobId, Token>;
}

/**
 * The scheduler core with a model of Postgres and of agents around it. Commits are delayed and come in any order; agents
 * crash, lose their streams, come back with or without their attempts; refills read snapshots of other moments. After each
 * step `check` compares the core with what must be true.
 */
export class SimulatedOwner {
  readonly state: SchedulerState;
  readonly pending = new Map<JobId, WaitingJob>();
  readonly running = new Map<JobId, { token: Token; agent: string }>();
  readonly done = new Map<JobId, number>();
  readonly accepted = new Set<JobId>();
  readonly agents: SimulatedAgent[] = [];
  /** Commits and messages that have not happened yet. */
  readonly #inFlight: (() => void)[] = [];
  readonly #random: () => number;
  #nowMs = 1_000_000;
  #made = 0;

  constructor(seed: number, hotLimit: number) {
    this.#random = seededRandom(seed);
    this.state = createSchedulerState(7, hotLimit);
    for (let i = 1; i <= 4; i++) this.agents.push({ key: asAgentKey(String(i)), session: 0, connected: false, held: new Map() });
  }

  step(): void {
    this.#nowMs += Math.floor(this.#random() * 50);
    const dice = this.#random();
    if (dice < 0.28) this.enqueue();
    else if (dice < 0.6) this.#settleOne();
    else if (dice < 0.75) this.#agentFinishes();
    else if (dice < 0.8) this.#cancelOne();
    else if (dice < 0.85) this.#agentComesOrGoes();
    else if (dice < 0.87) this.#reclaim();
    else this.#round();
    this.check();
  }

  /** No more faults: everything that was accepted must end. */
  drain(): void {
    for (const agent of this.agents) if (!agent.connected) this.#connect(agent);
    for (let i = 0; i < 200_000 && (this.done.size < this.accepted.size || this.#inFlight.length > 0); i++) {
      this.#nowMs += 100;
      while (this.#inFlight.length > 0) this.#settleOne();
      this.#agentFinishes();
      this.#round();
    }
  }

  enqueue(): void {
    this.#made += 1;
    const random = this.#random();
    const job: WaitingJob = {
      id: asJobId(`00000000-0000-7000-8000-${this.#made.toString(16).padStart(12, "0")}`),
      workspace: asWorkspaceId(String(1 + Math.floor(random * 3))),
      shard: 0,
      tag: "default",
      language: this.#random() < 0.8 ? "bash" : "python3",
      prio: this.#random() < 0.9 ? 4 : Math.floor(this.#random() * 9),
      dueAtMs: this.#nowMs,
      attempt: 0,
      lost: 0,
      scriptId: undefined,
      timeoutMs: undefined,
    };
    const direct = offerJob(this.state, job, this.#nowMs);
    if (direct !== undefined) {
      this.#later(() => {
        this.accepted.add(job.id);
        this.#rowRuns(direct.running);
      });
      return;
    }
    reserveWaiting(this.state, job);
    this.#later(() => {
      this.accepted.add(job.id);
      this.pending.set(job.id, job);
      admitWaiting(this.state, job);
    });
  }

  check(): void {
    for (const id of this.accepted) {
      const places = Number(this.pending.has(id)) + Number(this.running.has(id)) + Number(this.done.has(id));
      if (places !== 1) throw new Error(`job ${id} is in ${places} places`);
    }
    for (const agent of this.state.agents.values()) {
      if (agent.session !== undefined && agent.running.size > agent.slots)
        throw new Error(`agent ${agent.key} has ${agent.running.size} of ${agent.slots} slots`);
    }
    for (const route of this.state.routes.values()) if (route.waiting < 0) throw new Error(`route ${route.key} counts ${route.waiting}`);
  }

  #later(commit: () => void): void {
    this.#inFlight.push(commit);
  }

  #settleOne(): void {
    const at = Math.floor(this.#random() * this.#inFlight.length);
    this.#inFlight.splice(at, 1)[0]?.();
  }

  #round(): void {
    for (const { running } of dispatch(this.state, this.#nowMs, 20)) {
      this.#later(() => {
        const row = this.pending.get(running.job.id);
        if (row === undefined) {
          abandonClaim(this.state, running);
          return;
        }
        this.pending.delete(running.job.id);
        this.#rowRuns(running);
      });
    }
    for (const queue of takeRefills(this.state, 2)) {
      const limit = 5;
      const from = queue.cursor;
      const rows = [...this.pending.values()]
        .filter((row) => row.workspace === queue.tenant.workspace && row.language === queue.route.language && (from === undefined || !sortsBefore(row, from)))
        .sort((a, b) => (sortsBefore(a, b) ? -1 : 1))
        .slice(0, limit);
      const fails = this.#random() < 0.1;
      this.#later(() => (fails ? abortRefill(this.state, queue) : finishRefill(this.state, queue, rows, rows.length < limit)));
    }
  }

  #rowRuns(running: RunningJob): void {
    this.running.set(running.job.id, { token: running.token, agent: running.agent });
    if (!confirmClaim(this.state, running)) this.#giveBack(running, false);
    else this.agents.find((agent) => agent.key === running.agent)?.held.set(running.job.id, running.token);
  }

  #agentFinishes(): void {
    for (const agent of this.agents) {
      if (!agent.connected) continue;
      for (const [id, token] of agent.held) {
        if (this.#random() < 0.5) continue;
        agent.held.delete(id);
        const running = endRunning(this.state, id, token, this.#nowMs);
        if (running === undefined) continue;
        this.#later(() => {
          if (this.running.get(id)?.token !== token) throw new Error(`the end of ${id} found another token`);
          this.running.delete(id);
          this.#end(id);
          forgetRunning(this.state, running);
        });
      }
    }
  }

  #giveBack(running: RunningJob, countLoss: boolean): void {
    if (!takeBack(this.state, running, this.#nowMs)) return;
    const job = { ...afterLoss(running, countLoss), lost: 0 };
    reserveWaiting(this.state, job);
    this.#later(() => {
      this.running.delete(job.id);
      this.pending.set(job.id, job);
      forgetRunning(this.state, running);
      admitWaiting(this.state, job);
    });
  }

  #cancelOne(): void {
    const waiting = [...this.state.waiting.keys()];
    const id = waiting[Math.floor(this.#random() * waiting.length)];
    if (id === undefined) return;
    removeWaiting(this.state, id);
    this.#later(() => {
      if (this.pending.delete(id)) this.#end(id);
    });
  }

  #agentComesOrGoes(): void {
    const agent = this.agents[Math.floor(this.#random() * this.agents.length)];
    if (agent === undefined) return;
    if (!agent.connected) this.#connect(agent);
    else {
      agent.connected = false;
      detachAgent(this.state, agent.key, asSessionId(`${agent.key}/${agent.session}`), this.#nowMs);
      // Half of them crash and forget what they ran.
      if (this.#random() < 0.5) agent.held.clear();
    }
  }

  #connect(agent: SimulatedAgent): void {
    agent.session += 1;
    agent.connected = true;
    const hello = {
      key: agent.key,
      name: `agent-${agent.key}`,
      session: asSessionId(`${agent.key}/${agent.session}`),
      workspace: agent.key === "4" ? asWorkspaceId("2") : undefined,
    };
    const { missing, drop } = attachAgent(this.state, { ...hello, tags: ["default"], languages: ["bash", "python3"], slots: 3, held: new Map(agent.held) });
    for (const running of missing) this.#giveBack(running, true);
    for (const { id } of drop) agent.held.delete(id);
  }

  #reclaim(): void {
    for (const running of reclaimSilent(this.state, this.#nowMs, 2000)) this.#giveBack(running, true);
  }

  #end(id: JobId): void {
    if (this.done.has(id)) throw new Error(`job ${id} ended twice`);
    this.done.set(id, 1);
  }
}
