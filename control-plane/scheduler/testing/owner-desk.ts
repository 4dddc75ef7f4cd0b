import { vi } from "vitest";
import { AppError } from "../../../kernel/app-error.ts";
import type { Clock } from "../../../kernel/clock.ts";
import { type Exit, exitOf } from "../../../kernel/exit.ts";
import { asAgentKey, asSessionId, asWorkspaceId, type JobId, type Token } from "../../../kernel/ids.ts";
import type { Bundle } from "../../../proto/gen/millrace/agent/v1/job.ts";
import type { FlushResult } from "../../jobs/flush-store.ts";
import { FlushWriter } from "../../jobs/flush-writer.ts";
import type { FlushOperation, JobPayload, JobSpecial, NewJob } from "../../jobs/model.ts";
import type { Log } from "../../telemetry/log.ts";
import type { FinishVerdict } from "../agent-port.ts";
import type { RunningJob, WaitingJob } from "../core/model.ts";
import { createSchedulerState, type SchedulerState } from "../core/state-core.ts";
import { Owner } from "../owner.ts";
import type { OwnerDeps, OwnerStore } from "../owner-deps.ts";
import { testJob } from "./core-world.ts";

const nothing = (): void => undefined;
export const AGENT = asAgentKey("1");
const WORKSPACE = asWorkspaceId("1");
const NO_ROWS = { rows: [], complete: true };

/** What the monotonic clock says when the fake ones begin. */
const BOOTED_MS = 1000;
export const RESEND_MS = 5000;
export const GRACE_MS = 100;
export const MARGIN_MS = 200;

/**
 * A real owner with the real group commit, in a world that does what a test says: flushes, what the tables answer, what agents are told. Time passes
 * only in `pass`: the test has to use fake timers.
 */
export class OwnerDesk {
  readonly state: SchedulerState;
  readonly owner: Owner;
  /** What was committed. */
  readonly written: FlushOperation[] = [];
  /** What the agents were given. */
  readonly assigned: Bundle[] = [];
  /** What they were told of their attempts. */
  readonly told: { readonly id: JobId; readonly token: Token; readonly reason: string; readonly fenced: boolean }[] = [];
  /** Changes that those hear of who wait for a job. */
  readonly changes: string[] = [];
  /** What the metrics count. */
  readonly counted: string[] = [];
  /** Events of the log. */
  readonly logged: string[] = [];
  /** Flushes with such operations wait for `commit`. */
  holds: (operation: FlushOperation) => boolean = () => false;
  /** Why the tables do not take an operation. */
  refuses: (operation: FlushOperation) => Error | undefined = () => undefined;
  /** Operations that find no row. */
  isGone: (operation: FlushOperation) => boolean = () => false;
  readonly store: { -readonly [Name in keyof OwnerStore]: OwnerStore[Name] };
  readonly agents = { isThere: true, isBehind: false };
  owns: OwnerDeps["owns"] = () => true;
  readonly source: { -readonly [Name in keyof OwnerDeps["source"]]: OwnerDeps["source"][Name] };
  readonly clock: Clock = { wallMs: () => Date.now(), monotonicMs: () => BOOTED_MS + performance.now() };
  readonly #held: { readonly operations: readonly FlushOperation[]; readonly release: () => void }[] = [];

