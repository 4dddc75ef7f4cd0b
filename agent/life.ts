import type { Logger } from "pino";
import { AppError, messageOf } from "../kernel/app-error.ts";
import type { Clock } from "../kernel/clock.ts";
import { type Capacity, Condition, type RuntimeInfo } from "../proto/gen/millrace/agent/v1/session.ts";
import { Conduct } from "./conduct/conduct.ts";
import { DiskWatch } from "./conduct/disk-watch.ts";
import { SetupGuard } from "./conduct/setup-guard.ts";
import { Shift } from "./conduct/shift.ts";
import { SpareMemory } from "./conduct/spare-memory.ts";
import { whenEnded } from "./conduct/when-ended.ts";
import type { AgentConfig } from "./config.ts";
import { type AgentPolicy, boundedBy, brokenRule, languagesLeft, tagsLeft, unlockedRefusal } from "./policy/policy.ts";
import { PolicyFile } from "./policy/policy-file.ts";
import type { RunningAttempt } from "./runner/attempt-types.ts";
import { DEFAULT_LIMITS } from "./runner/execution.ts";
import { judgeForbidden } from "./runner/outcome.ts";
import type { StartAttempt } from "./session/attempts.ts";
import type { AgentMetrics, MetricSources } from "./status/agent-metrics.ts";
import type { StatusServer } from "./status/status-server.ts";

export interface LifeOptions {
  readonly config: AgentConfig;
  /** At the beginning. */
  readonly slots: number;
  readonly spoolDir: string;
  readonly clock: Clock;
  readonly log: Logger;
  /** Makes a sandbox for nothing; what is wrong, or undefined. */
  readonly probe: () => Promise<string | undefined>;
  /** Removes what ended jobs have left behind. */
  readonly sweep: () => Promise<number>;
  readonly sources: Omit<MetricSources, "slots" | "state">;
  /** Memory of a job that asks for none; 0: it cannot be limited here. */
  readonly usualMemoryBytes: number;
  /** The capacity is another one: the server should hear of it. */
  readonly onCapacity: () => void;
  /** What Hello says has changed. */
  readonly onIntroduction: () => void;
}

const SWEEP_EVERY_MS = 60 * 60 * 1000;

/** How the agent behaves beside its work: what it takes and refuses, when it rests or ends, and what it tells those who run it. */
export class Life {
  readonly conduct: Conduct;
  /** Resolves with the reason when the agent should drain and end. */
  readonly over: Promise<string>;
  readonly #options: LifeOptions;
  readonly #leave: (why: string) => void;
  readonly #policy: PolicyFile | undefined;
  readonly #guard: SetupGuard;
  readonly #disk: DiskWatch;
  readonly #shift: Shift;
  readonly #spareMemory = new SpareMemory();
  /** Only where somebody looks at them: their library takes a tenth of a start. */
  #metrics: AgentMetrics | undefined;
  #status: StatusServer | undefined;
  #sweeper: NodeJS.Timeout | undefined;

  /** Errors: invalid_argument for a faulty policy. */
  constructor(options: LifeOptions) {
    const { config, clock, log, probe, sources } = options;
    this.#options = options;
    const over = Promise.withResolvers<string>();
    this.over = over.promise;
    this.#leave = over.resolve;
    this.conduct = new Conduct(options.slots, options.onCapacity);
    const { conduct } = this;
    const check = (policy: AgentPolicy): void => {
      if (tagsLeft(policy, config.tags).length === 0)
        throw new AppError("invalid_argument", "the policy allows none of the agent's tags (MILLRACE_AGENT_TAGS)");
    };
    this.#policy = config.policyFile === "" ? undefined : new PolicyFile(config.policyFile, log, check, options.onIntroduction);
    this.#disk = new DiskWatch({ folder: config.dataDir, minFreeBytes: config.minFreeBytes, conduct, log });
    this.#guard = new SetupGuard({ conduct, clock, log, probe, lookAtDisk: () => this.#disk.look() });
    const { maxJobs, exitWhenIdleS } = config;
    this.#shift = new Shift({ conduct, clock, maxJobs, exitWhenIdleS, isConnected: () => sources.connected(), onOver: (why) => this.leave(why) });
  }

  get capacity(): Capacity {
    return this.conduct.capacity;
  }

  /** Tags of which the owner's policy allows jobs. */
  get tags(): string[] {
    return this.#policy === undefined ? [...this.#options.config.tags] : tagsLeft(this.#policy.policy, this.#options.config.tags);
  }

  /** What the owner's policy lets one job have, bytes; undefined: it sets no bound. */
  get maxJobMemoryBytes(): number | undefined {
    return this.#policy?.policy.max_memory_bytes;
  }

  runtimes(found: readonly RuntimeInfo[]): RuntimeInfo[] {
    return this.#policy === undefined ? [...found] : languagesLeft(this.#policy.policy, found);
  }

