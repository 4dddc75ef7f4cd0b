import { createHash } from "node:crypto";

/** Names the place where a key was used: the same word means something else at another route. */
export type KeyScope = "run" | "batch" | "item" | "lock" | "trigger" | "named" | "task";

/** A key whose owner says himself what must be the same when it comes again. */
export interface GivenKey {
  readonly scope: KeyScope;
  readonly text: string;
  readonly body: string;
}

/** What makes a request the same as an earlier one. */
export interface JobKey {
  /** UUID-shaped hash of scope and key, and of the position in a batch; unique in its workspace. */
  readonly key: string;
  /** UUID-shaped hash of the request's body. */
  readonly body: string;
  readonly expiresAtMs: number;
  /** True while no job can have been accepted under it, so that none is looked for. A function, since it holds in this process alone: it goes over no link. */
  readonly isNew?: (() => boolean) | undefined;
}

/**
 * @param text the caller's key
 * @param position of the job in a batch whose key is for all of it
 * @param bodyJson what must be the same when the key comes again
 */
export function jobKey(scope: KeyScope, text: string, position: number, bodyJson: string, expiresAtMs: number): JobKey {
  return { key: uuidOf(`${scope}\n${position}\n${text}`), body: uuidOf(bodyJson), expiresAtMs };
}

/** The first 128 bits of SHA-256 in the form that Postgres stores in 16 bytes. */
function uuidOf(text: string): string {
  const hex = createHash("sha256").update(text).digest("hex");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20, 32)}`;
}
