import { createHmac, hkdfSync, timingSafeEqual } from "node:crypto";
import { z } from "zod";
import { isUuid } from "../../kernel/ids.ts";

/**
 * Credentials of enrolled agents: `mr_crd_<claims>.<mac>`, both base64url. The MAC is made with a key that all replicas derive from the
 * cluster's secret, so that a stranger's stream costs no look into the database. Which agent it is and whether it was revoked is
 * judged by its row, and that it is the agent itself by its key: the credential alone opens nothing.
 */
export interface Claims {
  readonly agentId: string;
  /** Milliseconds since the epoch, on the clock of the replica that made it out. */
  readonly untilMs: number;
}

const PREFIX = "mr_crd_";
const MAX_LENGTH = 1000;
const claimsSchema = z.object({ a: z.string().refine(isUuid), u: z.int() });

/** @param secret the cluster's */
export function credentialKey(secret: Buffer): Buffer {
  return Buffer.from(hkdfSync("sha256", secret, "", "millrace agent credentials 1", 32));
}

export function writeCredential(key: Buffer, { agentId, untilMs }: Claims): string {
  const claims = Buffer.from(JSON.stringify({ a: agentId, u: untilMs })).toString("base64url");
  return `${PREFIX}${claims}.${macOf(key, claims).toString("base64url")}`;
}

/** Claims that we made, lapsed or not; undefined for anything else. */
export function readCredential(key: Buffer, text: string): Claims | undefined {
  if (!text.startsWith(PREFIX) || text.length > MAX_LENGTH) return undefined;
  const [claims = "", mac = ""] = text.slice(PREFIX.length).split(".");
  const [given, wanted] = [Buffer.from(mac, "base64url"), macOf(key, claims)];
  if (given.length !== wanted.length || !timingSafeEqual(given, wanted)) return undefined;
  const parsed = claimsSchema.safeParse(JSON.parse(Buffer.from(claims, "base64url").toString("utf8")));
  return parsed.success ? { agentId: parsed.data.a, untilMs: parsed.data.u } : undefined;
}

function macOf(key: Buffer, claims: string): Buffer {
  return createHmac("sha256", key).update(claims).digest();
}