  /** Errors: failed_precondition when the address for health and metrics cannot be opened. */
  async start(): Promise<void> {
    if (this.#options.config.statusAddress !== "") await this.#serveStatus();
    this.#policy?.watch();
    this.#checkMemory();
    this.#disk.start();
    this.#shift.start();
    this.#sweeper = setInterval(() => void this.#sweep(), SWEEP_EVERY_MS);
  }

  async stop(): Promise<void> {
    clearInterval(this.#sweeper);
    this.#guard.close();
    this.#disk.close();
    this.#shift.close();
    this.#spareMemory.close();
    this.#policy?.close();
    await this.#status?.stop();
  }

  /** The agent should drain and end. */
  leave(why: string): void {
    this.#leave(why);
  }

  reload(): void {
    this.#policy?.reload();
  }

  /** The executor behind all that may refuse, hand back or count an attempt. */
  watch(start: StartAttempt): StartAttempt {
    const counted = whenEnded(start, (outcome) => {
      this.#metrics?.ended(outcome.exit.reason);
      return outcome;
    });
    return this.#judged(this.#shift.watch(this.#spareMemory.watch(this.#guard.watch(counted))));
  }

  #judged(start: StartAttempt): StartAttempt {
    const file = this.#policy;
    if (file === undefined) return start;
    const { network, sandbox } = this.#options.config;
    const defaults = { network: sandbox ? network : "full", timeoutMs: DEFAULT_LIMITS.timeoutMs } as const;
    return (bundle, io) => {
      const broken = brokenRule(file.policy, bundle, defaults);
      const unlocked = unlockedRefusal(file.policy, bundle);
      const bound = unlocked === undefined ? io : { ...io, unlockedRefusal: unlocked };
      // The limit of a job that was packed is kept below the policy's, and moves: as one that it had asked for it would stand.
      const usualBytes = io.room?.limitBytes() ?? this.#options.usualMemoryBytes;
      if (broken === undefined) return start(boundedBy(file.policy, bundle, usualBytes), bound);
      this.#options.log.warn({ event: "attempt.forbidden", jobId: bundle.jobId, rule: broken }, "a job that the policy forbids was refused");
      this.#metrics?.ended("policy");
      return refused(broken, this.#options.clock.wallMs());
    };
  }

  #checkMemory(): void {
    const { log, usualMemoryBytes } = this.#options;
    if (usualMemoryBytes > 0 || this.#policy?.policy.max_memory_bytes === undefined) return;
    log.warn({ event: "policy.memory_not_kept" }, "this agent cannot limit memory: max_memory_bytes of the policy only refuses jobs that ask for more");
  }

  /** A stream is opened. */
  dialled(): void {
    this.#metrics?.dialled();
  }

  async #serveStatus(): Promise<void> {
    const { spoolDir, sources, config, log } = this.#options;
    const [{ AgentMetrics }, { StatusServer }] = await Promise.all([import("./status/agent-metrics.ts"), import("./status/status-server.ts")]);
    this.#metrics = new AgentMetrics(spoolDir, { ...sources, slots: () => this.conduct.capacity.slots, state: () => this.#state });
    const { registry } = this.#metrics;
    this.#status = new StatusServer({ address: config.statusAddress, registry, packing: () => sources.packing(), notReady: () => this.#notReady() });
    await this.#status.start();
    log.info({ event: "agent.status_served", address: this.#status.address }, "health and metrics are served");
  }

  async #sweep(): Promise<void> {
    const { sweep, log } = this.#options;
    try {
      const swept = await sweep();
      if (swept > 0) log.warn({ event: "agent.swept", folders: swept }, "folders of ended jobs were left behind, and are removed");
    } catch (error) {
      log.warn({ event: "agent.sweep_failed", error: messageOf(error) }, "what ended jobs left behind could not be removed");
    }
  }

  get #state(): string {
    const { draining, condition } = this.conduct.capacity;
    if (draining) return "draining";
    if (condition === Condition.CONDITION_QUARANTINED) return "quarantined";
    if (condition === Condition.CONDITION_DISK_PRESSURE) return "disk_pressure";
    return condition === Condition.CONDITION_ENDING ? "ending" : "active";
  }

  #notReady(): string[] {
    const reasons: string[] = [];
    if (!this.#options.sources.connected()) reasons.push("not connected to the control plane");
    const { slots, reason = "", draining } = this.conduct.capacity;
    if (draining) reasons.push("draining");
    else if (slots === 0) reasons.push(`${this.#state}: ${reason}`);
    return reasons;
  }
}

function refused(why: string, nowMs: number): RunningAttempt {
  const outcome = { ...judgeForbidden(why), startedAtUs: 0, finishedAtUs: Math.round(nowMs * 1000) };
  return { done: Promise.resolve(outcome), cancel: () => undefined, fence: () => undefined };
}
