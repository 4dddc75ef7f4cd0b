import type { ShareOrder } from "../owner-port.ts";

/** The owner's side of a share; see agents/slots-core.ts. */
export interface HeldShare {
  seq: number;
  round: number;
  slots: number;
}

/**
 * @returns false for an order that did not know of what was given away meanwhile: it is void, and another one follows; and for one that a
 * later order has overtaken, since what an owner of the home's own process answers may lead to orders before the rest of the plan is sent
 */
export function takeOrder(share: HeldShare, order: ShareOrder): boolean {
  if (order.round !== share.round || order.seq < share.seq) return false;
  share.seq = order.seq;
  share.slots = order.slots;
  return true;
}

/**
 * Attempts leave the share with their shard, and take their slots along. What the home hears now is the share from here on: while more run
 * than the share allows, it is what still runs.
 * @param running attempts of the share that stay
 */
export function giveAway(share: HeldShare, attempts: number, running: number): void {
  share.round += 1;
  share.slots = Math.max(running, share.slots - attempts);
}

/** What the owner holds: a share that was made smaller is used until its attempts have ended. */
export function holdingOf(share: HeldShare, running: number): number {
  return Math.max(share.slots, running);
}
