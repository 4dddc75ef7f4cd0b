import { type FlushOperation, SHARDS } from "../control-plane/jobs/model.ts";
import type { LocalOwner } from "../control-plane/scheduler/cluster/local-owner.ts";
import type { WaitingJob } from "../control-plane/scheduler/core/model.ts";
import { groupOf } from "../control-plane/scheduler/core/state-core.ts";
import type { Lease } from "../control-plane/scheduler/lease-store.ts";
import { asAgentKey, asJobId, asToken, type JobId } from "../kernel/ids.ts";
import type { AttemptRef } from "../proto/gen/millrace/agent/v1/job.ts";
import { type ServerFrame, Verdict } from "../proto/gen/millrace/agent/v1/session.ts";
import type { Database } from "./database.ts";
import type { ExecutorWatch } from "./executor.ts";
import { LimitsWatch } from "./limits-watch.ts";
import type { StoreWatch } from "./model-store.ts";
import { describeOperation } from "./plan.ts";
import type { SimulatedAgent } from "./simulated-agent.ts";
import type { SimulatedReplica } from "./simulated-replica.ts";
import { Stories } from "./stories.ts";

/** What the oracle looks at. */
interface Watched {
  readonly time: { readonly nowMs: number };
  readonly database: Database;
  readonly agents: readonly SimulatedAgent[];
  readonly replicas: readonly SimulatedReplica[];
  note(text: string): void;
  broken(invariant: string, message: string): void;
}

/** An agent that was stopped notices within this time of its return, and its scripts die. */
const NOTICE_MS = 3000;

interface Executing {
  readonly agent: string;
  readonly token: string;
}

/** Jobs are numbered as they are made: a wall clock that was stepped back gives a later job an earlier due time. */
const numberOf = (id: JobId): number => Number.parseInt(id.slice(-12), 16);

/** Jobs that an owner must see in order: inserts that were submitted, and which of them it knows to be committed. */
interface Line {
  readonly owner: unknown;
  readonly submitted: Map<JobId, WaitingJob>;
  readonly admitted: Map<JobId, WaitingJob>;
}

/**
 * Sees all that happens anywhere in the world, which no part of the real system can, and says at once when a promise is broken. The
 * comments name the promise by its number in the design.
 */
export class Oracle implements StoreWatch, ExecutorWatch {
  readonly acknowledged = new Set<JobId>();
  readonly #world: Watched;
  readonly stories: Stories;
  readonly limits: LimitsWatch;
  readonly #executing = new Map<string, Executing[]>();
  /** Tokens of all attempts that ever began. */
  readonly #begun = new Set<string>();
  /** Until when an agent cannot be expected to have fenced itself. */
  readonly #excusedUntilMs = new Map<string, number>();
  readonly #lines = new Map<SimulatedReplica, Line>();

  constructor(world: Watched) {
    this.#world = world;
    const watched = { store: () => world.database.store, broken: (invariant: string, message: string) => world.broken(invariant, message) };
    this.stories = new Stories(watched);
    this.limits = new LimitsWatch({ ...watched, nowMs: () => world.time.nowMs });
  }

  broken(invariant: string, message: string): void {
    this.#world.broken(invariant, message);
  }

  /** Promise 1: from the acknowledgement on a job is in exactly one place. */
  acknowledge(ids: readonly JobId[]): void {
    for (const id of ids) {
      const places = this.#store.placesOf(id);
      if (places !== 1) this.broken("kept", `job ${id} was acknowledged and is in ${places} places`);
      this.acknowledged.add(id);
    }
  }

