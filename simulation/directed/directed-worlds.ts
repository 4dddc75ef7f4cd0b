import type { DirectedWorld } from "../scene.ts";
import {
  cancelEarly,
  cancelledArrival,
  expiryOvertaken,
  forcedEnd,
  insertOvertaken,
  lateNote,
  neverRead,
  neverSent,
  noteUnderWay,
  sentUnheard,
  triedUnsent,
} from "./answer-worlds.ts";
import { clockSet, movedAgent, replacedOwner, suspendedApart, twoLeases, unheardHome } from "./home-worlds.ts";
import { cutOffHome, lateRenewal, lonelyHome, silentOwner, stoppedHome, suspendedHome } from "./lease-worlds.ts";
import { changedMap, formerStream, keptAfterAll, lateBundle, lateCopy, lateMove, longLoad, oldNews, oldOwner, twoOwners } from "./shard-worlds.ts";
import { backAgain, beyondSlots, oldReport, smallerShare, takenSlot, voidOrder } from "./slot-worlds.ts";

/** By the name that a mutation gives as its `world`. */
export const DIRECTED_WORLDS = {
  "back-again": backAgain,
  "beyond-slots": beyondSlots,
  "cancel-early": cancelEarly,
  "cancelled-arrival": cancelledArrival,
  "changed-map": changedMap,
  "clock-set": clockSet,
  "cut-off-home": cutOffHome,
  "expiry-overtaken": expiryOvertaken,
  "forced-end": forcedEnd,
  "former-stream": formerStream,
  "insert-overtaken": insertOvertaken,
  "kept-after-all": keptAfterAll,
  "late-bundle": lateBundle,
  "late-copy": lateCopy,
  "late-move": lateMove,
  "late-note": lateNote,
  "late-renewal": lateRenewal,
  "lonely-home": lonelyHome,
  "long-load": longLoad,
  "moved-agent": movedAgent,
  "never-read": neverRead,
  "never-sent": neverSent,
  "note-under-way": noteUnderWay,
  "old-news": oldNews,
  "old-owner": oldOwner,
  "old-report": oldReport,
  "replaced-owner": replacedOwner,
  "sent-unheard": sentUnheard,
  "silent-owner": silentOwner,
  "smaller-share": smallerShare,
  "stopped-home": stoppedHome,
  "suspended-apart": suspendedApart,
  "suspended-home": suspendedHome,
  "taken-slot": takenSlot,
  "tried-unsent": triedUnsent,
  "two-leases": twoLeases,
  "two-owners": twoOwners,
  "unheard-home": unheardHome,
  "void-order": voidOrder,
} satisfies Record<string, DirectedWorld>;

export type DirectedName = keyof typeof DIRECTED_WORLDS;

export function directedWorld(name: DirectedName): DirectedWorld {
  return DIRECTED_WORLDS[name];
}
