import type { AgentKey, JobId, SessionId, Token } from "../../../kernel/ids.ts";
import type { JobEnd } from "../../jobs/model.ts";
import type { AgentPort, FinishVerdict } from "../agent-port.ts";
import type { AgentHello } from "../core/agents-core.ts";
import type { RunningJob } from "../core/model.ts";
import { topShare } from "../core/ready-core.ts";
import type { Owner } from "../owner.ts";
import type { AttemptId, Home, RouteDemand, ShareOrder } from "../owner-port.ts";
import { giveAway, type HeldShare, holdingOf, takeOrder } from "./shares-core.ts";

interface Attached {
  readonly key: AgentKey;
  readonly home: Home;
  readonly share: HeldShare;
  /** What the home was told last. */
  reported: number;
}

/** Routes that are named in one demand. */
const MAX_ROUTES = 1000;
const DEMAND_EVERY_MS = 20;
/** Agents whose newest session is remembered. */
const MAX_REMEMBERED = 50_000;

/**
 * The owner's side of the agents that it shares with other owners: which home has which, how many slots it may use, and what it tells the
 * homes: what it still holds of a share that was made smaller, which attempts came and went with their shards, and what it lacks slots for.
 */
export class SharedAgents implements AgentPort {
  readonly #sessions = new Map<SessionId, Attached>();
  readonly #byAgent = new Map<AgentKey, SessionId>();
  /** Number of the newest session of each agent, also of those that went away. */
  readonly #newest = new Map<AgentKey, number>();
  readonly #homes = new Set<Home>();
  /** Sessions whose attempts are more than their share. */
  readonly #owing = new Set<SessionId>();
  readonly #isShared: () => boolean;
  #owner: Owner | undefined;
  #demand = "[]";
  #demandTimer: NodeJS.Timeout | undefined;

  /** @param isShared false while this is the only owner: then nobody needs to know what it lacks */
  constructor(isShared: () => boolean) {
    this.#isShared = isShared;
  }

  /** The owner is made with this as its way to the agents, so it comes after. */
  bind(owner: Owner): void {
    this.#owner = owner;
  }

