import { messageOf } from "../../../kernel/app-error.ts";
import { background } from "../../../kernel/background.ts";
import { outcomeOf } from "../../../kernel/exit.ts";
import type { JobId, WorkspaceId } from "../../../kernel/ids.ts";
import { readReason } from "../../jobs/cancel-reason.ts";
import type { FlushOperation, JobPayload, Write } from "../../jobs/model.ts";
import { FLOW_AGENT } from "../../scheduler/core/flow-agent.ts";
import type { RunningJob } from "../../scheduler/core/model.ts";
import type { StepOf } from "../../scheduler/core/retry-core.ts";
import type { Shards } from "../../scheduler/core/shards-core.ts";
import type { FlowHost, FlowRunner } from "../../scheduler/flow-port.ts";
import { ApprovalWatch } from "./approval-watch.ts";
import type { FlowEngineDeps } from "./engine-deps.ts";
import { Evaluator } from "./evaluation.ts";
import { FlowRun } from "./flow-run.ts";
import { Lanes } from "./lanes.ts";
import type { RunInput } from "./run-inputs.ts";
import type { RunParts } from "./run-parts.ts";
import { StepStarter } from "./step-starter.ts";
import { UsedSteps } from "./used-steps.ts";
import { Values } from "./values.ts";

/** Runs in memory; those that have nothing to do beyond that are dropped, and read again when something happens to them. */
const MOST_RUNS = 5000;
const VALUES_BYTES = 256 * 1024 * 1024;
/** What takes longer: reads of values, evaluations by workers. */
const MOST_WORK = 32;
/** Of them for one workspace: another one's evaluations may be slow, and there may be thousands of them. */
const MOST_WORK_EACH = 24;
/** Turns of runs without a pause. */
const TURNS_MS = 5;
/** Flows that came with their shards are read in parts. */
const ADOPT_AT_ONCE = 500;

/** All flows of one owner. It lives as long as its owner: what it knows can be thrown away at any moment, the tables have all of it. */
export class FlowEngine implements FlowRunner {
  readonly #host: FlowHost;
  readonly #deps: FlowEngineDeps;
  readonly #parts: RunParts;
  /** Those that were used longest ago first. */
  readonly #runs = new Map<JobId, FlowRun>();
  readonly #ready = new Set<FlowRun>();
  readonly #approvals: ApprovalWatch;
  readonly #used: UsedSteps;
  #pumping = false;
  #stopped = false;

  constructor(host: FlowHost, deps: FlowEngineDeps) {
    this.#host = host;
    this.#deps = deps;
    const values = new Values(deps.store, VALUES_BYTES, deps.resultMaxBytes);
    const evaluator = new Evaluator(deps.expressions, values, deps.catalogue, () => host.clock.wallMs());
    const starter = new StepStarter(deps, evaluator, () => host.clock.monotonicMs());
    this.#used = new UsedSteps(host, deps.store, deps.catalogue);
    const lookForUsed = (): void => void this.#used.look();
    this.#parts = { host, deps, values, evaluator, starter, lanes: new Lanes(MOST_WORK, MOST_WORK_EACH), lookForUsed };
    this.#approvals = new ApprovalWatch(host, deps.store, (approval) => this.#push(approval.flow.id, { kind: "approval", approval }));
  }

