import type { Clock } from "../../kernel/clock.ts";
import type { AgentKey, JobId } from "../../kernel/ids.ts";
import type { JobEnd, JobPayload, JobRef, NewJob, Submit, Write } from "../jobs/model.ts";
import type { Log } from "../telemetry/log.ts";
import type { RunningJob } from "./core/model.ts";
import type { Shards } from "./core/shards-core.ts";

/** What an owner needs of the engine that runs its flows; flows/engine/ has it. An owner without one leaves jobs of flows in the queue. */
export interface FlowRunner {
  /**
   * The write that accepts the job of a flow, and makes it run at once, is about to be handed over. @returns true when the run's first transition takes
   * it along, so that one commit does for both; `begin` is called after it all the same
   */
  takesBegin(running: RunningJob, payload: JobPayload, write: Write): boolean;
  /** The job of a flow has begun to run, and that is committed. @param payload undefined: it has to be read */
  begin(running: RunningJob, payload: JobPayload | undefined): void;
  /** Flows that run by the tables: their shards have come. Those that are known already are ignored. */
  adopt(flows: readonly RunningJob[]): void;
  /**
   * The end of a job is about to be written. @returns true when the runner writes it: the end of a step's attempt goes along with its flow's next
   * transition, one without an attempt comes before it
   */
  takesEnd(write: Write): boolean;
  /** A flow is to end early; may be said again. Its `cancel` says why. */
  cancel(running: RunningJob): void;
  /** An answer of a person may have come. */
  lookForAnswers(): void;
  /** The moment has come for which something was set with `wakeAt`. */
  due(flow: JobId): void;
  /** Shards were given to another owner. */
  forget(shards: Shards): void;
  /** Nothing more is written by this owner. */
  stop(): void;
}

/** What an engine needs of its owner. All of it on one thread, like the owner itself. */
export interface FlowHost {
  readonly clock: Clock;
  readonly log: Log;
  /** A number in [0, 1). */
  readonly random: () => number;
  /** The flow, while it runs here. */
  running(flow: JobId): RunningJob | undefined;
  /** All flows that run here. */
  flows(): readonly RunningJob[];
  /** Shards that are owned here. */
  shards(): readonly number[];
  /** All or nothing, see FlushWriter. */
  submitTogether(writes: readonly Write[]): void;
  /**
   * A new job. The write is handed over before this returns, unless `failed` was called: limits of the job have too many groups.
   * A `refuse` is the end of the job.
   */
  arrive(job: NewJob, failed: (error: unknown) => void, submit: Submit): void;
  /** The end of a flow is committed. */
  ended(running: RunningJob, end: JobEnd): void;
  /** A transition of a flow is committed. */
  moved(flow: JobRef): void;
  /** Ends a job early, wherever it is. */
  cancel(job: JobRef, reason: string): Promise<unknown>;
  /** The folder that an agent has for the steps of a flow is not needed any more. Told if the agent is there: later it asks. */
  leaveFolder(running: RunningJob, agent: AgentKey): void;
  /** Sets the one moment at which `due` is called for the flow; it is committed. */
  wakeAt(flow: JobRef, atMs: number | undefined): void;
}
