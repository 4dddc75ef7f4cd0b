/** What may stand in the output for a secret: itself, and the forms into which tools bring it. All are at least MIN_BYTES long. */

/** Shorter secrets are not masked: what they hide would be half of the output. */
export const MIN_BYTES = 6;
/** Encodings say more when they are longer than what was encoded. */
const MIN_ENCODED = 8;
/** Longer values are looked for in pieces of this length, so that little has to be held back. */
export const MAX_BYTES = 512;
/** Of values that are longer than this, only the forms that are likely for them. */
const LONG_BYTES = 4 * 1024;
const LINE_MIN_BYTES = 8;

/** The secret itself, and its lines. Pure. */
export function plainPatterns(secret: string): Buffer[] {
  const value = secret.trim();
  return bytesOf([value, ...linesOf(value)]);
}

/** What tools make of it. Pure. */
export function encodedPatterns(secret: string): Buffer[] {
  const value = secret.trim();
  const bytes = Buffer.from(value);
  if (bytes.length < MIN_BYTES) return [];
  const texts = [JSON.stringify(value).slice(1, -1), ...base64Of(bytes)];
  if (bytes.length <= LONG_BYTES) texts.push(...urlFormsOf(value), bytes.toString("hex"), bytes.toString("hex").toUpperCase());
  return bytesOf(texts.filter((text) => text.length >= MIN_ENCODED));
}

function bytesOf(texts: readonly string[]): Buffer[] {
  return texts.flatMap((text) => piecesOf(Buffer.from(text))).filter((pattern) => pattern.length >= MIN_BYTES);
}

/** Of keys and certificates each line is as secret as the whole; their frame is not. */
function linesOf(value: string): string[] {
  if (!value.includes("\n")) return [];
  return value
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => Buffer.byteLength(line) >= LINE_MIN_BYTES && !line.startsWith("-----"));
}

function urlFormsOf(value: string): string[] {
  if (!value.isWellFormed()) return [];
  return [encodeURIComponent(value), encodeURI(value), new URLSearchParams([["", value]]).toString().slice(1)];
}

/** Base64 of the value alone, and of what it becomes inside of something longer: after 0, 1 or 2 other bytes, without what its neighbours decide. */
function* base64Of(bytes: Buffer): Generator<string> {
  for (let before = 0; before < 3; before++) {
    const text = Buffer.concat([Buffer.alloc(before), bytes])
      .toString("base64")
      .replace(/=+$/, "");
    const cutFront = before === 0 ? 0 : before + 1;
    const cutEnd = (before + bytes.length) % 3 === 0 ? 0 : 1;
    const inner = text.slice(cutFront, text.length - cutEnd);
    yield inner;
    yield inner.replaceAll("+", "-").replaceAll("/", "_");
  }
}

/** The last piece overlaps the one before: all of the value is in one of them. */
function piecesOf(pattern: Buffer): Buffer[] {
  if (pattern.length <= MAX_BYTES) return [pattern];
  const pieces: Buffer[] = [];
  for (let at = 0; at + MAX_BYTES <= pattern.length; at += MAX_BYTES) pieces.push(pattern.subarray(at, at + MAX_BYTES));
  if (pattern.length % MAX_BYTES !== 0) pieces.push(pattern.subarray(-MAX_BYTES));
  return pieces;
}
