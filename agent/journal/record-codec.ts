import { crc32 } from "node:zlib";

/** Each record: u32 payload length, u32 CRC-32 of length and payload, payload. Little-endian. */
export const RECORD_HEADER_BYTES = 8;
/** No record is larger; a damaged length field is recognised by this bound before anything is allocated. */
const MAX_RECORD_BYTES = 16 * 1024 * 1024;

/** Frames one payload. The checksum covers the length too, so that a tail of zeros is not a chain of empty records. */
export function encodeRecord(payload: Uint8Array): Buffer {
  const record = Buffer.allocUnsafe(RECORD_HEADER_BYTES + payload.length);
  record.writeUInt32LE(payload.length, 0);
  record.set(payload, RECORD_HEADER_BYTES);
  record.writeUInt32LE(checksum(record.subarray(0, 4), payload), 4);
  return record;
}

/** Reads the header at `offset`: the size of the whole record, or undefined when it cannot be one. */
export function recordSize(header: Buffer, offset = 0): number | undefined {
  if (header.length - offset < RECORD_HEADER_BYTES) return undefined;
  const length = header.readUInt32LE(offset);
  return length > MAX_RECORD_BYTES ? undefined : RECORD_HEADER_BYTES + length;
}

/** The payload of one whole record (header included), or undefined when the checksum does not match. */
export function openRecord(record: Buffer): Buffer | undefined {
  if (recordSize(record) !== record.length) return undefined;
  const payload = record.subarray(RECORD_HEADER_BYTES);
  return checksum(record.subarray(0, 4), payload) === record.readUInt32LE(4) ? payload : undefined;
}

export interface FoundRecord {
  readonly offset: number;
  /** Size with the header. */
  readonly size: number;
  readonly payload: Buffer;
}

/** Reads records up to the first damage: what was whole before it is returned, what follows is not trusted. */
export function decodeRecords(bytes: Buffer): { readonly records: FoundRecord[]; readonly validBytes: number } {
  const records: FoundRecord[] = [];
  let offset = 0;
  for (;;) {
    const size = recordSize(bytes, offset);
    if (size === undefined || offset + size > bytes.length) break;
    const payload = openRecord(bytes.subarray(offset, offset + size));
    if (payload === undefined) break;
    records.push({ offset, size, payload });
    offset += size;
  }
  return { records, validBytes: offset };
}

function checksum(lengthField: Buffer, payload: Uint8Array): number {
  return crc32(payload, crc32(lengthField));
}
