/** What may wait for a thread. */
export interface TurnLimits {
  readonly waitingPerWorkspace: number;
  /** Of all workspaces together. */
  readonly waiting: number;
  /** For so long a workspace is marked whose work ran away. */
  readonly markMs: number;
}

interface Account<T> {
  readonly waiting: T[];
  running: number;
  /** Since the account began; a new one begins where the least used stands. */
  usedMs: number;
  markedUntilMs: number;
}

/**
 * Whose work is next, of work that takes a thread. Workspaces take turns by the time that they have used the threads: who has used least goes first, so
 * that one short piece of work never waits behind a thousand long ones. A workspace whose work ran away is marked for a while: all marked ones
 * together leave one thread to the others. Pure: the time comes from outside.
 */
export class WorkspaceTurns<T> {
  readonly #threads: number;
  readonly #limits: TurnLimits;
  readonly #accounts = new Map<string, Account<T>>();
  #waiting = 0;
  /** What the last one that was chosen had used: nobody begins with less. */
  #floorMs = 0;

  constructor(threads: number, limits: TurnLimits) {
    this.#threads = threads;
    this.#limits = limits;
  }

  get waiting(): number {
    return this.#waiting;
  }

  /**
   * @returns what has to go because too many wait: the item itself where its workspace has its share already, otherwise the one that came last of the
   * workspace of which most wait. Undefined: nothing
   */
  add(workspace: string, item: T): T | undefined {
    const account = this.#accounts.get(workspace) ?? { waiting: [], running: 0, usedMs: this.#floorMs, markedUntilMs: 0 };
    if (account.waiting.length >= this.#limits.waitingPerWorkspace) return item;
    this.#accounts.set(workspace, account);
    account.waiting.push(item);
    this.#waiting += 1;
    if (this.#waiting <= this.#limits.waiting) return undefined;
    this.#waiting -= 1;
    return this.#longest(account).waiting.pop();
  }

  /**
   * The next one to run, which counts as running from now on; undefined when nobody may.
   * @param ready threads that run or could run something: one of them is not for marked workspaces, unless there is never more than one
   */
  next(nowMs: number, ready: number): { readonly workspace: string; readonly item: T } | undefined {
    if (this.#waiting === 0) return undefined;
    const mayMarkedRun = this.#threads === 1 || this.#runningMarked(nowMs) < ready - 1;
    let best: { readonly workspace: string; readonly account: Account<T> } | undefined;
    for (const [workspace, account] of this.#accounts) {
      if (account.waiting.length === 0 || (account.markedUntilMs > nowMs && !mayMarkedRun)) continue;
      const first = best?.account;
      const isBefore = first === undefined || account.usedMs < first.usedMs || (account.usedMs === first.usedMs && account.running < first.running);
      if (isBefore) best = { workspace, account };
    }
    const item = best?.account.waiting.shift();
    if (best === undefined || item === undefined) return undefined;
    best.account.running += 1;
    this.#waiting -= 1;
    this.#floorMs = Math.max(this.#floorMs, best.account.usedMs);
    return { workspace: best.workspace, item };
  }

  /** @param ranAway it was stopped at a limit */
  ended(workspace: string, usedMs: number, ranAway: boolean, nowMs: number): void {
    const account = this.#accounts.get(workspace);
    if (account === undefined) return;
    account.running -= 1;
    account.usedMs = Math.max(account.usedMs, this.#floorMs) + usedMs;
    if (ranAway) account.markedUntilMs = nowMs + this.#limits.markMs;
    this.#forgetIdle(nowMs);
  }

  /** Takes out everything that waits. */
  clear(): T[] {
    const items = [...this.#accounts.values()].flatMap(({ waiting }) => waiting.splice(0));
    this.#waiting = 0;
    return items;
  }

  /** The account of which most wait; the given one, if no other has more. */
  #longest(account: Account<T>): Account<T> {
    let longest = account;
    for (const other of this.#accounts.values()) if (other.waiting.length > longest.waiting.length) longest = other;
    return longest;
  }

  #runningMarked(nowMs: number): number {
    let running = 0;
    for (const account of this.#accounts.values()) if (account.markedUntilMs > nowMs) running += account.running;
    return running;
  }

  /** Accounts of workspaces that do nothing and are not marked are not kept; marked ones are few, and go with time. */
  #forgetIdle(nowMs: number): void {
    for (const [workspace, { waiting, running, markedUntilMs }] of this.#accounts) {
      if (waiting.length === 0 && running === 0 && markedUntilMs <= nowMs) this.#accounts.delete(workspace);
    }
  }
}
