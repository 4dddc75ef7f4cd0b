import type { Account, Route, Share, Tag, Tenant, VirtualTime } from "./model.ts";

/**
 * Fairness between workspaces: start-time fair queueing (Goyal, Vin and Cheng, 1996) on worker time, which is stride scheduling (Waldspurger
 * and Weihl, 1995) with a rule for those who come and go. A workspace's pass is the worker time it used on a tag, divided by its weight; the
 * lowest goes first. Virtual time is the pass of the last pick. Who begins to wait starts at virtual time at the earliest, so nothing is saved
 * up while not waiting; when nobody waits, virtual time jumps to the highest pass, so that nobody owes for what no one else wanted.
 *
 * There is one account per workspace and tag, shared by its routes (languages) on the tag, and one over all tags, which decides between tags
 * that the same agents serve.
 */

/** A job that costs nothing still costs its dispatch. */
const MIN_COST_MS = 5;
const FIRST_MEAN_RUN_MS = 100;

export const createVirtualTime = (): VirtualTime => ({ now: 0, highest: 0, ready: 0 });
export const createAccount = (of: VirtualTime): Account => ({ pass: of.now, creditMs: 0, ready: 0 });

/** Where the workspace stands in line now, or would if it began to wait. */
export function standing(time: VirtualTime, account: Account): number {
  if (account.ready > 0) return account.pass;
  return Math.max(account.pass, time.ready === 0 ? Math.max(time.now, time.highest) : time.now);
}

/** The workspace begins to wait for slots of the tag, or takes one without waiting. */
export function activate(time: VirtualTime, account: Account, weight: number): void {
  if (account.ready > 0) return;
  if (time.ready === 0) time.now = Math.max(time.now, time.highest);
  account.pass = Math.max(account.pass, time.now);
  // What was charged in advance and not used is its own, but not below virtual time: that would be credit saved up.
  account.creditMs = Math.min(account.creditMs, (account.pass - time.now) * weight);
}

/** Charges the expected cost of a job in advance; `settle` corrects it. @returns the milliseconds charged */
export function charge(global: VirtualTime, share: Share): number {
  const { tenant, route } = share;
  const expected = Math.max(MIN_COST_MS, share.meanRunMs ?? route.meanRunMs ?? FIRST_MEAN_RUN_MS);
  chargeAccount(route.tagState.time, share.account, tenant, expected);
  chargeAccount(global, tenant.account, tenant, expected);
  tenant.running += 1;
  return expected;
}

function chargeAccount(time: VirtualTime, account: Account, tenant: Tenant, costMs: number): void {
  time.now = Math.max(time.now, account.pass);
  const used = Math.min(account.creditMs, costMs);
  account.creditMs -= used;
  add(time, account, tenant, costMs - used);
}

/** The attempt is over: what it really cost replaces what was charged. */
export function settle(global: VirtualTime, share: Share, chargedMs: number, actualMs: number): void {
  const cost = Math.max(MIN_COST_MS, actualMs);
  share.tenant.running -= 1;
  correct(global, share, cost - chargedMs);
  share.meanRunMs = mean(share.meanRunMs, actualMs);
  share.route.meanRunMs = mean(share.route.meanRunMs, actualMs);
}

/** It runs longer than was expected: charged while it runs, or a workspace with long jobs would pay only when others have waited for hours. */
export function chargeOverrun(global: VirtualTime, share: Share, overMs: number): void {
  correct(global, share, overMs);
}

/**
 * Once a second: while somebody waits, virtual time follows the lowest pass of those who do, and otherwise the highest of all. Who arrives
 * then starts beside those who waited, however long their jobs have been running.
 */
export function followWaiting(time: VirtualTime, lowestWaiting: number | undefined): void {
  time.now = Math.max(time.now, lowestWaiting ?? time.highest);
}

export function accountOf(tag: Tag, tenant: Tenant): Account {
  const known = tag.accounts.get(tenant.workspace);
  if (known !== undefined) return known;
  const account = createAccount(tag.time);
  tag.accounts.set(tenant.workspace, account);
  return account;
}

/** Which of two routes goes first: within a tag by the workspaces' accounts there, between tags by their accounts over all. */
export function goesBefore(a: { route: Route; share: Share }, b: { route: Route; share: Share }): boolean {
  if (a.route.tagState === b.route.tagState) return a.share.account.pass < b.share.account.pass;
  return a.share.tenant.account.pass < b.share.tenant.account.pass;
}

function correct(global: VirtualTime, share: Share, byMs: number): void {
  const { tenant, account, route } = share;
  if (byMs > 0) {
    add(route.tagState.time, account, tenant, byMs);
    add(global, tenant.account, tenant, byMs);
  } else {
    account.creditMs -= byMs;
    tenant.account.creditMs -= byMs;
  }
}

function add(time: VirtualTime, account: Account, tenant: Tenant, costMs: number): void {
  account.pass += costMs / tenant.weight;
  time.highest = Math.max(time.highest, account.pass);
}

/** Exponentially weighted. */
function mean(before: number | undefined, value: number): number {
  return before === undefined ? value : before + (value - before) / 16;
}
