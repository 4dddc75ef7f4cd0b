import { createHmac, randomBytes } from "node:crypto";
import { AppError } from "../../kernel/app-error.ts";

/**
 * Signatures of Standard Webhooks (standardwebhooks.com): HMAC-SHA256 over `id.timestamp.body`, with the bytes that a secret `whsec_<base64>` stands for.
 */
const SECRET_PREFIX = "whsec_";
const KEY_BYTES = 32;
const MIN_KEY_BYTES = 24;
const MAX_KEY_BYTES = 64;
const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/;

export function newStandardSecret(): string {
  return `${SECRET_PREFIX}${randomBytes(KEY_BYTES).toString("base64")}`;
}

/** Errors: invalid_argument for what is no secret of Standard Webhooks. */
export function checkStandardSecret(secret: string): void {
  if (standardKey(secret) !== undefined) return;
  throw new AppError("invalid_argument", "a secret of Standard Webhooks is whsec_ and 24 to 64 bytes in base64", {
    fields: [{ pointer: "/secret", message: "is not whsec_ and base64" }],
  });
}

/** The key of a secret; undefined when it is not one. */
export function standardKey(secret: string): Buffer | undefined {
  const text = secret.startsWith(SECRET_PREFIX) ? secret.slice(SECRET_PREFIX.length) : "";
  if (!BASE64.test(text)) return undefined;
  const key = Buffer.from(text, "base64");
  return key.length >= MIN_KEY_BYTES && key.length <= MAX_KEY_BYTES ? key : undefined;
}

/** What goes into `webhook-signature`. @param timestampS seconds since the epoch, as text */
export function standardSignature(key: Buffer, id: string, timestampS: string, body: Buffer | string): string {
  return `v1,${createHmac("sha256", key).update(`${id}.${timestampS}.`).update(body).digest("base64")}`;
}