  stop(): void {
    clearTimeout(this.#demandTimer);
    this.#demandTimer = undefined;
    this.#owner = undefined;
    this.#homes.clear();
    this.#sessions.clear();
  }

  addHome(home: Home): void {
    this.#homes.add(home);
    if (this.#demand !== "[]") home.demand(JSON.parse(this.#demand) as RouteDemand[]);
  }

  /** The link to the home is gone: it was last heard at `heardAtMs`. */
  removeHome(home: Home, heardAtMs: number): void {
    this.#homes.delete(home);
    this.#owner?.reports.homeLost(heardAtMs);
    for (const [session, entry] of this.#sessions) if (entry.home === home) this.detach(entry.key, session, heardAtMs);
  }

  assign(session: SessionId, bundle: Parameters<AgentPort["assign"]>[1]): boolean {
    return this.#sessions.get(session)?.home.assign(session, bundle) === true;
  }

  isBehind(session: SessionId): boolean {
    return this.#sessions.get(session)?.home.isBehind(session) === true;
  }

  cancel(session: SessionId, attempt: Parameters<AgentPort["cancel"]>[1]): void {
    this.#sessions.get(session)?.home.cancel(session, attempt);
  }

  /** @returns what the agent must drop. A session that is older than one that is known, and came late over a peer link, is ignored. */
  attach(home: Home, hello: AgentHello): AttemptId[] {
    if (this.#isOvertaken(hello)) return [];
    const before = this.#byAgent.get(hello.key);
    if (before !== undefined) this.#forget(before);
    const entry: Attached = { key: hello.key, home, share: { seq: 0, round: 0, slots: hello.slots }, reported: hello.slots };
    this.#sessions.set(hello.session, entry);
    this.#byAgent.set(hello.key, hello.session);
    const result = this.#owner?.reports.attached(hello);
    if (result === undefined) return [];
    if (result.kept.length > 0) this.#report(hello.session, entry, [], result.kept);
    return result.drop;
  }

  detach(key: AgentKey, session: SessionId, heardAtMs: number): void {
    this.#owner?.reports.detached(key, session, heardAtMs);
    this.#forget(session);
  }

  share(session: SessionId, order: ShareOrder): void {
    const entry = this.#sessions.get(session);
    if (entry === undefined || !takeOrder(entry.share, order)) return;
    this.#owner?.reports.slotsChanged(entry.key, entry.share.slots);
    this.#report(session, entry, [], []);
  }

  received(session: SessionId, { id, token }: AttemptId): void {
    const entry = this.#sessions.get(session);
    if (entry !== undefined) this.#owner?.reports.received(entry.key, id, token);
  }

  started(session: SessionId, { id, token }: AttemptId, atMs: number): void {
    const entry = this.#sessions.get(session);
    if (entry !== undefined) this.#owner?.reports.started(entry.key, id, token, atMs);
  }

  held(session: SessionId, held: ReadonlyMap<JobId, Token>): void {
    const entry = this.#sessions.get(session);
    if (entry === undefined) return;
    for (const attempt of this.#owner?.reports.reconcile(entry.key, held) ?? []) {
      entry.home.cancel(session, { ...attempt, reason: "the attempt is no longer valid", fenced: true });
    }
  }

  folders(session: SessionId, folders: ReadonlyMap<JobId, Token>): void {
    const entry = this.#sessions.get(session);
    if (entry === undefined) return;
    for (const folder of this.#owner?.reports.reconcileFolders(folders) ?? [])
      entry.home.cancel(session, { ...folder, reason: "the run has ended", fenced: true });
  }

  finished(agent: AgentKey, end: Omit<JobEnd, "workspace">): Promise<FinishVerdict> | undefined {
    return this.#owner?.reports.finished(agent, end);
  }

  /** Shards were given away: their attempts go on, and take their slots along. */
  gaveAway(attempts: ReadonlyMap<AgentKey, readonly RunningJob[]>): void {
    for (const [key, list] of attempts) {
      const session = this.#byAgent.get(key);
      const entry = session === undefined ? undefined : this.#sessions.get(session);
      if (session === undefined || entry === undefined) continue;
      giveAway(entry.share, list.length, this.#running(key));
      this.#owner?.reports.slotsChanged(key, entry.share.slots);
      this.#report(
        session,
        entry,
        list.map((running) => running.token),
        [],
      );
    }
  }

  /** Shards were gained, with attempts that run on this agent. */
  tookOver(key: AgentKey, tokens: readonly Token[]): void {
    const session = this.#byAgent.get(key);
    const entry = session === undefined ? undefined : this.#sessions.get(session);
    if (session !== undefined && entry !== undefined) this.#report(session, entry, [], tokens);
  }

  /** After each round of the owner. */
  afterRound(): void {
    for (const session of this.#owing) {
      const entry = this.#sessions.get(session);
      if (entry === undefined) this.#owing.delete(session);
      else if (this.#holding(entry) < entry.reported) this.#report(session, entry, [], []);
    }
    if (this.#homes.size === 0 || this.#demandTimer !== undefined || (!this.#isShared() && this.#demand === "[]")) return;
    this.#demandTimer = setTimeout(() => {
      this.#demandTimer = undefined;
      this.#tellDemand();
    }, DEMAND_EVERY_MS);
    this.#tellDemand();
  }

  #tellDemand(): void {
    const demand = JSON.stringify(this.#lacking());
    if (demand === this.#demand) return;
    this.#demand = demand;
    const routes = JSON.parse(demand) as RouteDemand[];
    for (const home of this.#homes) home.demand(routes);
  }

  /** Numbers are cut to powers of two: they decide on shares, and each change is a message. */
  #lacking(): RouteDemand[] {
    const lacking: RouteDemand[] = [];
    if (this.#owner === undefined || !this.#isShared()) return lacking;
    const { state } = this.#owner;
    for (const route of state.routes.values()) {
      const waiting = route.waiting - route.held;
      // Those whom a limit holds back, or whose shard is being handed over, are in no heap.
      if (waiting <= 0 || topShare(state, route) === undefined) continue;
      lacking.push({ tag: route.tag, language: route.language, waiting: powerOfTwo(waiting), tenants: powerOfTwo(route.ready.size) });
      if (lacking.length === MAX_ROUTES) break;
    }
    return lacking;
  }

  #holding(entry: Attached): number {
    return holdingOf(entry.share, this.#running(entry.key));
  }

  #running(key: AgentKey): number {
    return this.#owner?.state.agents.get(key)?.running.size ?? 0;
  }

  #report(session: SessionId, entry: Attached, uncovered: readonly Token[], adopted: readonly Token[]): void {
    const slots = this.#holding(entry);
    entry.reported = slots;
    if (slots > entry.share.slots) this.#owing.add(session);
    else this.#owing.delete(session);
    entry.home.holding(session, { seq: entry.share.seq, round: entry.share.round, slots, uncovered, adopted });
  }

  #isOvertaken({ key, serial }: AgentHello): boolean {
    if (serial === undefined) return false;
    if (serial < (this.#newest.get(key) ?? 0)) return true;
    // The oldest go first: behind them come those that connected later.
    this.#newest.delete(key);
    this.#newest.set(key, serial);
    const [oldest] = this.#newest.size > MAX_REMEMBERED ? this.#newest.keys() : [];
    if (oldest !== undefined) this.#newest.delete(oldest);
    return false;
  }

  #forget(session: SessionId): void {
    const entry = this.#sessions.get(session);
    if (entry === undefined) return;
    this.#sessions.delete(session);
    this.#owing.delete(session);
    if (this.#byAgent.get(entry.key) === session) this.#byAgent.delete(entry.key);
  }
}

function powerOfTwo(count: number): number {
  return 2 ** Math.ceil(Math.log2(Math.max(1, count)));
}
