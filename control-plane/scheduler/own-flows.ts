import { type JobEnd, type JobPayload, SHARDS, type Write } from "../jobs/model.ts";
import type { Arrivals } from "./arrivals.ts";
import type { Cancels } from "./cancels.ts";
import { attachAgent } from "./core/agents-core.ts";
import { endFlow } from "./core/dispatch-core.ts";
import { FLOW_AGENT, FLOW_LANGUAGE, FLOW_SESSION, FLOW_TAG } from "./core/flow-agent.ts";
import type { RunningJob } from "./core/model.ts";
import type { Endings } from "./endings.ts";
import type { FlowHost, FlowRunner } from "./flow-port.ts";
import type { OwnerDeps } from "./owner-deps.ts";
import type { OwnerTimers } from "./timers.ts";

/** What running flows touch of their owner. */
export interface OwnFlowsParts {
  readonly arrivals: Arrivals;
  readonly cancels: Cancels;
  readonly endings: Endings;
  readonly timers: OwnerTimers;
  readonly wake: () => void;
}

/** The owner's side of the flows that it runs itself: the agent that it is for them, and what the engine may do with the owner. */
export class OwnFlows {
  readonly #deps: OwnerDeps;
  readonly #parts: OwnFlowsParts;
  /** Undefined: this owner runs none. */
  readonly runner: FlowRunner | undefined;

  constructor(deps: OwnerDeps, parts: OwnFlowsParts) {
    this.#deps = deps;
    this.#parts = parts;
    this.runner = deps.flows?.(this.#host());
  }

  /** From now on flows are dispatched. */
  attach(): void {
    if (this.runner === undefined) return;
    const { state } = this.#deps;
    const of = { key: FLOW_AGENT, name: "flows", session: FLOW_SESSION, workspace: undefined, tags: [FLOW_TAG], languages: [FLOW_LANGUAGE] };
    attachAgent(state, { ...of, slots: Number.MAX_SAFE_INTEGER, held: new Map() });
  }

  /** A new job that is assigned at once is about to be written. @returns true when a flow has taken the write */
  takesBegin(running: RunningJob, payload: JobPayload, write: Write): boolean {
    return running.agent === FLOW_AGENT && this.runner?.takesBegin(running, payload, write) === true;
  }

  /** The claim of a flow's job is committed. */
  begin(running: RunningJob, payload: JobPayload | undefined): void {
    const { clock, metrics } = this.#deps;
    running.phase = "started";
    running.sentAtMs = clock.monotonicMs();
    running.startedAtMs = clock.wallMs();
    metrics.dispatched(running.startedAtMs - running.job.dueAtMs);
    this.runner?.begin(running, payload);
  }

  /** Flows that came with their shards. */
  adopt(): void {
    if (this.runner === undefined) return;
    const { clock, state } = this.#deps;
    const flows = [...(state.agents.get(FLOW_AGENT)?.running.values() ?? [])].filter(({ phase }) => phase !== "claiming");
    for (const running of flows) {
      if (running.phase === "received") running.phase = "started";
      running.startedAtMs ??= clock.wallMs() - (clock.monotonicMs() - running.claimedAtMs);
    }
    this.runner.adopt(flows);
  }

  /** Once a second: a flow whose time is over is cancelled. Its steps' ends are certain, and so is its own. */
  endOverdue(running: RunningJob, nowMs: number): void {
    const { timeoutMs } = running.job;
    if (timeoutMs === undefined || running.cancel !== undefined || nowMs - running.claimedAtMs <= timeoutMs) return;
    this.#parts.cancels.tell(running, `the flow did not end within ${timeoutMs} ms`);
  }

  /** The end of any job on its way to the writer. */
  writeEnd(write: Write): void {
    if (this.runner?.takesEnd(write) === true) return;
    this.#deps.writer.submit(write.operation, write.settle, write.fail);
  }

  #host(): FlowHost {
    const { state, writer, clock, log, random, owns, agents } = this.#deps;
    const { arrivals, cancels, timers, wake } = this.#parts;
    return {
      clock,
      log,
      random,
      running: (flow) => state.running.get(flow),
      flows: () => [...(state.agents.get(FLOW_AGENT)?.running.values() ?? [])],
      shards: () => Array.from({ length: SHARDS }, (_, shard) => shard).filter(owns),
      submitTogether: (writes) => writer.submitTogether(writes),
      arrive: (job, failed, submit) => arrivals.accept(job, () => undefined, failed, submit),
      ended: (running, end) => this.#ended(running, end),
      moved: ({ workspace, id }) => this.#deps.onChange(workspace, id, "running"),
      cancel: (job, reason) => cancels.cancel(job, reason),
      leaveFolder: ({ job, token }, agent) => {
        const session = state.agents.get(agent)?.session;
        if (session !== undefined) agents.cancel(session, { id: job.id, token, reason: "the steps of the run do not need it any more", fenced: true });
      },
      wakeAt: (flow, atMs) => {
        timers.flowAt(flow, atMs);
        wake();
      },
    };
  }

  #ended(running: RunningJob, end: JobEnd): void {
    endFlow(this.#deps.state, running);
    this.#parts.timers.flowAt(running.job, undefined);
    this.#parts.endings.announce(end.workspace, end.id, end.exit);
    this.#parts.wake();
  }
}
