import type { FastifyReply } from "fastify";
import { takeOver } from "../http/raw-answer.ts";
import type { Answer } from "./answer-core.ts";

/**
 * What a tenant's script says comes from the same origin as the console. So a browser that shows it treats it as of no origin at all: no cookies, no
 * requests in anybody's name; and nobody guesses what it might be.
 */
const ENCLOSED = {
  "content-security-policy": "sandbox allow-forms allow-scripts",
  "cross-origin-resource-policy": "cross-origin",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
} as const;

/** Statuses that have no body. */
const BODILESS = new Set([204, 205, 304]);

/** Sends an answer past the types of the route: its text is relayed as it is. */
export function sendAnswer(reply: FastifyReply, answer: Answer): void {
  const raw = takeOver(reply);
  const headers = { ...answer.headers, ...ENCLOSED };
  for (const [name, value] of Object.entries(headers)) if (name !== "content-type" || !BODILESS.has(answer.status)) raw.setHeader(name, value);
  raw.statusCode = answer.status;
  raw.end(BODILESS.has(answer.status) ? undefined : answer.body);
}
