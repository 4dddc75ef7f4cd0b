import { asAgentKey, asJobId, asSessionId, asWorkspaceId, type JobId } from "../../../kernel/ids.ts";
import { attachAgent, silentAgent } from "../core/agents-core.ts";
import {
  abandonClaim,
  adoptRunning,
  afterLoss,
  chargeRunning,
  confirmClaim,
  dispatch,
  endRunning,
  forgetRunning,
  offerJob,
  takeBack,
} from "../core/dispatch-core.ts";
import type { LimitSpec } from "../core/limit-model.ts";
import { forgetOldWindows, nextWakeMs, openWindows, windowsOf } from "../core/limits-core.ts";
import type { RunningJob, WaitingJob } from "../core/model.ts";
import { abortRefill, admitCold, admitWaiting, finishRefill, refillRows, removeWaiting, reserveWaiting, takeRefills } from "../core/queue-core.ts";
import type { StoredWindow } from "../core/rate-core.ts";
import { createSchedulerState, groupOf, type SchedulerState, sortsBefore } from "../core/state-core.ts";
import { setWorkspaceLimits } from "../core/workspace-limits-core.ts";
import { seededRandom } from "./simulated-owner.ts";

const WORKSPACES = ["1", "2", "3"].map(asWorkspaceId);
const CAP = { workspace: WORKSPACES[2], max: 4 };
const SLOTS = 7;

/** What the jobs of the simulation may be limited by; ids get the workspace in front. */
const SPECS: readonly LimitSpec[] = [
  { kind: "running", id: "a", key: "a", strategy: "queue", max: 1 },
  { kind: "running", id: "b", key: "b", strategy: "queue", max: 3 },
  { kind: "running", id: "c", key: "c", strategy: "queue", max: 5 },
  { kind: "rate", id: "r", key: "r", strategy: "queue", starts: 3, windowMs: 700 },
  { kind: "rate", id: "g", key: "g", strategy: "queue", starts: 120, windowMs: 9000 },
];

interface Row {
  readonly job: WaitingJob;
  readonly token: string;
  readonly agent: string;
  readonly claimedAtMs: number;
}

/**
 * The scheduler core under limits, with a model of Postgres around it: commits come late and in any order, refills read old snapshots, the owner
 * crashes with commits under way and is built anew from the rows. After each step no key runs more than its cap, in the database and on its way
 * there together, and no window holds more starts than it may.
 */
export class SimulatedLimits {
  state: SchedulerState;
  readonly pending = new Map<JobId, WaitingJob>();
  readonly running = new Map<JobId, Row>();
  readonly done = new Set<JobId>();
  readonly starts = new Map<string, number[]>();
  crashes = 0;
  made = 0;
  nowMs = 1000;
  readonly #hotLimit: number;
  readonly #random: () => number;
  #windows = new Map<string, { window: StoredWindow; token: bigint }>();
  #inFlight: (() => void)[] = [];
  #claims = new Map<string, WaitingJob>();
  #epoch = 1;

  constructor(seed: number, hotLimit: number) {
    this.#random = seededRandom(seed);
    this.#hotLimit = hotLimit;
    this.state = this.#fresh();
    this.#connect();
  }

  step(): void {
    this.nowMs += Math.floor(this.#random() * 40);
    const dice = this.#random();
    if (dice < 0.3) this.enqueue();
    else if (dice < 0.6) this.#settleOne();
    else if (dice < 0.75) this.#finishOne();
    else if (dice < 0.78) this.#cancelOne();
    else if (dice < 0.8) this.#loseOne();
    else if (dice < 0.803) this.crash();
    else this.round();
    this.check();
  }

  drain(): void {
    for (let i = 0; i < 20_000 && this.pending.size + this.running.size + this.#inFlight.length > 0; i++) {
      this.nowMs += 100;
      while (this.#inFlight.length > 0) this.#settleOne();
      this.#finishOne();
      this.round();
      this.check();
    }
  }

  enqueue(): void {
    this.made += 1;
    const job = this.#newJob();
    const direct = offerJob(this.state, job, this.nowMs)?.running;
    if (direct !== undefined) {
      this.#claim(direct, true);
      return;
    }
    reserveWaiting(this.state, job);
    this.#later(() => {
      this.pending.set(job.id, job);
      admitWaiting(this.state, job);
    });
  }

