import { createHmac, timingSafeEqual } from "node:crypto";
import { type AgentKey, asAgentKey, asToken, type JobId, parseJobId, type Token } from "./ids.ts";

/**
 * Tokens of running jobs: `mr_job_<issuer>_<job 32>_<attempt>_<mac 40>`. The agent makes them itself, with a key that the control plane gives to each
 * agent at its welcome: an assignment costs nothing more for it. A token says which attempt it speaks for; the control plane takes it only while that
 * attempt runs on that very agent. So an agent can make no token that reaches further than the jobs it was given, and a token dies with its attempt.
 */
export interface JobTokenClaims {
  /** The agent that runs the attempt. */
  readonly issuer: AgentKey;
  readonly job: JobId;
  readonly attempt: Token;
}

const FORMAT = /^mr_job_([0-9]{1,19})_([0-9a-f]{32})_([0-9]{1,19})_([0-9a-f]{40})$/;

/** The key with which an agent makes tokens for its jobs. @param secret of the cluster */
export function jobTokenKey(secret: Buffer, issuer: AgentKey): Buffer {
  return createHmac("sha256", secret).update(`job tokens of agent ${issuer}`).digest();
}

/** @param key from `jobTokenKey`, for the same issuer */
export function mintJobToken(key: Uint8Array, claims: JobTokenClaims): string {
  const body = bodyOf(claims);
  return `${body}_${macOf(key, body)}`;
}

/** What the token says; undefined when it has another form. Whether that is true is for `isMintedWith` and the list of attempts to say. */
export function readJobToken(text: string): JobTokenClaims | undefined {
  const [, issuer = "", hex = "", attempt = ""] = FORMAT.exec(text) ?? [];
  const job = parseJobId(hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5"));
  return job === undefined ? undefined : { issuer: asAgentKey(issuer), job, attempt: asToken(attempt) };
}

/** Compares in constant time. */
export function isMintedWith(key: Uint8Array, text: string): boolean {
  const at = text.lastIndexOf("_");
  const [given, expected] = [Buffer.from(text.slice(at + 1)), Buffer.from(macOf(key, text.slice(0, at)))];
  return given.length === expected.length && timingSafeEqual(given, expected);
}

function bodyOf({ issuer, job, attempt }: JobTokenClaims): string {
  return `mr_job_${issuer}_${job.replaceAll("-", "")}_${attempt}`;
}

/** 160 bits of it. */
function macOf(key: Uint8Array, body: string): string {
  return createHmac("sha256", key).update(body).digest("hex").slice(0, 40);
}