  committed(operation: FlushOperation, outcome: "moved" | "gone", { replicaId, epoch }: Lease): void {
    this.#world.note(`commit of replica ${replicaId}, epoch ${epoch}: ${describeOperation(operation)} ${outcome}`);
    const { id } = operation.job;
    if (this.acknowledged.has(id) && this.#store.placesOf(id) !== 1) this.broken("kept", `job ${id} is in ${this.#store.placesOf(id)} places`);
    this.stories.committed(operation, outcome);
    if (outcome === "moved") this.limits.committed(operation);
    if (operation.kind === "requeue" && operation.expiresAtMs !== undefined && this.#begun.has(operation.token))
      this.broken("expired", `job ${id} may expire although its attempt ${operation.token} began`);
    if (operation.kind === "finish" && outcome === "moved") this.#recorded(id, operation.end.exit.reason, operation.end.resultJson);
  }

  /** Order within a workspace, a route and a priority: no job is dispatched while one that sorts before it waits in the same queue. */
  submitted(replica: SimulatedReplica, operation: FlushOperation): void {
    this.stories.submitted(replica.process, operation);
    this.limits.submitted(operation, replica.process.latestWallMs());
    if (operation.kind === "finish") this.#isReplaced(replica, operation.job.id);
    const line = this.#lineOf(replica);
    const { job } = operation;
    line.admitted.delete(job.id);
    // A job that waits for its moment does not stand in its queue, and nobody has to wait behind it.
    const isDeferred = operation.kind === "insert" && operation.special?.scheduledForMs !== undefined;
    if (operation.kind === "insert" && operation.direct === undefined && !isDeferred) line.submitted.set(job.id, operation.job);
    else line.submitted.delete(job.id);
    if (operation.kind === "claim" || (operation.kind === "insert" && operation.direct !== undefined)) this.#hasSlot(replica, operation);
    if (operation.kind === "claim") this.#inOrder(operation.job, line.admitted);
    if (operation.kind === "insert" && operation.direct !== undefined) this.#inOrder(operation.job, line.submitted);
  }

  /** An attempt whose place another job takes is the last one of its job, as if somebody had cancelled it. */
  #isReplaced(replica: SimulatedReplica, id: JobId): void {
    if (replica.owner?.state.running.get(id)?.cancel?.reason.startsWith("replaced by job ") === true) this.stories.cancelAsked(id);
  }

  settled(replica: SimulatedReplica, operation: FlushOperation, outcome: "moved" | "gone"): void {
    const line = this.#lineOf(replica);
    if (operation.kind === "insert" && operation.direct === undefined && outcome === "moved" && line.submitted.has(operation.job.id)) {
      line.admitted.set(operation.job.id, operation.job);
    }
  }

  failed(replica: SimulatedReplica, operation: FlushOperation): void {
    this.#world.note(`${replica.name} failed: ${describeOperation(operation)}`);
    this.#lineOf(replica).submitted.delete(operation.job.id);
  }

  /** Promise 2, seen from the hosts: an attempt runs once, and no other one of its job runs beside it. */
  began(agent: string, ref: AttemptRef): void {
    this.#world.note(`${agent} runs ${ref.jobId.slice(-4)} token ${ref.token}`);
    const { store } = this.#world.database;
    if (!store.tokens.has(asToken(ref.token))) this.broken("order", `${agent} runs ${ref.jobId} under token ${ref.token}, which was never committed`);
    if (this.#begun.has(ref.token)) this.broken("attempts", `attempt ${ref.token} of ${ref.jobId} runs a second time, on ${agent}`);
    this.#begun.add(ref.token);
    const others = this.#executing.get(ref.jobId) ?? [];
    for (const other of others) {
      if (!this.#isExcused(other.agent))
        this.broken("attempts", `${agent} runs ${ref.jobId} under ${ref.token} while ${other.agent} runs it under ${other.token}`);
    }
    this.#executing.set(ref.jobId, [...others, { agent, token: ref.token }]);
    this.#slotsOf(agent);
  }

  ended(agent: string, ref: AttemptRef): void {
    this.#world.note(`${agent} ends ${ref.jobId.slice(-4)} token ${ref.token}`);
    const rest = (this.#executing.get(ref.jobId) ?? []).filter((entry) => entry.token !== ref.token || entry.agent !== agent);
    if (rest.length === 0) this.#executing.delete(ref.jobId);
    else this.#executing.set(ref.jobId, rest);
  }

  stopped(agent: SimulatedAgent, forMs: number): void {
    const untilMs = this.#world.time.nowMs + forMs + NOTICE_MS;
    this.#excusedUntilMs.set(agent.name, Math.max(untilMs, this.#excusedUntilMs.get(agent.name) ?? 0));
  }

  /** A frame arrives at an agent. Verdicts must be true at that moment. */
  received(agent: SimulatedAgent, frame: ServerFrame): void {
    for (const bundle of frame.assign) {
      if (!this.#store.tokens.has(asToken(bundle.token))) this.broken("order", `${bundle.jobId} was assigned under token ${bundle.token} before its commit`);
    }
    for (const ack of frame.finishedAcks) {
      this.#world.note(`${agent.name} hears ${ack.verdict === Verdict.VERDICT_RECORDED ? "recorded" : "stale"} for ${ack.jobId.slice(-4)} token ${ack.token}`);
      const recorded = this.#store.hasEndOf(asJobId(ack.jobId), asAgentKey(agent.settings.agentId), asToken(ack.token));
      if (ack.verdict === Verdict.VERDICT_RECORDED && !recorded && !agent.handsBack(ack)) {
        this.broken("verdict", `${agent.name} was told that ${ack.jobId} is recorded under token ${ack.token}; it is not`);
      }
      if (ack.verdict === Verdict.VERDICT_STALE && recorded)
        this.broken("verdict", `${agent.name} was told that token ${ack.token} is stale; it is in history`);
    }
  }

  /** What has not ended yet, in words; empty when all has. */
  unfinished(): string {
    const { pending, running, done } = this.#store;
    if (pending.size + running.size > 0)
      return `${pending.size} jobs are pending and ${running.size} are running in the store (${[...pending.keys(), ...running.keys()].slice(0, 3)})`;
    for (const id of this.acknowledged) if (!done.has(id)) return `job ${id} was acknowledged and never ended`;
    for (const agent of this.#world.agents) if (agent.open > 0) return `${agent.name} still holds ${agent.open} attempts or results`;
    if (this.#executing.size > 0) return `scripts of ${this.#executing.size} jobs still run`;
    return this.#unsettled();
  }

  /** What the replicas still count or hold, in words. */
  #unsettled(): string {
    const locals = this.#world.replicas.flatMap(({ local }) => local ?? []);
    const owned = locals.reduce((sum, { shards }) => sum + shards.with("owned").length, 0);
    if (owned !== SHARDS || locals.length !== this.#world.replicas.length) return `${locals.length} owners have ${owned} shards`;
    for (const { owner } of locals) {
      const { state } = owner;
      const waiting = [...state.routes.values()].reduce((sum, route) => sum + route.waiting, 0);
      const limited = [...state.limits.values()].find((limit) => limit.holders.size + limit.waiting + limit.parkedQueues > 0);
      if (limited !== undefined) return `limit ${limited.spec.key} counts ${limited.holders.size} permits and ${limited.waiting} waiting jobs`;
      const held = [...state.tenants.values()].reduce((sum, tenant) => sum + Math.abs(tenant.running) + Math.abs(tenant.waiting), 0);
      if (waiting !== 0 || held !== 0 || state.running.size + state.waiting.size > 0)
        return `an owner counts ${waiting} waiting jobs, ${held} permits, ${state.running.size} running and ${state.waiting.size} waiting entries`;
    }
    return this.#slotsLeft(locals);
  }

  /** When nothing runs, the owners together may use each slot of each agent: none was lost on the way. */
  #slotsLeft(locals: readonly LocalOwner[]): string {
    for (const agent of this.#world.agents) {
      const key = asAgentKey(agent.settings.agentId);
      const states = locals.flatMap(({ owner }) => owner.state.agents.get(key) ?? []);
      const slots = states.reduce((sum, state) => sum + (state.session === undefined ? 0 : state.slots), 0);
      if (slots !== agent.settings.slots) return `the owners may use ${slots} of ${agent.settings.slots} slots of ${agent.name}`;
    }
    return "";
  }

  get #store() {
    return this.#world.database.store;
  }

  /** Promise 2: what an agent's script returned goes into history only under the token that it ran with. */
  #recorded(id: JobId, reason: string, resultJson: string): void {
    if (reason !== "succeeded" && reason !== "exit_code") return;
    const token = this.#store.done.get(id)?.token;
    const said = JSON.parse(resultJson) as { job: string; token: string };
    if (said.job !== id || said.token !== token)
      this.broken("stale", `history has the result of token ${said.token} of ${said.job} for token ${token} of ${id}`);
  }

  #inOrder(job: WaitingJob, before: ReadonlyMap<JobId, WaitingJob>): void {
    if (job.attempt > 0) return;
    for (const other of before.values()) {
      if (other.workspace !== job.workspace || other.language !== job.language || other.tag !== job.tag || other.prio !== job.prio) continue;
      // Jobs of other limits may go first: they wait for less.
      if (groupOf(other) !== groupOf(job)) continue;
      // An owner that has been replaced may know a job that its successor has already run.
      const hasBegun = this.#store.running.has(other.id) || (this.#store.pending.get(other.id)?.job.attempt ?? 0) > 0;
      if (hasBegun || this.#store.done.has(other.id)) continue;
      if (other.dueAtMs <= job.dueAtMs && numberOf(other.id) < numberOf(job.id))
        this.broken("order", `${job.id} was dispatched before ${other.id} of the same queue`);
    }
  }

  /** A job is given to an agent only while one of its slots is free, or it was the last one. */
  #hasSlot(replica: SimulatedReplica, operation: FlushOperation): void {
    const key = operation.kind === "claim" ? operation.agent : operation.kind === "insert" ? operation.direct?.agent : undefined;
    const agent = key === undefined ? undefined : replica.owner?.state.agents.get(key);
    if (agent === undefined) return;
    if (agent.running.size > agent.slots)
      this.broken("slots", `${operation.job.id} is number ${agent.running.size} on agent ${agent.key} with ${agent.slots} slots`);
  }

  #lineOf(replica: SimulatedReplica): Line {
    const known = this.#lines.get(replica);
    if (known !== undefined && known.owner === replica.owner) return known;
    const line = { owner: replica.owner, submitted: new Map(), admitted: new Map() };
    this.#lines.set(replica, line);
    return line;
  }

  #isExcused(agent: string): boolean {
    return (this.#excusedUntilMs.get(agent) ?? 0) > this.#world.time.nowMs;
  }

  /** An agent never runs more valid attempts than it has slots. */
  #slotsOf(name: string): void {
    const agent = this.#world.agents.find((entry) => entry.name === name);
    if (agent === undefined) return;
    let valid = 0;
    for (const [id, entries] of this.#executing) {
      const row = this.#store.running.get(asJobId(id));
      if (row !== undefined && entries.some((entry) => entry.agent === name && entry.token === row.token)) valid += 1;
    }
    if (valid > agent.settings.slots) this.broken("slots", `${name} runs ${valid} valid attempts on ${agent.settings.slots} slots`);
  }
}
