import { ChurnMap } from "../../kernel/churn-map.ts";
import type { AgentKey, JobId, SessionId, Token, WorkspaceId } from "../../kernel/ids.ts";
import type { AttemptOfChunk } from "../logs/ingest.ts";
import type { AgentHello } from "../scheduler/core/agents-core.ts";
import { pinTagOf, routeKeyOf } from "../scheduler/core/pinned-core.ts";
import type { AttemptId, OwnerPort, RouteDemand } from "../scheduler/owner-port.ts";
import { closeShare, cover, type Need, type Order, openBook, openShare, replan, type SlotBook, takeReport } from "./slots-core.ts";

/** An attempt that this agent was given through us, or that it declared, and whose end has not come by. */
export interface LiveAttempt extends AttemptId {
  /** The owner in whose share it is; undefined for an orphan. */
  cover: string | undefined;
  /** The owner that says it has it. */
  claim: string | undefined;
  /** The agent has said that it has it. */
  confirmed: boolean;
  readonly sinceMs: number;
  fenced: boolean;
  /** Known when it came over a peer link. */
  readonly of: AttemptOfChunk | undefined;
}

/** An assignment that the agent has not confirmed for this long is not counted any more. */
const UNCONFIRMED_MS = 15_000;

/** One agent at its home: its slots and their shares, and what it runs. No I/O: it says what is to be sent. */
export class Seat {
  readonly hello: Omit<AgentHello, "slots" | "held">;
  readonly book: SlotBook;
  readonly live = new ChurnMap<Token, LiveAttempt>();
  readonly #routes: ReadonlySet<string>;
  #saidNothing = false;

  constructor(hello: AgentHello, nowMs: number) {
    const { slots, held, ...rest } = hello;
    this.hello = rest;
    this.book = openBook(slots, held.size);
    this.#routes = new Set([...hello.tags, pinTagOf(hello.key)].flatMap((tag) => hello.languages.map((language) => routeKeyOf(tag, language))));
    for (const [id, token] of held) {
      this.live.set(token, { id, token, cover: undefined, claim: undefined, confirmed: true, sinceMs: nowMs, fenced: false, of: undefined });
    }
  }

  get session(): SessionId {
    return this.hello.session;
  }

  get key(): AgentKey {
    return this.hello.key;
  }

  get workspace(): WorkspaceId | undefined {
    return this.hello.workspace;
  }

  /** What a new owner is told: it judges what is of its shards, whoever assigned it. */
  helloTo(): AgentHello {
    return { ...this.hello, slots: 0, held: this.heldWith(new Map()) };
  }

  /** What the agent says it holds, and what is on its way to it. */
  heldWith(held: ReadonlyMap<JobId, Token>): Map<JobId, Token> {
    const all = new Map(held);
    for (const attempt of this.live.values()) if (!all.has(attempt.id)) all.set(attempt.id, attempt.token);
    return all;
  }

  assigned(owner: string, attempt: AttemptId, of: AttemptOfChunk | undefined, nowMs: number): void {
    if (this.live.has(attempt.token)) return;
    this.live.set(attempt.token, { ...attempt, cover: owner, claim: undefined, confirmed: false, sinceMs: nowMs, fenced: false, of });
  }

  /** @returns true when the plan may change */
  ended(token: Token): boolean {
    const attempt = this.live.get(token);
    if (attempt === undefined) return false;
    this.live.delete(token);
    if (attempt.cover === undefined) this.book.orphans -= 1;
    return attempt.cover === undefined;
  }

  /** The agent's list of what it holds. @returns what owners should hear, or undefined when it would be nothing twice; `freed` as for `ended` */
  keepalive(held: ReadonlyMap<JobId, Token>, nowMs: number): { all: Map<JobId, Token> | undefined; freed: boolean } {
    const nothing = held.size === 0 && this.live.size === 0;
    let freed = false;
    for (const attempt of this.live.values()) {
      if (held.get(attempt.id) === attempt.token) attempt.confirmed = true;
      else if (attempt.confirmed || nowMs - attempt.sinceMs > UNCONFIRMED_MS) freed = this.ended(attempt.token) || freed;
    }
    const all = nothing && this.#saidNothing ? undefined : this.heldWith(held);
    this.#saidNothing = nothing;
    return { all, freed };
  }

  join(owner: OwnerPort): void {
    openShare(this.book, owner.replicaId);
  }

  leave(owner: OwnerPort): void {
    let running = 0;
    for (const attempt of this.live.values()) {
      if (attempt.claim === owner.replicaId) attempt.claim = undefined;
      if (attempt.cover !== owner.replicaId) continue;
      attempt.cover = undefined;
      running += 1;
    }
    closeShare(this.book, owner.replicaId, running);
  }

  /** @returns orders that follow from the report at once; `freed` when the plan may change */
  report(owner: OwnerPort, report: Parameters<typeof takeReport>[2]): { orders: Order[]; freed: boolean } {
    const { replicaId } = owner;
    let orphaned = 0;
    for (const token of report.uncovered) {
      const attempt = this.live.get(token);
      // It may have taken the attempt over before it gave it away.
      if (attempt?.claim === replicaId) attempt.claim = undefined;
      if (attempt?.cover !== replicaId) continue;
      attempt.cover = undefined;
      orphaned += 1;
    }
    const freed = takeReport(this.book, replicaId, report, orphaned);
    for (const token of report.adopted) {
      const attempt = this.live.get(token);
      if (attempt !== undefined) attempt.claim = replicaId;
      // The agent may never have got it: the owner must hear what it holds, also when that is nothing.
      else this.#saidNothing = false;
    }
    const orders: Order[] = [];
    for (const token of [...report.uncovered, ...report.adopted]) {
      const attempt = this.live.get(token);
      if (attempt === undefined || attempt.cover !== undefined || attempt.claim === undefined) continue;
      const order = cover(this.book, attempt.claim, 1);
      if (order === undefined) continue;
      attempt.cover = attempt.claim;
      orders.push(order);
    }
    return { orders, freed };
  }

  /** @param usable owners that have shards whose jobs may run here */
  plan(usable: (owner: string) => boolean, demand: (owner: string) => ReadonlyMap<string, RouteDemand> | undefined, turn: number): Order[] {
    const needs = new Map<string, Need>();
    for (const owner of this.book.shares.keys()) needs.set(owner, { running: 0, waiting: 0, weight: 0, active: usable(owner) });
    if (needs.size > 1) for (const owner of needs.keys()) needs.set(owner, this.#needOf(owner, usable(owner), demand(owner)));
    return replan(this.book, needs, turn);
  }

  serves(route: RouteDemand): boolean {
    return this.#routes.has(routeKeyOf(route.tag, route.language));
  }

  #needOf(owner: string, active: boolean, demand: ReadonlyMap<string, RouteDemand> | undefined): Need {
    let running = 0;
    for (const attempt of this.live.values()) if (attempt.cover === owner) running += 1;
    let waiting = 0;
    let weight = 0;
    for (const route of active ? (demand?.values() ?? []) : []) {
      if (!this.serves(route)) continue;
      waiting += route.waiting;
      weight += route.tenants;
    }
    return { running, waiting, weight, active };
  }
}
