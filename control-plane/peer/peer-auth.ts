import { createHmac, timingSafeEqual } from "node:crypto";
import type { Lease } from "../scheduler/lease-store.ts";

/**
 * Proof that the sender reads the same database: an HMAC under the cluster's secret over both replicas and their epochs. Epochs are drawn
 * for each start, so a proof that was overheard opens nothing later, and nothing to anybody else.
 * @param role who proves: the side that dials, or the one that answers
 */
export function proofOf(secret: Buffer, role: "home" | "owner", home: Lease, owner: Lease): Buffer {
  return createHmac("sha256", secret).update(`millrace peer ${role} ${home.replicaId}/${home.epoch} ${owner.replicaId}/${owner.epoch}`).digest();
}

export function isProof(given: Uint8Array, expected: Buffer): boolean {
  return given.length === expected.length && timingSafeEqual(given, expected);
}
