import type { FlushOperation, NewJob } from "../control-plane/jobs/model.ts";
import type { JobId, Token, WorkspaceId } from "../kernel/ids.ts";
import { isOwnReason, type ModelStore } from "./model-store.ts";
import type { Process } from "./virtual-time.ts";

/** What the oracle knows of one job beyond its rows. */
interface Story {
  readonly workspace: WorkspaceId;
  readonly expiresAtMs: number | undefined;
  readonly maxAttempts: number;
  /** How late it may begin or expire; undefined while there are faults. */
  readonly lateByMs: number | undefined;
  /** No attempt may begin before, by its owner's clock. */
  notBeforeMs: number | undefined;
  /** Of its newest attempt. */
  token: Token | undefined;
  /** An attempt of it was committed at some time. */
  begun: boolean;
  cancelAsked: boolean;
  /** Its cancel was answered while an attempt ran: that one is the last. */
  lastAttempt: boolean;
}

/** What an owner's clock showed when it decided. */
interface Decided {
  readonly latestMs: number;
  readonly wallMs: number;
}

interface KeyAnswer {
  readonly id: JobId;
  readonly body: string;
}

export interface StoriesWorld {
  store(): ModelStore;
  broken(invariant: string, message: string): void;
}

/** Promises about the life of one job over all its attempts and owners: its moments, its retries, its cancel, its key. */
export class Stories {
  readonly #world: StoriesWorld;
  readonly #stories = new Map<JobId, Story>();
  readonly #decided = new WeakMap<FlushOperation, Decided>();
  readonly #keys = new Map<string, KeyAnswer>();
  #lateByMs: number | undefined;

  constructor(world: StoriesWorld) {
    this.#world = world;
  }

  /** From now on nothing is faulty: jobs that come begin, or expire, in time. */
  expectMoments(lateByMs: number): void {
    this.#lateByMs = lateByMs;
  }

