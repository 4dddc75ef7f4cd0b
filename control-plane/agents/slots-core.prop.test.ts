import { expect, test } from "vitest";
import { asToken, type Token } from "../../kernel/ids.ts";
import { giveAway, type HeldShare, holdingOf, takeOrder } from "../scheduler/cluster/shares-core.ts";
import type { HoldingReport, ShareOrder } from "../scheduler/owner-port.ts";
import { seededRandom } from "../scheduler/testing/simulated-owner.ts";
import { closeShare, cover, type Need, type Order, openBook, openShare, replan, roomOf, type SlotBook, takeReport } from "./slots-core.ts";

const SLOTS = 6;

/** An owner with its side of the protocol; messages to and from it take any time, in order. */
interface ModelOwner {
  readonly name: string;
  share: HeldShare;
  waiting: number;
  readonly running: Set<Token>;
  readonly toHome: HoldingReport[];
  readonly toOwner: (ShareOrder | { readonly ended: Token })[];
}

/** One agent, its home with the real book, and owners that take jobs whenever their share allows it. Shards move, owners crash. */
class Model {
  readonly book: SlotBook;
  readonly owners = new Map<string, ModelOwner>();
  /** What really runs: token → owner in whose share the home counts it. */
  readonly live = new Map<Token, string | undefined>();
  readonly #claims = new Map<Token, string>();
  readonly #random: () => number;
  #made = 0;
  #turn = 0;

  constructor(seed: number, slots = SLOTS) {
    this.book = openBook(slots, 0);
    this.#random = seededRandom(seed);
    for (const name of ["1", "2", "3"]) this.join(name);
    this.plan();
  }

  join(name: string): void {
    this.owners.set(name, { name, share: { seq: 0, round: 0, slots: 0 }, waiting: 0, running: new Set(), toHome: [], toOwner: [] });
    openShare(this.book, name);
  }

