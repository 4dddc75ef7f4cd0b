import { randomUUID } from "node:crypto";

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
/** Where the variant and the random bits of a UUID begin, with the hyphen before them. */
const RANDOM_FROM = 18;

/**
 * Makes a generator of UUIDv7 that is strictly increasing within the process: a 12-bit counter follows the
 * millisecond (RFC 9562, method 1). More than 4,096 ids in one millisecond borrow from the next one; a clock that
 * steps back is ignored until it has caught up. FIFO within a workspace rests on this order.
 */
export function createJobIdGenerator(nowMs: () => number): () => JobId {
  let lastMs = 0;
  let time = "";
  let counter = COUNTER_MAX;
  return () => {
    const ms = nowMs();
    if (ms > lastMs || counter === COUNTER_MAX) {
      lastMs = Math.max(ms, lastMs + 1);
      time = lastMs.toString(16).padStart(12, "0");
      counter = 0;
    } else {
      counter += 1;
    }
    // A version 4 UUID has the variant and the random bits of a version 7 one in the same places.
    return `${time.slice(0, 8)}-${time.slice(8)}-7${counter.toString(16).padStart(3, "0")}${randomUUID().slice(RANDOM_FROM)}` as JobId;
  };
}
