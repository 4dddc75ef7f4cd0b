import { createHash, createPublicKey, type KeyObject, verify } from "node:crypto";

/**
 * How an enrolled agent shows who it is: an Ed25519 signature over what only this moment has. Both sides build the same text, so
 * that a signature for one purpose, stream or agent is of no use for another.
 */

/** Request metadata of a stream that will prove a key: the agent's id. The server answers with a number before Hello. */
export const AGENT_METADATA = "millrace-agent";
/** Response metadata: drawn by the server for this stream alone. */
export const NONCE_METADATA = "millrace-nonce";
/** Trailing metadata of a refusal after which trying again is of no use, whatever was true before. */
export const FINAL_METADATA = "millrace-final";
/** Why a refusal is final: somebody revoked the agent, or it was away for so long that it must join again. */
export const FINAL_REASONS = ["revoked", "lapsed"] as const;
export type FinalReason = (typeof FINAL_REASONS)[number];

const PUBLIC_KEY_BYTES = 32;
/** What precedes the 32 bytes of an Ed25519 key in its DER form (RFC 8410). */
const DER_PREFIX = Buffer.from("302a300506032b6570032100", "hex");

/** The id that follows from a key, as a UUID of version 8: the same key is the same agent, and nobody can take another's id. */
export function agentIdOf(publicKey: Uint8Array): string {
  const digest = createHash("sha256").update("millrace agent\n").update(publicKey).digest().subarray(0, 16);
  digest[6] = ((digest[6] ?? 0) & 0x0f) | 0x80;
  digest[8] = ((digest[8] ?? 0) & 0x3f) | 0x80;
  const hex = digest.toString("hex");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}

/** What is signed to open a stream. */
export function sessionStatement(agentId: string, nonce: string): Buffer {
  return Buffer.from(`millrace session\n${agentId}\n${nonce}\n`);
}

/** What is signed to enrol: the token is in it, so that the signature is good for one enrolment only. */
export function enrolStatement(joinToken: string): Buffer {
  return Buffer.from(`millrace enrol\n${createHash("sha256").update(joinToken).digest("hex")}\n`);
}

/** The 32 bytes of a public key. */
export function rawPublicKey(key: KeyObject): Buffer {
  return key.export({ format: "der", type: "spki" }).subarray(-PUBLIC_KEY_BYTES);
}

/** True when the signature was made over the statement with the private half of this key. Never throws: all of it comes from outside. */
export function isSignedBy(publicKey: Uint8Array, statement: Uint8Array, signature: Uint8Array): boolean {
  if (publicKey.length !== PUBLIC_KEY_BYTES) return false;
  try {
    const key = createPublicKey({ key: Buffer.concat([DER_PREFIX, publicKey]), format: "der", type: "spki" });
    return verify(null, statement, key, signature);
  } catch {
    return false;
  }
}