  made({ job, special }: NewJob): void {
    this.#stories.set(job.id, {
      workspace: job.workspace,
      expiresAtMs: special?.expiresAtMs,
      maxAttempts: job.policy?.retry?.maxAttempts ?? 1,
      notBeforeMs: special?.scheduledForMs,
      lateByMs: this.#lateByMs,
      token: undefined,
      begun: false,
      cancelAsked: false,
      lastAttempt: false,
    });
  }

  workspaceOf(id: JobId): WorkspaceId | undefined {
    return this.#stories.get(id)?.workspace;
  }

  /** An owner decides by its own clock. What one that has been replaced decides is never committed. */
  submitted(owner: Process, operation: FlushOperation): void {
    this.#decided.set(operation, { latestMs: owner.latestWallMs(), wallMs: owner.clock.wallMs() });
  }

  committed(operation: FlushOperation, outcome: "moved" | "gone"): void {
    const { id } = operation.job;
    const story = this.#stories.get(id);
    const decided = this.#decided.get(operation);
    if (outcome === "gone" || story === undefined || decided === undefined) return;
    const token = tokenOf(operation);
    if (token !== undefined) this.#begins(id, story, token, decided);
    if (operation.kind === "cancel" && operation.exit.reason === "expired") this.#expires(id, story, decided);
    if (operation.kind === "requeue") this.#givenBack(operation, story);
    if (operation.kind === "retry") this.#waits(operation, story, decided);
    if (operation.kind === "finish") this.#finished(operation, story);
  }

  cancelAsked(id: JobId): void {
    const story = this.#stories.get(id);
    if (story !== undefined) story.cancelAsked = true;
  }

  /** From the answer on the job has ended, or its present attempt is the last one, whoever its owner is. */
  cancelAnswered(id: JobId, answer: "cancelled" | "cancelling" | "gone"): void {
    const store = this.#world.store();
    const done = store.done.get(id);
    if (answer === "cancelled" && done?.exit.reason !== "cancelled") this.#world.broken("cancel", `job ${id} was said to be cancelled and is not`);
    if (answer === "gone" && done === undefined) this.#world.broken("cancel", `job ${id} was said to be gone and is not`);
    if (answer !== "cancelling" || done !== undefined) return;
    if (store.running.get(id)?.cancelReason === undefined)
      this.#world.broken("cancel", `job ${id} was said to be cancelling and ${store.pending.has(id) ? "waits for another attempt" : "nobody will know it"}`);
    const story = this.#stories.get(id);
    if (story !== undefined) story.lastAttempt = true;
  }

  /** A request under a key was accepted. */
  keyAnswered(key: string, { id, body }: KeyAnswer): void {
    const known = this.#keys.get(key);
    this.#keys.set(key, known ?? { id, body });
    if (known !== undefined && known.id !== id) this.#world.broken("keys", `the key ${key} was answered with ${known.id} and ${id}`);
    if (known !== undefined && known.body !== body) this.#world.broken("keys", `the key ${key} was taken for two different requests`);
  }

  #begins(id: JobId, story: Story, token: Token, { latestMs }: Decided): void {
    story.begun = true;
    // Of two attempts that an agent has, and of two records of a window, the one with the greater token counts as the newer one.
    if (story.token !== undefined && BigInt(token) <= BigInt(story.token))
      this.#world.broken("tokens", `${id} begins under token ${token} after ${story.token}`);
    story.token = token;
    this.#inTime(id, story, story.notBeforeMs, latestMs);
    if (story.lastAttempt) this.#world.broken("cancel", `job ${id} begins another attempt after its cancel was answered`);
    if (story.notBeforeMs !== undefined && story.notBeforeMs > latestMs)
      this.#world.broken("early", `${id} begins ${story.notBeforeMs - latestMs} ms before its moment`);
  }

  #inTime(id: JobId, { lateByMs }: Story, momentMs: number | undefined, latestMs: number): void {
    if (lateByMs !== undefined && momentMs !== undefined && latestMs - momentMs > lateByMs)
      this.#world.broken("late", `the moment of ${id} was ${latestMs - momentMs} ms ago`);
  }

  /** One that was never sent has not begun. */
  #givenBack({ job, expiresAtMs }: Extract<FlushOperation, { kind: "requeue" }>, story: Story): void {
    story.notBeforeMs = undefined;
    if (expiresAtMs === undefined) return;
    story.begun = false;
    if (expiresAtMs !== story.expiresAtMs) this.#world.broken("expired", `${job.id} is to expire at another time than before`);
  }

  #expires(id: JobId, story: Story, { latestMs }: Decided): void {
    this.#inTime(id, story, story.expiresAtMs, latestMs);
    if (story.begun) this.#world.broken("expired", `${id} had begun and ends as expired`);
    if (story.expiresAtMs === undefined || story.expiresAtMs > latestMs) this.#world.broken("expired", `${id} expires before its moment`);
  }

  #waits({ job, end, deferred }: Extract<FlushOperation, { kind: "retry" }>, story: Story, { wallMs }: Decided): void {
    story.notBeforeMs = deferred ? job.dueAtMs : undefined;
    if (!isOwnReason(end.exit.reason)) return;
    const own = this.#ownAttempts(job.id);
    if (own >= story.maxAttempts) this.#world.broken("retries", `${job.id} is tried again after ${own} of ${story.maxAttempts} attempts`);
    const wait = job.policy?.retry?.wait;
    if (wait?.kind === "constant" && wait.delayMs > 0 && (!deferred || job.dueAtMs < wallMs + wait.delayMs))
      this.#world.broken("early", `${job.id} waits less than ${wait.delayMs} ms for its next attempt`);
  }

  #finished({ end, job }: Extract<FlushOperation, { kind: "finish" }>, story: Story): void {
    const own = this.#ownAttempts(job.id) + (isOwnReason(end.exit.reason) ? 1 : 0);
    if (own > story.maxAttempts) this.#world.broken("retries", `${job.id} had ${own} of ${story.maxAttempts} attempts`);
    const { reason } = end.exit;
    const isFailure = reason === "exit_code" || reason === "timeout";
    if (isFailure && own < story.maxAttempts && !story.cancelAsked)
      this.#world.broken("retries", `${job.id} was given up after ${own} of ${story.maxAttempts} attempts`);
  }

  /** Attempts before the last one that ended by themselves. */
  #ownAttempts(id: JobId): number {
    return (this.#world.store().attempts.get(id) ?? []).filter(({ reason }) => isOwnReason(reason)).length;
  }
}

/** Of an operation with which an attempt begins. */
function tokenOf(operation: FlushOperation): Token | undefined {
  if (operation.kind === "claim") return operation.token;
  return operation.kind === "insert" ? operation.direct?.token : undefined;
}
