import { crc32 } from "node:zlib";
import { EXIT_REASONS, type Exit, type ExitReason, exitOf } from "../../kernel/exit.ts";
import { type JobId, parseJobId, parseToken, type Token, timeOfId } from "../../kernel/ids.ts";
import { storable } from "../../kernel/storable-text.ts";
import { type AttemptRef, type Finished, type LogChunk, ExitReason as WireReason } from "../../proto/gen/millrace/agent/v1/job.ts";
import type { JobEnd } from "../jobs/model.ts";

/** Agents are not trusted: everything they send is checked here, once. What does not pass is undefined and is dropped with a warning. */
export interface Attempt {
  readonly id: JobId;
  readonly token: Token;
}

const MAX_RESULT_CHARS = 4 * 1024 * 1024;
const MAX_MESSAGE_CHARS = 4000;
const MAX_CHUNK_BYTES = 256 * 1024;
/** Largest number of a Postgres int. */
const MAX_INT = 2 ** 31 - 1;
/** The year 2200. */
const MAX_TIME_US = 7_258_118_400_000_000;
/** Wire numbers are the positions in EXIT_REASONS plus one: 0 is "unspecified". */
const REASONS: ReadonlyMap<number, ExitReason> = new Map(EXIT_REASONS.map((reason, at) => [at + 1, reason]));

/** Ends that no agent can know of. */
const OURS: ReadonlySet<ExitReason> = new Set(["lost", "expired", "limit_reached", "step_failed", "input_missing"]);

export function attemptFromWire(ref: AttemptRef | undefined): Attempt | undefined {
  const id = parseJobId(ref?.jobId ?? "");
  const token = parseToken(ref?.token ?? "");
  return id === undefined || token === undefined ? undefined : { id, token };
}

export function attemptsFromWire(refs: readonly AttemptRef[]): Attempt[] {
  return refs.flatMap((ref) => attemptFromWire(ref) ?? []);
}

/**
 * Token by job of what an agent holds. It may hold the result of an earlier attempt, without a verdict yet, beside the attempt that it runs
 * now: the newest one counts, since the other is judged by its result.
 */
export function heldFromWire(refs: readonly AttemptRef[]): Map<JobId, Token> {
  const held = new Map<JobId, Token>();
  for (const { id, token } of attemptsFromWire(refs)) {
    const known = held.get(id);
    if (known === undefined || BigInt(known) < BigInt(token)) held.set(id, token);
  }
  return held;
}

function exitFromWire(wire: Finished["exit"]): Exit | undefined {
  const reason = wire === undefined ? undefined : REASONS.get(wire.reason);
  if (wire === undefined || reason === undefined || OURS.has(reason) || wire.reason === WireReason.EXIT_REASON_UNSPECIFIED) return undefined;
  return exitOf(reason, storable(wire.message).slice(0, MAX_MESSAGE_CHARS), { code: wire.code, signal: storable(wire.signal).slice(0, 32) });
}

/** @param nowMs the server's clock: times that lie outside the attempt's possible life are cut to it */
export function endFromWire(wire: Finished, nowMs: number): Omit<JobEnd, "workspace"> | undefined {
  const attempt = attemptFromWire(wire);
  const exit = exitFromWire(wire.exit);
  if (attempt === undefined || exit === undefined || wire.resultJson.length > MAX_RESULT_CHARS) return undefined;
  if (wire.logChunks > MAX_INT || !Number.isSafeInteger(wire.logBytes) || !Number.isSafeInteger(wire.logDroppedBytes)) return undefined;
  const runUs = wire.startedAtUs > 0 ? Math.min(Number.MAX_SAFE_INTEGER, Math.max(0, Math.round(wire.finishedAtUs - wire.startedAtUs))) : undefined;
  // An agent's clock may be wrong by hours: no attempt starts before its job was made, or after now.
  const startedAtMs = wire.startedAtUs > 0 ? withinLife(wire.startedAtUs / 1000, attempt.id, nowMs) : undefined;
  return {
    ...attempt,
    exit,
    resultJson: storable(wire.resultJson),
    startedAtMs,
    doneAtMs: nowMs,
    runUs,
    logChunks: wire.logChunks,
    logBytes: wire.logBytes,
    logDroppedBytes: wire.logDroppedBytes,
  };
}

/** A moment that an agent names, cut to the life of the job so far. Milliseconds since the epoch. */
export function withinLife(atMs: number, id: JobId, nowMs: number): number {
  return Math.max(timeOfId(id), Math.min(nowMs, atMs));
}

/** True for a chunk whose numbers agree with each other and with its data. */
export function isSoundChunk(chunk: LogChunk): boolean {
  if (chunk.sizeBytes === 0 || chunk.sizeBytes > MAX_CHUNK_BYTES || chunk.data.length > MAX_CHUNK_BYTES || chunk.segments.length > chunk.sizeBytes)
    return false;
  let total = 0;
  for (const segment of chunk.segments) total += Math.floor(segment / 4);
  if (chunk.lines > chunk.sizeBytes || !Number.isSafeInteger(chunk.offsetBytes) || chunk.atUs > MAX_TIME_US) return false;
  if (chunk.crc32 !== undefined && chunk.crc32 !== crc32(chunk.data)) return false;
  return total === chunk.sizeBytes && chunk.seq <= MAX_INT && (chunk.encoding === 1 || chunk.encoding === 2);
}