  round(): void {
    const wake = nextWakeMs(this.state);
    if (wake !== undefined && wake <= this.nowMs) openWindows(this.state, this.nowMs);
    for (const { running } of dispatch(this.state, this.nowMs, 20)) this.#claim(running, false);
    for (const queue of takeRefills(this.state, 2)) {
      const limit = refillRows(this.state, queue, 5);
      const from = queue.cursor;
      const rows = this.#rowsOf(queue.tenant.workspace, queue.route.language, queue.group)
        .filter((row) => from === undefined || !sortsBefore(row, from))
        .slice(0, limit);
      const fails = this.#random() < 0.1;
      this.#later(() => (fails ? abortRefill(this.state, queue) : finishRefill(this.state, queue, rows, rows.length < limit)));
    }
    chargeRunning(this.state, this.nowMs);
    forgetOldWindows(this.state, this.nowMs);
  }

  /** Commits under way take place or not; nothing of memory survives; agents go on with what they run. */
  crash(): void {
    this.crashes += 1;
    const underWay = this.#inFlight;
    this.#inFlight = [];
    for (const commit of underWay) if (this.#random() < 0.5) commit();
    this.#inFlight = [];
    this.#claims.clear();
    this.#epoch += 1;
    this.state = this.#fresh();
    for (const [id, { window }] of this.#windows) this.state.storedWindows.set(id, window);
    for (const row of this.running.values()) {
      adoptRunning(this.state, silentAgent(this.state, asAgentKey(row.agent), this.nowMs), row.job, row.token as never, row.claimedAtMs, this.nowMs);
    }
    this.#connect();
    this.#admitGroups();
  }

  check(): void {
    const counts = new Map<string, number>();
    const capped = [...this.#claims.values(), ...[...this.running.values()].map((row) => row.job)];
    for (const job of capped) {
      for (const spec of job.limits?.specs ?? []) if (spec.kind === "running") counts.set(spec.id, (counts.get(spec.id) ?? 0) + 1);
    }
    for (const spec of SPECS) {
      for (const workspace of WORKSPACES) {
        const count = counts.get(`${workspace}${spec.id}`) ?? 0;
        if (spec.kind === "running" && count > spec.max) throw new Error(`key ${workspace}${spec.id} runs ${count} of ${spec.max}`);
      }
    }
    const ofCapped = capped.filter((job) => job.workspace === CAP.workspace).length;
    if (ofCapped > CAP.max) throw new Error(`the workspace runs ${ofCapped} of ${CAP.max}`);
    for (const route of this.state.routes.values()) {
      if (route.held < 0 || route.held > route.waiting) throw new Error(`route ${route.key} holds ${route.held} of ${route.waiting} jobs`);
    }
  }

  #fresh(): SchedulerState {
    const state = createSchedulerState(this.#epoch, this.#hotLimit);
    if (CAP.workspace !== undefined) setWorkspaceLimits(state, CAP.workspace, { weight: 1, maxRunning: CAP.max });
    return state;
  }

  #connect(): void {
    for (const key of ["1", "2"]) {
      const held = new Map([...this.running.values()].filter((row) => row.agent === key).map((row) => [row.job.id, row.token as never]));
      const hello = { key: asAgentKey(key), name: key, session: asSessionId(`${key}/${this.#epoch}`), workspace: key === "2" ? WORKSPACES[1] : undefined };
      attachAgent(this.state, { ...hello, tags: ["default"], languages: ["bash", "python3"], slots: SLOTS, held });
    }
  }

  #admitGroups(): void {
    const groups = new Map<string, WaitingJob[]>();
    for (const job of this.pending.values()) {
      const key = `${job.workspace}/${job.language}/${groupOf(job)}`;
      groups.set(key, [...(groups.get(key) ?? []), job]);
    }
    for (const jobs of groups.values()) {
      const newest = jobs.reduce((a, b) => (a.id > b.id ? a : b));
      const { workspace, tag, language, limits } = newest;
      admitCold(this.state, { workspace, tag, language, count: jobs.length, newest: limits === undefined ? undefined : newest });
    }
  }

  #claim(running: RunningJob, direct: boolean): void {
    const { job, token, agent } = running;
    this.#claims.set(token, job);
    const windows = windowsOf(this.state, job);
    for (const { id } of windows) this.#recordStart(id);
    this.#later(() => {
      this.#claims.delete(token);
      if (!direct && !this.pending.delete(job.id)) {
        abandonClaim(this.state, running);
        return;
      }
      this.running.set(job.id, { job, token, agent, claimedAtMs: running.claimedAtMs });
      for (const { id, window } of windows) {
        const stored = this.#windows.get(id);
        if (stored === undefined || stored.token < BigInt(token)) this.#windows.set(id, { window, token: BigInt(token) });
      }
      confirmClaim(this.state, running);
    });
  }

  #recordStart(id: string): void {
    const spec = SPECS.find((entry) => id.endsWith(entry.id));
    const times = [...(this.starts.get(id) ?? []), this.nowMs];
    this.starts.set(id, times);
    if (spec?.kind !== "rate") return;
    const within = times.filter((time) => this.nowMs - time < spec.windowMs).length;
    if (within > spec.starts) throw new Error(`key ${id} started ${within} of ${spec.starts}`);
  }

  #finishOne(): void {
    const running = this.#pick([...this.state.running.values()].filter((entry) => entry.phase !== "claiming" && entry.phase !== "ending"));
    if (running === undefined || endRunning(this.state, running.job.id, running.token, this.nowMs) === undefined) return;
    this.#later(() => {
      this.running.delete(running.job.id);
      this.done.add(running.job.id);
      forgetRunning(this.state, running);
    });
  }

  #loseOne(): void {
    const running = this.#pick([...this.state.running.values()]);
    if (running === undefined || running.phase === "claiming" || !takeBack(this.state, running, this.nowMs)) return;
    const job = { ...afterLoss(running, false), attempt: 0 };
    reserveWaiting(this.state, job);
    this.#later(() => {
      this.running.delete(job.id);
      this.pending.set(job.id, job);
      forgetRunning(this.state, running);
      admitWaiting(this.state, job);
    });
  }

  #cancelOne(): void {
    const id = this.#pick([...this.pending.keys()]);
    if (id === undefined) return;
    removeWaiting(this.state, id);
    this.#later(() => {
      if (this.pending.delete(id)) this.done.add(id);
    });
  }

  #rowsOf(workspace: string, language: string, group: string): WaitingJob[] {
    return [...this.pending.values()]
      .filter((row) => row.workspace === workspace && row.language === language && groupOf(row) === group)
      .sort((a, b) => (sortsBefore(a, b) ? -1 : 1));
  }

  #newJob(): WaitingJob {
    const workspace = this.#pick(WORKSPACES) ?? asWorkspaceId("1");
    const chosen = SPECS.filter(() => this.#random() < 0.3);
    const specs = chosen.map((spec) => ({ ...spec, id: `${workspace}${spec.id}` }));
    return {
      id: asJobId(`00000000-0000-7000-8000-${this.made.toString(16).padStart(12, "0")}`),
      workspace,
      shard: 0,
      tag: "default",
      language: this.#random() < 0.8 ? "bash" : "python3",
      prio: this.#random() < 0.9 ? 4 : Math.floor(this.#random() * 9),
      dueAtMs: this.nowMs,
      attempt: 0,
      lost: 0,
      scriptId: undefined,
      timeoutMs: undefined,
      limits: specs.length === 0 ? undefined : { group: `${workspace}${chosen.map((spec) => spec.id).join("")}`, specs },
    };
  }

  #later(commit: () => void): void {
    this.#inFlight.push(commit);
  }

  #settleOne(): void {
    const at = Math.floor(this.#random() * this.#inFlight.length);
    this.#inFlight.splice(at, 1)[0]?.();
  }

  #pick<T>(from: readonly T[]): T | undefined {
    return from[Math.floor(this.#random() * from.length)];
  }
}
