import { randomFillSync } from "node:crypto";

declare const brand: unique symbol;
type Brand<T, Name extends string> = T & { readonly [brand]: Name };

/** UUIDv7, lower case: its first 48 bits are the creation time in milliseconds. */
export type JobId = Brand<string, "JobId">;
/** Decimal 63-bit number, unique per attempt over the life of the database. */
export type Token = Brand<string, "Token">;
/** Primary key of a workspace, as decimal text (a Postgres bigint). */
export type WorkspaceId = Brand<string, "WorkspaceId">;
/** Primary key of an account, as decimal text. */
export type AccountId = Brand<string, "AccountId">;
/** Primary key of an agent, as decimal text. */
export type AgentKey = Brand<string, "AgentKey">;
/** One live stream of an agent. */
export type SessionId = Brand<string, "SessionId">;

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const UUID_V7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const DECIMAL = /^[0-9]{1,19}$/;

/** Reads a job id from outside; undefined when it is not a UUIDv7. Upper case is accepted. */
export function parseJobId(text: string): JobId | undefined {
  const lower = text.toLowerCase();
  return UUID_V7.test(lower) ? (lower as JobId) : undefined;
}

/** True for any UUID in lower case. */
export function isUuid(text: string): boolean {
  return UUID.test(text);
}

/** Reads an attempt token from outside. */
export function parseToken(text: string): Token | undefined {
  return DECIMAL.test(text) ? (text as Token) : undefined;
}

/** Marks a value that the database gave us. */
export const asJobId = (text: string): JobId => text as JobId;
export const asToken = (text: string): Token => text as Token;
export const asWorkspaceId = (text: string): WorkspaceId => text as WorkspaceId;
export const asAccountId = (text: string): AccountId => text as AccountId;
export const asAgentKey = (text: string): AgentKey => text as AgentKey;
export const asSessionId = (text: string): SessionId => text as SessionId;

/** Milliseconds since the epoch that a UUIDv7 carries. */
export function timeOfId(id: JobId): number {
  return Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16);
}

/** The lowest UUIDv7 of a moment: every job id of then and later sorts at or after it. */
export function lowestJobId(ms: number): string {
  const time = Math.max(0, Math.floor(ms)).toString(16).padStart(12, "0");
  return `${time.slice(0, 8)}-${time.slice(8)}-0000-0000-000000000000`;
}

const COUNTER_MAX = 0xfff;
const POOL_BYTES = 8 * 512;
const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

/**
 * Makes a generator of UUIDv7 that is strictly increasing within the process: a 12-bit counter follows the
 * millisecond (RFC 9562, method 1). More than 4,096 ids in one millisecond borrow from the next one; a clock that
 * steps back is ignored until it has caught up. FIFO within a workspace rests on this order.
 */
export function createJobIdGenerator(nowMs: () => number): () => JobId {
  const pool = Buffer.alloc(POOL_BYTES);
  let used = POOL_BYTES;
  let lastMs = 0;
  let counter = 0;
  return () => {
    const ms = nowMs();
    if (ms > lastMs) {
      lastMs = ms;
      counter = 0;
    } else if (counter === COUNTER_MAX) {
      lastMs += 1;
      counter = 0;
    } else {
      counter += 1;
    }
    if (used === POOL_BYTES) {
      randomFillSync(pool);
      used = 0;
    }
    const time = lastMs.toString(16).padStart(12, "0");
    const rest = counter.toString(16).padStart(3, "0");
    let tail = "";
    for (let i = 0; i < 8; i++) {
      const byte = pool[used + i] ?? 0;
      tail += HEX[i === 0 ? (byte & 0x3f) | 0x80 : byte];
    }
    used += 8;
    return `${time.slice(0, 8)}-${time.slice(8)}-7${rest}-${tail.slice(0, 4)}-${tail.slice(4)}` as JobId;
  };
}