  step(): void {
    const owner = this.pick();
    const dice = this.#random();
    if (dice < 0.25) owner.waiting = Math.floor(this.#random() * 4);
    else if (dice < 0.45) this.assign(owner);
    else if (dice < 0.6) this.endOne();
    else if (dice < 0.75) this.deliverToOwner(owner);
    else if (dice < 0.9) this.deliverToHome(owner);
    else if (dice < 0.93) this.handOver(owner, this.pick());
    else if (dice < 0.94) this.crash(owner);
    else {
      this.#turn += 1;
      this.plan();
    }
    this.check();
  }

  pick(): ModelOwner {
    const all = [...this.owners.values()];
    const owner = all[Math.floor(this.#random() * all.length)];
    if (owner === undefined) throw new Error("no owner");
    return owner;
  }

  /** The home sees an assignment at once: what an owner may do is limited by its share alone. */
  assign(owner: ModelOwner): void {
    if (owner.waiting === 0 || owner.running.size >= owner.share.slots) return;
    owner.waiting -= 1;
    this.#made += 1;
    const token = asToken(String(this.#made));
    owner.running.add(token);
    this.live.set(token, owner.name);
  }

  endOne(): void {
    const token = [...this.live.keys()][Math.floor(this.#random() * this.live.size)];
    if (token === undefined) return;
    const covered = this.live.get(token);
    this.live.delete(token);
    if (covered === undefined) this.book.orphans -= 1;
    for (const owner of this.owners.values()) owner.toOwner.push({ ended: token });
    this.plan();
  }

  deliverToOwner(owner: ModelOwner): void {
    const message = owner.toOwner.shift();
    if (message === undefined) return;
    if ("ended" in message) {
      owner.running.delete(message.ended);
      if (owner.share.slots < holdingOf(owner.share, owner.running.size) + 1) this.reply(owner);
      return;
    }
    if (takeOrder(owner.share, message)) this.reply(owner);
  }

  reply(owner: ModelOwner, uncovered: Token[] = [], adopted: Token[] = []): void {
    const { seq, round } = owner.share;
    owner.toHome.push({ seq, round, slots: holdingOf(owner.share, owner.running.size), uncovered, adopted });
  }

  deliverToHome(owner: ModelOwner): void {
    const report = owner.toHome.shift();
    if (report === undefined) return;
    let orphaned = 0;
    for (const token of report.uncovered) {
      if (this.live.get(token) !== owner.name) continue;
      this.live.set(token, undefined);
      orphaned += 1;
    }
    takeReport(this.book, owner.name, report, orphaned);
    for (const token of report.uncovered) this.coverClaimed(token);
    for (const token of report.adopted) {
      this.#claims.set(token, owner.name);
      this.coverClaimed(token);
    }
    this.plan();
  }

  coverClaimed(token: Token): void {
    const name = this.#claims.get(token);
    if (name === undefined || !this.live.has(token) || this.live.get(token) !== undefined) return;
    const order = cover(this.book, name, 1);
    if (order === undefined) return;
    this.live.set(token, name);
    this.send([order]);
  }

  /** Some attempts move with their shard: the giver stops counting them, the taker starts to. */
  handOver(from: ModelOwner, to: ModelOwner): void {
    if (from === to) return;
    const moved = [...from.running].filter(() => this.#random() < 0.5);
    if (moved.length === 0) return;
    for (const token of moved) from.running.delete(token);
    giveAway(from.share, moved.length, from.running.size);
    this.reply(from, moved);
    // One whose end is on its way was taken off by the end.
    for (const token of moved) if (this.live.has(token)) to.running.add(token);
    this.reply(to, [], moved);
  }

  /** The link breaks; what was under way is lost. The owner comes back with nothing, its attempts are taken over by another. */
  crash(owner: ModelOwner): void {
    this.owners.delete(owner.name);
    let left = 0;
    for (const [token, covered] of this.live) {
      if (covered !== owner.name) continue;
      this.live.set(token, undefined);
      left += 1;
    }
    closeShare(this.book, owner.name, left);
    for (const [token, name] of this.#claims) if (name === owner.name) this.#claims.delete(token);
    const heir = this.owners.size > 0 ? this.pick() : undefined;
    this.join(owner.name);
    const orphans = [...owner.running].filter((token) => this.live.has(token));
    if (heir !== undefined && orphans.length > 0) {
      for (const token of orphans) heir.running.add(token);
      this.reply(heir, [], orphans);
    }
    this.plan();
  }

  plan(): void {
    this.send(replan(this.book, this.needs(), this.#turn));
  }

  send(orders: Order[]): void {
    for (const order of orders) this.owners.get(order.owner)?.toOwner.push(order);
  }

  needs(): Map<string, Need> {
    return new Map(
      [...this.owners.values()].map((owner) => {
        const running = [...this.live.values()].filter((covered) => covered === owner.name).length;
        return [owner.name, { running, waiting: owner.waiting, weight: 1, active: true }];
      }),
    );
  }

  check(): void {
    if (this.live.size > SLOTS) throw new Error(`${this.live.size} attempts on ${SLOTS} slots`);
    if (roomOf(this.book) < 0) throw new Error(`more is granted than there is: ${JSON.stringify([...this.book.shares])}`);
    const orphans = [...this.live.values()].filter((covered) => covered === undefined).length;
    if (orphans !== this.book.orphans) throw new Error(`${orphans} orphans, the book says ${this.book.orphans}`);
  }

  /** No more faults: everything is delivered. */
  settle(): void {
    for (let i = 0; i < 200; i++) {
      for (const owner of this.owners.values()) {
        while (owner.toOwner.length > 0) this.deliverToOwner(owner);
        while (owner.toHome.length > 0) this.deliverToHome(owner);
      }
      this.plan();
      this.check();
    }
  }
}

test("slots are never used twice, whatever is delayed, handed over or crashes, and none is lost in the end", () => {
  for (let seed = 1; seed <= 400; seed++) {
    const model = new Model(seed);
    try {
      for (let step = 0; step < 600; step++) model.step();
      // Everything ends, one owner is hungry: it gets all there is.
      while (model.live.size > 0) model.endOne();
      for (const owner of model.owners.values()) owner.waiting = 0;
      model.settle();
      const hungry = model.pick();
      hungry.waiting = 100;
      model.settle();
      expect(hungry.share.slots).toBe(SLOTS);
    } catch (error) {
      throw new Error(`seed ${seed}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
});

test("hungry owners share a single slot in turns", () => {
  const model = new Model(1, 1);
  for (const owner of model.owners.values()) owner.waiting = 1000;
  model.settle();
  const had = new Map<string, number>();
  for (let round = 0; round < 30; round++) {
    const orders = replan(model.book, model.needs(), round);
    model.send(orders);
    for (let i = 0; i < 5; i++) {
      for (const owner of model.owners.values()) {
        while (owner.toOwner.length > 0) model.deliverToOwner(owner);
        while (owner.toHome.length > 0) {
          const report = owner.toHome.shift();
          if (report !== undefined) takeReport(model.book, owner.name, report, 0);
        }
      }
      model.send(replan(model.book, model.needs(), round));
    }
    for (const owner of model.owners.values()) if (owner.share.slots > 0) had.set(owner.name, (had.get(owner.name) ?? 0) + 1);
  }
  expect([...had.values()]).toEqual([10, 10, 10]);
});

test("contested slots follow the number of workspaces that wait", () => {
  const book = openBook(8, 0);
  for (const owner of ["1", "2"]) openShare(book, owner);
  const need = (weight: number): Need => ({ running: 0, waiting: 100, weight, active: true });
  replan(
    book,
    new Map([
      ["1", need(3)],
      ["2", need(1)],
    ]),
    0,
  );
  expect([...book.shares.values()].map((share) => share.target)).toEqual([6, 2]);
});

test("nothing moves while nobody waits", () => {
  const book = openBook(5, 0);
  openShare(book, "1");
  const idle = { running: 0, waiting: 0, weight: 0, active: true };
  expect(replan(book, new Map([["1", idle]]), 0)).toEqual([{ owner: "1", seq: 1, round: 0, slots: 5 }]);
  openShare(book, "2");
  const both = new Map([
    ["1", idle],
    ["2", idle],
  ]);
  expect(replan(book, both, 1)).toEqual([]);
  expect(replan(book, new Map([...both, ["2", { ...idle, waiting: 1, weight: 1 }]]), 2)).toEqual([{ owner: "1", seq: 2, round: 0, slots: 3 }]);
  expect(takeReport(book, "1", { seq: 2, round: 0, slots: 3, uncovered: [], adopted: [] }, 0)).toBe(true);
  expect(replan(book, both, 3)).toEqual([{ owner: "2", seq: 1, round: 0, slots: 2 }]);
});

test("what an owner holds without a right to it, such as attempts that the agent came back without, is nobody's to use", () => {
  const book = openBook(4, 0);
  for (const owner of ["1", "2"]) openShare(book, owner);
  const need = (running: number, waiting: number): Need => ({ running, waiting, weight: 1, active: true });
  const needs = (one: Need, two: Need): Map<string, Need> =>
    new Map([
      ["1", one],
      ["2", two],
    ]);
  expect(replan(book, needs(need(0, 9), need(0, 0)), 0)).toMatchObject([{ owner: "1", slots: 4 }]);
  // It gives four away, of which one is over, and still counts two that are nowhere.
  expect(takeReport(book, "1", { seq: 1, round: 1, slots: 2, uncovered: [], adopted: [] }, 3)).toBe(true);
  expect(replan(book, needs(need(0, 9), need(0, 0)), 0)).toMatchObject([{ owner: "1", slots: 1 }]);
  cover(book, "2", 3);
  expect(replan(book, needs(need(0, 9), need(3, 0)), 0).filter(({ owner }) => owner === "1")).toEqual([]);
  expect(takeReport(book, "1", { seq: 2, round: 1, slots: 1, uncovered: [], adopted: [] }, 0)).toBe(true);
  expect(roomOf(book)).toBe(0);
});

test("an owner that can use the agent no more keeps what it runs, and the others get the rest", () => {
  const book = openBook(4, 0);
  openShare(book, "1");
  const idle: Need = { running: 0, waiting: 0, weight: 0, active: true };
  expect(replan(book, new Map([["1", idle]]), 0)).toMatchObject([{ owner: "1", slots: 4 }]);
  openShare(book, "2");
  const needs = new Map<string, Need>([
    ["1", { ...idle, running: 1, active: false }],
    ["2", idle],
  ]);
  expect(replan(book, needs, 0)).toMatchObject([{ owner: "1", slots: 1 }]);
  expect(takeReport(book, "1", { seq: 2, round: 0, slots: 1, uncovered: [], adopted: [] }, 0)).toBe(true);
  expect(replan(book, needs, 0)).toMatchObject([{ owner: "2", slots: 3 }]);
});

test("an agent that offers fewer slots takes them back although nobody waits, from those that do not use them", () => {
  const idle: Need = { running: 0, waiting: 0, weight: 0, active: true };
  const spread = (one: Need, two: Need): unknown => {
    const book = openBook(4, 0);
    for (const owner of ["1", "2"]) openShare(book, owner);
    const needs = new Map([
      ["1", one],
      ["2", two],
    ]);
    replan(book, needs, 0);
    expect([...book.shares.values()].map(({ target }) => target)).toEqual([2, 2]);
    book.slots = 2;
    return replan(book, needs, 0);
  };
  expect(spread(idle, idle)).toMatchObject([
    { owner: "1", slots: 1 },
    { owner: "2", slots: 1 },
  ]);
  expect(spread({ ...idle, running: 2 }, idle)).toMatchObject([{ owner: "2", slots: 0 }]);
});

test("what an owner said before it gave attempts away makes no room, however late it comes", () => {
  const book = openBook(4, 0);
  openShare(book, "1");
  const busy: Need = { running: 4, waiting: 0, weight: 1, active: true };
  replan(book, new Map([["1", busy]]), 0);
  expect(takeReport(book, "1", { seq: 1, round: 1, slots: 3, uncovered: [], adopted: [] }, 1)).toBe(true);
  expect(roomOf(book)).toBe(0);
  const [order] = replan(book, new Map([["1", { ...busy, running: 1 }]]), 0);
  expect(takeReport(book, "1", { seq: order?.seq ?? 1, round: 0, slots: 1, uncovered: [], adopted: [] }, 0)).toBe(false);
  expect(roomOf(book)).toBe(0);
});
