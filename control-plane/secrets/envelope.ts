import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";
import { AppError } from "../../kernel/app-error.ts";

export const KEY_BYTES = 32;
const IV_BYTES = 12;
const TAG_BYTES = 16;
const FORM = 1;

/**
 * Seals with AES-256-GCM. What comes out is a form byte, the nonce (96 random bits), the tag and the ciphertext.
 * @param place what the text belongs to; it is not stored, and a text that was moved to another place does not open
 */
export function seal(key: Buffer, place: readonly string[], text: Buffer): Buffer {
  const iv = randomBytes(IV_BYTES);
  const cipher = createCipheriv("aes-256-gcm", key, iv, { authTagLength: TAG_BYTES });
  cipher.setAAD(placeBytes(place));
  const sealed = Buffer.concat([cipher.update(text), cipher.final()]);
  return Buffer.concat([Buffer.from([FORM]), iv, cipher.getAuthTag(), sealed]);
}

/** Errors: internal when the key or the place is another one, or the bytes were changed. */
export function open(key: Buffer, place: readonly string[], sealed: Buffer): Buffer {
  const headEnd = 1 + IV_BYTES + TAG_BYTES;
  if (sealed.length < headEnd || sealed[0] !== FORM) throw damaged();
  const decipher = createDecipheriv("aes-256-gcm", key, sealed.subarray(1, 1 + IV_BYTES), { authTagLength: TAG_BYTES });
  decipher.setAAD(placeBytes(place));
  decipher.setAuthTag(sealed.subarray(1 + IV_BYTES, headEnd));
  try {
    return Buffer.concat([decipher.update(sealed.subarray(headEnd)), decipher.final()]);
  } catch (error) {
    throw damaged(error);
  }
}

/** No two places have the same bytes, whatever characters are in them. */
function placeBytes(place: readonly string[]): Buffer {
  return Buffer.from(JSON.stringify(place));
}

function damaged(cause?: unknown): AppError {
  return new AppError("internal", "a secret cannot be opened: it was changed in the database, or sealed with another key", { cause });
}