  constructor(fields: Partial<OwnerDeps> = {}, hotLimit = 100) {
    this.state = createSchedulerState(1, hotLimit);
    this.store = emptyStore();
    this.source = plainSource();
    this.owner = new Owner({ ...this.#deps(), ...fields });
    this.owner.start();
  }

  /** Time goes by, with all that happens in it: by default enough for what follows at once, each turn of the event loop taking a millisecond. */
  async pass(ms = 10): Promise<void> {
    await vi.advanceTimersByTimeAsync(ms);
  }

  /** What was held is committed. @param still what is held from here on */
  async commit(still: OwnerDesk["holds"] = () => false): Promise<void> {
    this.holds = still;
    for (const { operations, release } of this.#held.splice(0)) {
      if (operations.some(still)) this.#held.push({ operations, release });
      else release();
    }
    await this.pass();
  }

  connect(slots: number, key = AGENT, held: readonly RunningJob[] = []): void {
    const holds = new Map(held.map(({ job, token }) => [job.id, token]));
    const hello = { key, name: key, session: asSessionId(`${key} at ${this.clock.monotonicMs()}`), workspace: undefined, tags: ["default"] };
    this.owner.reports.attached({ ...hello, languages: ["bash"], slots, held: holds });
  }

  /** The stream of the agent breaks. */
  disconnect(key = AGENT): void {
    const session = this.state.agents.get(key)?.session;
    if (session !== undefined) this.owner.reports.detached(key, session, this.clock.monotonicMs());
  }

  /** Hands a new job in. @returns it, with what becomes of the request */
  put(fields: Partial<WaitingJob> = {}, special?: JobSpecial): { readonly id: JobId; readonly made: NewJob; readonly accepted: Promise<void> } {
    const made = { job: testJob(WORKSPACE, { dueAtMs: Date.now(), ...fields }), payload: PAYLOAD, special };
    const accepted = this.owner.enqueue([made]);
    accepted.catch(nothing);
    return { id: made.job.id, made, accepted };
  }

  /** The attempt of a job. */
  running(id: JobId): RunningJob {
    const running = this.state.running.get(id);
    if (running === undefined) throw new Error(`job ${id} does not run`);
    return running;
  }

  /** A job that its agent has begun. */
  async started(fields: Partial<WaitingJob> = {}): Promise<RunningJob> {
    const { id } = this.put(fields);
    await this.pass();
    const running = this.running(id);
    this.owner.reports.received(running.agent, id, running.token);
    this.owner.reports.started(running.agent, id, running.token, Date.now());
    return running;
  }

  /** Its agent reports the end of an attempt. */
  finish({ job, token, agent }: RunningJob, exit: Exit = exitOf("succeeded")): Promise<FinishVerdict> {
    const logs = { logChunks: 0, logBytes: 0, logDroppedBytes: 0 };
    const end = { id: job.id, token, exit, resultJson: "1", startedAtMs: Date.now(), doneAtMs: Date.now(), runUs: 1, ...logs };
    const verdict = this.owner.reports.finished(agent, end);
    verdict.catch(nothing);
    return verdict;
  }

  /** Jobs that count as waiting. */
  get waiting(): number {
    return [...this.state.routes.values()].reduce((sum, { waiting }) => sum + waiting, 0);
  }

  /** Kinds of the operations of a job that were committed, in their order. */
  kindsOf(id: JobId): string[] {
    return this.written.filter(({ job }) => job.id === id).map(({ kind }) => kind);
  }

  /** Attempts of a job that agents were given, by their numbers. */
  attemptsOf(id: JobId): number[] {
    return this.assigned.filter(({ jobId }) => jobId === id).map(({ attempt }) => attempt);
  }

  async #flush(operations: readonly FlushOperation[]): Promise<FlushResult> {
    if (operations.some((operation) => this.holds(operation))) await new Promise<void>((release) => this.#held.push({ operations, release }));
    for (const operation of operations) {
      const refusal = this.refuses(operation);
      if (refusal !== undefined) throw refusal;
    }
    this.written.push(...operations);
    return { kind: "committed", gone: new Set(operations.filter((one) => this.isGone(one)).map(({ kind, job }) => `${kind}/${job.id}`)) };
  }

  #deps(): OwnerDeps {
    const note = ({ event }: Record<string, unknown>): void => void this.logged.push(String(event));
    const log = { debug: note, info: note, warn: note, error: note } as unknown as Log;
    const connect = (): { open(): Promise<void>; close(): Promise<void>; run(lane: number, all: readonly FlushOperation[]): Promise<FlushResult> } => ({
      open: () => Promise.resolve(),
      close: () => Promise.resolve(),
      run: (_lane, operations) => this.#flush(operations),
    });
    const hooks = { onLeaseLost: nothing, metrics: { flushed: nothing }, connect, log };
    return {
      state: this.state,
      writer: new FlushWriter({ url: "", replicaId: "1", epoch: 1, connections: 8, eager: true, ...hooks }),
      store: this.store,
      agents: {
        assign: (_session, bundle) => this.agents.isThere && this.assigned.push(bundle) > 0,
        isBehind: () => this.agents.isBehind,
        cancel: (_session, attempt) => void this.told.push({ ...attempt }),
      },
      source: this.source,
      clock: this.clock,
      random: () => 0.5,
      log,
      metrics: { dispatched: () => this.counted.push("dispatched"), started: nothing, ended: nothing, lost: () => this.counted.push("lost") },
      limits: { timeoutMs: 3_600_000, cancelGraceMs: GRACE_MS, resultMaxBytes: 1000, logMaxBytes: 1000 },
      times: { reclaimMs: 30_000, homeFenceMs: 0, resendMs: RESEND_MS, marginMs: MARGIN_MS },
      owns: (shard) => this.owns(shard),
      afterRound: nothing,
      onChange: (_workspace, id, change) => void this.changes.push(`${id} ${change}`),
    };
  }
}

export const PAYLOAD: JobPayload = { kind: "inline", scriptHash: undefined, code: "echo", argsJson: "{}", createdBy: "test" };

/** What becomes of a promise that is not awaited: its value, or the code of its error. */
export function outcomeOf(promise: Promise<unknown>): { is: unknown } {
  const outcome: { is: unknown } = { is: "open" };
  promise.then(
    (value) => (outcome.is = value),
    (error: unknown) => (outcome.is = AppError.from(error).code),
  );
  return outcome;
}

/** Tables in which nothing is but what a test puts in place of this. */
function emptyStore(): OwnerDesk["store"] {
  return {
    refill: async () => [],
    payloads: async (jobs) => new Map(jobs.map(({ id }) => [id, PAYLOAD])),
    isRecorded: async () => false,
    markCancelled: async () => undefined,
    workspaceLimits: async () => ({ changed: [], next: "0" }),
    dropOldWindows: async () => undefined,
    deferred: async () => NO_ROWS,
    expiring: async () => NO_ROWS,
    dueFlows: async () => NO_ROWS,
    findKeys: async () => new Map(),
  };
}

function plainSource(): OwnerDesk["source"] {
  return {
    script: () => undefined,
    loadScript: async () => undefined,
    workspaceName: () => "w",
    loadWorkspaceName: async () => "w",
    hashOfCode: () => "0",
    mayRefer: () => false,
    resolve: async (_workspace, json) => ({ kind: "resolved", json, secrets: [] }),
  };
}
