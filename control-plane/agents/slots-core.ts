import type { HoldingReport, ShareOrder } from "../scheduler/owner-port.ts";

/**
 * The home's book of one agent's slots, split between owners. The invariant: what the owners may use at most (`granted`), and attempts
 * that no owner counts (`orphans`), never add up to more than the slots. A share is made smaller by an order, and counts as before until
 * the owner reports what it still holds; only then is it given to another. `seq` numbers the orders to an owner: a report that answers an
 * older one says nothing. `round` numbers what the owner does by itself: when it hands a shard over, its attempts leave its share, it
 * raises the round, and orders that do not know of it are void.
 */
interface Share {
  /** Slots by the last order. */
  target: number;
  granted: number;
  seq: number;
  round: number;
}

export interface SlotBook {
  slots: number;
  /** Attempts on the agent that are in no owner's share. */
  orphans: number;
  readonly shares: Map<string, Share>;
}

/** What one owner could use on this agent. */
export interface Need {
  /** Attempts of its share that run now. */
  readonly running: number;
  /** Jobs that wait for a slot of such an agent. */
  readonly waiting: number;
  /** Workspaces that wait: contested slots are shared in this proportion. */
  readonly weight: number;
  /** False for an owner without shards that could use the agent. */
  readonly active: boolean;
}

export interface Order extends ShareOrder {
  readonly owner: string;
}

export function openBook(slots: number, orphans: number): SlotBook {
  return { slots, orphans, shares: new Map() };
}

/** A new owner, or an old one on a new link: it has nothing. */
export function openShare(book: SlotBook, owner: string): void {
  book.shares.set(owner, { target: 0, granted: 0, seq: 0, round: 0 });
}

/** The owner can assign nothing any more. @param running attempts of its share that go on: nobody counts them now */
export function closeShare(book: SlotBook, owner: string, running: number): void {
  if (book.shares.delete(owner)) book.orphans += running;
}

/** What is granted to nobody. */
export function roomOf(book: SlotBook): number {
  let room = book.slots - book.orphans;
  for (const share of book.shares.values()) room -= share.granted;
  return room;
}

/** @param turn rotates whose turn it is for what cannot be divided */
export function replan(book: SlotBook, needs: ReadonlyMap<string, Need>, turn: number): Order[] {
  const wanted = targetsOf(book, needs, turn);
  const orders: Order[] = [];
  const order = (owner: string, share: Share, slots: number): void => {
    share.target = slots;
    share.seq += 1;
    orders.push({ owner, seq: share.seq, round: share.round, slots });
  };
  for (const [owner, share] of book.shares) if ((wanted.get(owner) ?? 0) < share.target) order(owner, share, wanted.get(owner) ?? 0);
  for (const [owner, share] of book.shares) {
    const target = wanted.get(owner) ?? 0;
    // Owners may hold more than there is for a while, such as attempts that the agent came back without: what is too much is not theirs to use.
    const reachable = Math.min(target, share.granted + roomOf(book));
    if (reachable <= share.target) continue;
    share.granted = Math.max(share.granted, reachable);
    order(owner, share, reachable);
  }
  return orders;
}

/** An owner says what it holds. @returns true when that may have made room */
export function takeReport(book: SlotBook, owner: string, report: HoldingReport, uncovered: number): boolean {
  const share = book.shares.get(owner);
  if (share === undefined) return false;
  if (report.round > share.round) {
    share.round = report.round;
    share.target = report.slots;
    share.granted = report.slots;
    book.orphans += uncovered;
    return true;
  }
  if (report.round < share.round || report.seq !== share.seq || report.slots >= share.granted) return false;
  share.granted = Math.max(report.slots, share.target);
  return true;
}

/**
 * Attempts that were orphans are counted by this owner from now on. An agent may hold more than its slots, since ends that it has not handed
 * in yet are among it: beyond the slots an owner only says when they are over, and gets none for them. @returns the order that tells it so
 */
export function cover(book: SlotBook, owner: string, count: number): Order | undefined {
  const share = book.shares.get(owner);
  if (share === undefined) return undefined;
  book.orphans -= count;
  share.granted += count;
  if (roomOf(book) >= 0) share.target += count;
  share.seq += 1;
  return { owner, seq: share.seq, round: share.round, slots: share.target };
}

function targetsOf(book: SlotBook, needs: ReadonlyMap<string, Need>, turn: number): Map<string, number> {
  const total = Math.max(0, book.slots - book.orphans);
  const owners = [...book.shares.keys()];
  const of = (owner: string): Need => needs.get(owner) ?? { running: 0, waiting: 0, weight: 0, active: false };
  const hungry = owners.some((owner) => of(owner).waiting > 0);
  const current = new Map(owners.map((owner) => [owner, of(owner).active ? (book.shares.get(owner)?.target ?? 0) : of(owner).running]));
  const kept = [...current.values()].reduce((sum, slots) => sum + slots, 0);
  const targets = hungry || kept > total ? new Map(owners.map((owner) => [owner, 0])) : current;
  if (hungry || kept > total) {
    const want = (owner: string): number => of(owner).running + of(owner).waiting;
    share(targets, total, owners, want, (owner) => Math.max(1, of(owner).weight), turn);
  }
  // What nobody needs now is spread, so that a job that comes finds a slot without asking.
  const active = owners.filter((owner) => of(owner).active);
  share(
    targets,
    total,
    active,
    () => Number.POSITIVE_INFINITY,
    () => 1,
    turn,
  );
  return targets;
}

/** Gives slots one by one to whoever has the least for its weight and wants more: weighted max-min fairness in whole slots. */
function share(
  targets: Map<string, number>,
  total: number,
  owners: readonly string[],
  want: (owner: string) => number,
  weight: (owner: string) => number,
  turn: number,
): void {
  let left = total - [...targets.values()].reduce((sum, slots) => sum + slots, 0);
  const rotated = owners.map((_, at) => owners[(at + turn) % owners.length] ?? "");
  for (; left > 0; left--) {
    let best: string | undefined;
    let least = Number.POSITIVE_INFINITY;
    for (const owner of rotated) {
      const has = targets.get(owner) ?? 0;
      const score = (has + 1) / weight(owner);
      if (has >= want(owner) || score >= least) continue;
      best = owner;
      least = score;
    }
    if (best === undefined) return;
    targets.set(best, (targets.get(best) ?? 0) + 1);
  }
}
