import { Finished } from "../../proto/gen/millrace/agent/v1/job.ts";

const FINISHED = 1;
const ACKNOWLEDGED = 2;
const NUMBER_BYTES = 8;
/** Kind and record number. */
const ENTRY_HEADER_BYTES = 1 + NUMBER_BYTES;

/** Payload of a result: kind 1, its number in this journal (a float64 integer), the Finished message. */
export function encodeEntry(number: number, finished: Finished): Buffer {
  const message = Finished.encode(finished).finish();
  const payload = Buffer.allocUnsafe(ENTRY_HEADER_BYTES + message.length);
  payload[0] = FINISHED;
  payload.writeDoubleLE(number, 1);
  payload.set(message, ENTRY_HEADER_BYTES);
  return payload;
}

/** Undefined for payloads of other kinds, and for a message that does not decode (written by a version we do not know). */
export function decodeEntry(payload: Buffer): { readonly number: number; readonly finished: Finished } | undefined {
  if (payload[0] !== FINISHED || payload.length < ENTRY_HEADER_BYTES) return undefined;
  try {
    return { number: payload.readDoubleLE(1), finished: Finished.decode(payload.subarray(ENTRY_HEADER_BYTES)) };
  } catch {
    return undefined;
  }
}

/** Payload of acknowledgements: kind 2 and the numbers of the results. */
export function encodeAcknowledged(numbers: readonly number[]): Buffer {
  const payload = Buffer.allocUnsafe(1 + NUMBER_BYTES * numbers.length);
  payload[0] = ACKNOWLEDGED;
  numbers.forEach((number, index) => {
    payload.writeDoubleLE(number, 1 + NUMBER_BYTES * index);
  });
  return payload;
}

/** Empty for payloads of other kinds. */
export function decodeAcknowledged(payload: Buffer): number[] {
  if (payload[0] !== ACKNOWLEDGED) return [];
  const numbers: number[] = [];
  for (let at = 1; at + NUMBER_BYTES <= payload.length; at += NUMBER_BYTES) numbers.push(payload.readDoubleLE(at));
  return numbers;
}
