import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import { assertNever } from "../../kernel/assert-never.ts";
import { standardKey, standardSignature } from "../notifications/standard-webhooks.ts";
import type { Auth } from "./contract.ts";

/** A call before anything of it is believed. */
export interface Call {
  /** Names in lower case, as Node has them. */
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  /** The bytes as they came. */
  readonly body: Buffer;
}

/**
 * `id`: what makes the call the same as an earlier one. With a signature it is covered by it: whoever repeats a call that he has seen cannot choose
 * another. Undefined: nobody said.
 */
export type Verdict = { readonly kind: "genuine"; readonly id: string | undefined } | { readonly kind: "refused"; readonly why: string };

/** How far a sender's clock may be off, and how long a call may be under way. */
const TOLERANCE_S = 5 * 60;
const MAX_ID_CHARS = 255;
/** Of one header; a sender who changes its secret sends two. */
const MAX_SIGNATURES = 10;

/** Whether a call comes from somebody who has one of the secrets. */
export function verify(auth: Auth, secrets: readonly string[], call: Call, nowMs: number): Verdict {
  switch (auth.kind) {
    case "none":
      return { kind: "genuine", id: keyOf(call) };
    case "token":
      return byToken(secrets, presentedToken(auth.header, call), keyOf(call));
    case "gitlab":
      return byToken(secrets, headerOf(call, "x-gitlab-token"), idText(headerOf(call, "x-gitlab-event-uuid")) ?? keyOf(call));
    case "standard":
      return standard(secrets, call, nowMs);
    case "github":
      return github(secrets, call);
    case "stripe":
      return stripe(secrets, call, nowMs);
    case "slack":
      return slack(secrets, call, nowMs);
    default:
      return assertNever(auth);
  }
}

const refused = (why: string): Verdict => ({ kind: "refused", why });
const NO_MATCH = refused("the signature is not that of any secret of this trigger");
const NO_TIME = refused("the timestamp is missing, or more than five minutes off");

/** In which header the token comes, when not as a bearer token. */
export const tokenHeaderOf = (auth: Auth): string => (auth.kind === "token" ? (auth.header ?? "") : auth.kind === "gitlab" ? "x-gitlab-token" : "");

function presentedToken(header: string | undefined, call: Call): string | undefined {
  if (header !== undefined) return headerOf(call, header);
  const bearer = headerOf(call, "authorization");
  return bearer?.startsWith("Bearer ") === true ? bearer.slice(7).trim() : undefined;
}

function byToken(secrets: readonly string[], token: string | undefined, id: string | undefined): Verdict {
  if (token === undefined) return refused("the token is missing");
  return anyEqual(secrets, [token]) ? { kind: "genuine", id } : refused("the token is not one of this trigger");
}

function standard(secrets: readonly string[], call: Call, nowMs: number): Verdict {
  const id = headerOf(call, "webhook-id");
  const timestamp = headerOf(call, "webhook-timestamp");
  if (idText(id) === undefined || id === undefined) return refused("webhook-id is missing");
  if (timestamp === undefined || !isNow(timestamp, nowMs)) return NO_TIME;
  const given = (headerOf(call, "webhook-signature") ?? "").split(" ").slice(0, MAX_SIGNATURES);
  const keys = secrets.flatMap((secret) => standardKey(secret) ?? []);
  const wanted = keys.map((key) => standardSignature(key, id, timestamp, call.body));
  return anyEqual(wanted, given) ? { kind: "genuine", id } : NO_MATCH;
}

/** GitHub signs the body alone: its id is not covered, so the body is what makes a call the same. */
function github(secrets: readonly string[], call: Call): Verdict {
  const given = headerOf(call, "x-hub-signature-256") ?? "";
  const wanted = secrets.map((secret) => `sha256=${hmacHex(secret, call.body)}`);
  return anyEqual(wanted, [given]) ? { kind: "genuine", id: digestOf(call.body) } : NO_MATCH;
}

/** Stripe sends an event again with a new time and signature: its id is in the body, and covered with it. */
function stripe(secrets: readonly string[], call: Call, nowMs: number): Verdict {
  const fields = (headerOf(call, "stripe-signature") ?? "").split(",").map((part) => part.trim().split("="));
  const timestamp = fields.find(([name]) => name === "t")?.[1];
  if (timestamp === undefined || !isNow(timestamp, nowMs)) return NO_TIME;
  const given = fields.flatMap(([name, value]) => (name === "v1" && value !== undefined ? [value] : [])).slice(0, MAX_SIGNATURES);
  const wanted = secrets.map((secret) => hmacHex(secret, `${timestamp}.`, call.body));
  return anyEqual(wanted, given) ? { kind: "genuine", id: eventId(call.body) ?? digestOf(call.body) } : NO_MATCH;
}

function slack(secrets: readonly string[], call: Call, nowMs: number): Verdict {
  const timestamp = headerOf(call, "x-slack-request-timestamp");
  if (timestamp === undefined || !isNow(timestamp, nowMs)) return NO_TIME;
  const wanted = secrets.map((secret) => `v0=${hmacHex(secret, `v0:${timestamp}:`, call.body)}`);
  return anyEqual(wanted, [headerOf(call, "x-slack-signature") ?? ""]) ? { kind: "genuine", id: digestOf(call.body) } : NO_MATCH;
}

function headerOf(call: Call, name: string): string | undefined {
  const value = call.headers[name];
  return typeof value === "string" ? value : undefined;
}

/** What a sender without a signature may say. */
const keyOf = (call: Call): string | undefined => idText(headerOf(call, "idempotency-key")) ?? idText(headerOf(call, "webhook-id"));
const idText = (text: string | undefined): string | undefined => (text !== undefined && text.length > 0 && text.length <= MAX_ID_CHARS ? text : undefined);
const hmacHex = (secret: string, ...parts: readonly (string | Buffer)[]): string => {
  const hmac = createHmac("sha256", secret);
  for (const part of parts) hmac.update(part);
  return hmac.digest("hex");
};
const digestOf = (body: Buffer): string => createHash("sha256").update(body).digest("hex");

function isNow(timestamp: string, nowMs: number): boolean {
  return /^\d{1,12}$/.test(timestamp) && Math.abs(nowMs / 1000 - Number(timestamp)) <= TOLERANCE_S;
}

/** The id of an event, without parsing all of it twice: Stripe's bodies are objects with `id` on top. */
function eventId(body: Buffer): string | undefined {
  try {
    const event: unknown = JSON.parse(body.toString("utf8"));
    return typeof event === "object" && event !== null && "id" in event && typeof event.id === "string" ? idText(event.id) : undefined;
  } catch {
    return undefined;
  }
}

/** Compares every one with every one in a time that tells nothing of their content: hashes are of one length. */
function anyEqual(wanted: readonly string[], given: readonly string[]): boolean {
  const hash = (text: string): Buffer => createHash("sha256").update(text).digest();
  const hashes = given.map(hash);
  let equal = false;
  for (const text of wanted) for (const other of hashes) if (timingSafeEqual(hash(text), other)) equal = true;
  return equal;
}
