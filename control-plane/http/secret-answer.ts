import type { FastifyReply, FastifyRequest } from "fastify";
import { AppError } from "../../kernel/app-error.ts";
import { SECRETS_AHEAD, SECRETS_AHEAD_HEADER } from "../../kernel/secrets-ahead.ts";
import { callerOf } from "./authorize.ts";
import { takeOver } from "./raw-answer.ts";

/** Text that holds values of secrets. */
export interface SecretAnswer {
  readonly type: "application/json" | "text/plain";
  readonly text: string;
  readonly secrets: readonly string[];
}

/**
 * Answers with values of secrets: a running job alone gets them. An agent that passes the request on is told the values first, so that it can mask
 * them in what the job prints. Errors: permission_denied for everybody else.
 */
export function sendSecrets(request: FastifyRequest, reply: FastifyReply, { type, text, secrets }: SecretAnswer): void {
  if (secrets.length > 0 && callerOf(request).principal.kind !== "job")
    throw new AppError("permission_denied", "secrets are shown to running jobs alone", {
      hint: "a job gets it by `$var:path` in its arguments, or from its client",
    });
  const ahead = secrets.length > 0 && request.headers[SECRETS_AHEAD_HEADER] !== undefined;
  const contentType = `${type}; charset=utf-8`;
  const raw = takeOver(reply);
  raw.setHeader("content-type", ahead ? SECRETS_AHEAD : contentType);
  raw.end(ahead ? `${JSON.stringify({ type: contentType, secrets })}\n${text}` : text);
}
