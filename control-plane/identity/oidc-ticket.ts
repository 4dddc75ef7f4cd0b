import { hkdfSync } from "node:crypto";
import { EncryptJWT, jwtDecrypt } from "jose";
import { z } from "zod";

/**
 * What has to be remembered between the way to an identity provider and the way back. It lies encrypted in a cookie: so the way back is only open to
 * the browser that went, strangers cannot fill a table, and any replica can read it.
 */
const ticket = z.strictObject({
  provider: z.string(),
  state: z.string(),
  nonce: z.string(),
  verifier: z.string(),
  return_to: z.string(),
  /** Id of an invitation that was open when the way began. */
  invitation: z.string().optional(),
});
export type OidcTicket = z.infer<typeof ticket>;

/** A person logs in there meanwhile. */
export const TICKET_MS = 10 * 60 * 1000;
const AUDIENCE = "millrace oidc ticket";

/** @param secret the cluster's */
export function ticketKey(secret: Buffer): Uint8Array {
  return new Uint8Array(hkdfSync("sha256", secret, "", "millrace oidc tickets 1", 32));
}

/** @param nowMs since the epoch */
export async function writeTicket(key: Uint8Array, content: OidcTicket, nowMs: number): Promise<string> {
  return new EncryptJWT({ ticket: content })
    .setProtectedHeader({ alg: "dir", enc: "A256GCM" })
    .setAudience(AUDIENCE)
    .setExpirationTime(Math.floor((nowMs + TICKET_MS) / 1000))
    .encrypt(key);
}

/** One that we wrote and that is not over; undefined for anything else. */
export async function readTicket(key: Uint8Array, text: string, nowMs: number): Promise<OidcTicket | undefined> {
  try {
    const { payload } = await jwtDecrypt(text, key, {
      audience: AUDIENCE,
      currentDate: new Date(nowMs),
      keyManagementAlgorithms: ["dir"],
      contentEncryptionAlgorithms: ["A256GCM"],
      requiredClaims: ["exp"],
    });
    return ticket.safeParse(payload["ticket"]).data;
  } catch {
    return undefined;
  }
}