  takesBegin({ job }: RunningJob, payload: JobPayload, write: Write): boolean {
    // Whoever waits to be told that a run was accepted does not wait for its definition to be read. A restart has a log already.
    if (this.#stopped || job.policy?.restart !== undefined || !this.#isAtHand(job, payload)) return false;
    this.#keep(new FlowRun(job, this.#parts, this, payload)).beginWith(write);
    return true;
  }

  begin(running: RunningJob, payload: JobPayload | undefined): void {
    const { job } = running;
    const known = this.#runs.get(job.id);
    if (known?.beganTogether === true) known.beganTogether = false;
    // A restart has a log already: what the API stored before it was accepted.
    else if (payload === undefined || job.policy?.restart !== undefined) this.#push(job.id, { kind: "go" });
    else this.#keep(new FlowRun(job, this.#parts, this, payload)).push({ kind: "go" });
    if (running.cancel !== undefined) this.cancel(running);
  }

  adopt(flows: readonly RunningJob[]): void {
    const fresh = flows.filter(({ job }) => !this.#runs.has(job.id));
    background(this.#host.log, "taking flows over", this.#adopt(fresh));
    this.#approvals.start();
    this.#used.start();
  }

  /** The ends of attempts go along with what their flow makes of them. */
  takesEnd(write: Write): boolean {
    const { operation } = write;
    if (operation.kind !== "finish" && operation.kind !== "cancel") return false;
    const step = operation.job.policy?.flow;
    if (operation.kind === "finish") return step !== undefined && this.#stepEnds(step, operation, [write]);
    if (step === undefined && !this.#hasFlows(operation.job.workspace)) return false;
    const settle: Write["settle"] = (outcome) => {
      write.settle(outcome);
      // Otherwise an attempt of it was just being claimed: that is yet to end, and the run must not go on, or be over, before.
      if (outcome !== "moved") return;
      if (step !== undefined) this.#stepEnds(step, operation, []);
      // A job that is only in the tables: nothing says whose step it is.
      else background(this.#host.log, "end of a step", this.#endedUnseen(operation));
    };
    this.#host.submitTogether([{ ...write, settle }]);
    return true;
  }

  cancel({ job, cancel }: RunningJob): void {
    if (cancel !== undefined) this.#push(job.id, { kind: "cancel", ...readReason(cancel.reason) });
  }

  due(flow: JobId): void {
    this.#push(flow, { kind: "due" });
  }

  lookForAnswers(): void {
    void this.#approvals.look();
  }

  forget(shards: Shards): void {
    for (const run of [...this.#runs.values()]) if (shards.has(run.job.shard)) this.#drop(run);
  }

  stop(): void {
    this.#stopped = true;
    this.#approvals.stop();
    this.#used.stop();
    for (const run of [...this.#runs.values()]) this.#drop(run);
  }

  ready(run: FlowRun): void {
    if (this.#stopped) return;
    this.#ready.add(run);
    if (this.#pumping) return;
    this.#pumping = true;
    queueMicrotask(() => this.#pump());
  }

  over(run: FlowRun): void {
    if (this.#runs.get(run.job.id) === run) this.#runs.delete(run.job.id);
    this.#ready.delete(run);
  }

  parentOf(run: FlowRun): FlowRun | undefined {
    const step = run.job.policy?.flow;
    return step === undefined ? undefined : this.#runOf(step.id);
  }

  /** Runs in memory. */
  get size(): number {
    return this.#runs.size;
  }

  #pump(): void {
    const untilMs = performance.now() + TURNS_MS;
    for (const run of this.#ready) {
      this.#ready.delete(run);
      try {
        run.turn();
      } catch (error) {
        this.#host.log.error({ event: "flow.turn_failed", jobId: run.job.id, error: messageOf(error) }, "a turn of a flow failed");
        run.fail(messageOf(error));
      }
      if (performance.now() < untilMs) continue;
      setImmediate(() => this.#pump());
      return;
    }
    this.#pumping = false;
  }

  /** @param writes none when the end is committed already */
  #stepEnds(step: StepOf, operation: StepEnd, writes: readonly Write[]): boolean {
    const run = this.#runOf(step.id);
    if (run === undefined) return false;
    const { exit, resultJson } = operation.kind === "finish" ? operation.end : operation;
    const outcome = outcomeOf(exit.reason);
    const { place, cache } = step;
    const mended = writes.length === 0 || exit.reason === "result_invalid";
    run.push({ kind: "ended", job: operation.job.id, place, outcome, resultJson, writes, mended, cache, ...this.#whereRan(step, operation) });
    return true;
  }

  /** Of steps that share a folder. It was made when the first of them began. */
  #whereRan({ folder }: StepOf, operation: StepEnd): Pick<EndedInput, "agent" | "folderLost"> {
    if (folder === undefined) return {};
    const began = operation.kind === "finish" && operation.end.startedAtMs !== undefined;
    const { reason } = (operation.kind === "finish" ? operation.end : operation).exit;
    return { agent: began ? this.#host.running(operation.job.id)?.agent : undefined, folderLost: reason === "folder_lost" };
  }

  async #endedUnseen({ job, exit, resultJson }: Extract<FlushOperation, { kind: "cancel" }>): Promise<void> {
    const step = await this.#deps.store.stepOf(job.workspace, job.id);
    const run = step === undefined ? undefined : this.#runOf(step.id);
    if (step !== undefined) run?.push({ kind: "ended", job: job.id, place: step.place, outcome: outcomeOf(exit.reason), resultJson, writes: [], mended: true });
  }

  /** One that cannot be read is accepted all the same, and its run fails. */
  #isAtHand({ workspace }: RunningJob["job"], payload: JobPayload): boolean {
    try {
      return this.#deps.catalogue.flow(workspace, payload) !== undefined;
    } catch {
      return false;
    }
  }

  #hasFlows(workspace: WorkspaceId): boolean {
    return this.#host.flows().some(({ job }) => job.workspace === workspace);
  }

  /** Those that only wait are left where they are. */
  async #adopt(flows: readonly RunningJob[]): Promise<void> {
    for (let at = 0; at < flows.length; at += ADOPT_AT_ONCE) {
      const part = flows.slice(at, at + ADOPT_AT_ONCE);
      const asleep = await this.#deps.store.asleep(part.map(({ job }) => job.id)).catch(() => new Set<JobId>());
      for (const running of part) {
        if (running.cancel !== undefined) this.cancel(running);
        else if (!asleep.has(running.job.id)) this.#push(running.job.id, { kind: "go" });
      }
    }
  }

  #push(flow: JobId, input: RunInput): void {
    this.#runOf(flow)?.push(input);
  }

  /** The run of a flow that runs here. */
  #runOf(flow: JobId): FlowRun | undefined {
    const known = this.#runs.get(flow);
    if (known !== undefined) {
      this.#runs.delete(flow);
      this.#runs.set(flow, known);
      return known;
    }
    const running = this.#stopped ? undefined : this.#host.running(flow);
    if (running?.agent !== FLOW_AGENT || running.phase !== "started") return undefined;
    return this.#keep(new FlowRun(running.job, this.#parts, this));
  }

  #keep(run: FlowRun): FlowRun {
    this.#runs.set(run.job.id, run);
    if (this.#runs.size > MOST_RUNS) this.#makeRoom();
    return run;
  }

  #makeRoom(): void {
    for (const run of this.#runs.values()) {
      if (this.#runs.size <= MOST_RUNS * 0.9) return;
      if (run.isIdle) this.#runs.delete(run.job.id);
    }
  }

  #drop(run: FlowRun): void {
    run.stop();
    this.over(run);
  }
}

type StepEnd = Extract<FlushOperation, { kind: "finish" | "cancel" }>;
type EndedInput = Extract<RunInput, { kind: "ended" }>;
