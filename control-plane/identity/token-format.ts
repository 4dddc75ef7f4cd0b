import { hash, randomBytes, timingSafeEqual } from "node:crypto";
import { crc32 } from "node:zlib";

/**
 * Bearer tokens: `mr_<kind>_<id 12>_<secret 32>_<crc 6>`, base62. The prefix lets secret scanners find them, the checksum
 * lets everyone reject a typo without asking the database, underscores keep a double click selecting the whole of it
 * (GitHub's published reasoning). The secret has 190 bits: a plain SHA-256 at rest is enough.
 */
const TOKEN_KINDS = {
  admin: "adm",
  workspace: "wks",
  agent: "agt",
  join: "jnt",
  personal: "pat",
  service: "svc",
  session: "ses",
  invitation: "inv",
} as const;
export type TokenKind = keyof typeof TOKEN_KINDS;

const ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const FORMAT = /^mr_(adm|wks|agt|jnt|pat|svc|ses|inv)_([0-9A-Za-z]{12})_([0-9A-Za-z]{32})_([0-9A-Za-z]{6})$/;

export interface ParsedToken {
  readonly kind: TokenKind;
  readonly id: string;
  readonly secretHash: Buffer;
}

export interface NewToken extends ParsedToken {
  /** Shown once, never stored. */
  readonly text: string;
}

/** Makes a token of a kind from the system's randomness. */
export function generateToken(kind: TokenKind): NewToken {
  const id = randomBase62(12);
  const secret = randomBase62(32);
  const body = `mr_${TOKEN_KINDS[kind]}_${id}_${secret}`;
  return { kind, id, secretHash: hashSecret(secret), text: `${body}_${checksum(body)}` };
}

/** Reads a token; undefined when the format or the checksum is wrong. Whether it is valid is for the store to say. */
export function parseBearer(text: string): ParsedToken | undefined {
  const match = FORMAT.exec(text);
  if (match === null) return undefined;
  const [, short, id, secret, crc] = match;
  const kind = (Object.keys(TOKEN_KINDS) as TokenKind[]).find((name) => TOKEN_KINDS[name] === short);
  if (kind === undefined || id === undefined || secret === undefined) return undefined;
  if (checksum(text.slice(0, text.lastIndexOf("_"))) !== crc) return undefined;
  return { kind, id, secretHash: hashSecret(secret) };
}

/** Compares hashes in constant time. */
export function sameHash(a: Buffer, b: Buffer): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}

function hashSecret(secret: string): Buffer {
  return hash("sha256", secret, "buffer");
}

/** CRC-32 of the text before it, as six base62 digits. */
function checksum(body: string): string {
  let rest = crc32(body);
  let digits = "";
  for (let i = 0; i < 6; i++) {
    digits = ALPHABET.charAt(rest % 62) + digits;
    rest = Math.floor(rest / 62);
  }
  return digits;
}

/** Uniform: bytes of 248 and above are thrown away (rejection sampling). */
function randomBase62(length: number): string {
  let text = "";
  while (text.length < length) {
    for (const byte of randomBytes(length * 2)) {
      if (byte < 248 && text.length < length) text += ALPHABET.charAt(byte % 62);
    }
  }
  return text;
}
