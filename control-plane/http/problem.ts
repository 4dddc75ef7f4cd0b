import type { FastifyError, FastifyReply, FastifyRequest } from "fastify";
import { hasZodFastifySchemaValidationErrors } from "fastify-type-provider-zod";
import { AppError, type ErrorCode, type FieldError } from "../../kernel/app-error.ts";
import { HTTP_STATUS } from "../../kernel/error-maps.ts";
import type { Log } from "../telemetry/log.ts";
import { isSuggestion } from "./suggestion.ts";

const TITLES: Readonly<Record<ErrorCode, string>> = {
  cancelled: "Request cancelled",
  invalid_argument: "Invalid request",
  deadline_exceeded: "Took too long",
  not_found: "Not found",
  already_exists: "Already exists",
  aborted: "Not as expected",
  permission_denied: "Not allowed",
  unauthenticated: "Not authenticated",
  resource_exhausted: "Too much",
  failed_precondition: "Not possible now",
  out_of_range: "Too large",
  unimplemented: "Not implemented",
  internal: "Internal error",
  unavailable: "Unavailable",
};

/** What fastify itself refuses, in our codes. */
const FASTIFY_CODES: Readonly<Record<string, ErrorCode>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: "out_of_range",
  FST_ERR_CTP_INVALID_MEDIA_TYPE: "invalid_argument",
  FST_ERR_CTP_EMPTY_JSON_BODY: "invalid_argument",
  FST_ERR_CTP_INVALID_JSON_BODY: "invalid_argument",
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: "invalid_argument",
  FST_ERR_BAD_URL: "invalid_argument",
  FST_ERR_MAX_PARAM_LENGTH: "invalid_argument",
};

/** Answers with RFC 9457 problem details. Internal causes go to the log, under the request's id, and never to the caller. */
export function sendProblem(log: Log, thrown: FastifyError | Error, request: FastifyRequest, reply: FastifyReply): void {
  const error = normalise(thrown);
  const status = HTTP_STATUS[error.code];
  // What is not offered is nobody's fault here.
  if (status >= 500 && error.code !== "unimplemented") {
    const { cause } = error;
    log.error(
      {
        event: "http.error",
        requestId: request.id,
        method: request.method,
        url: request.url,
        code: error.code,
        cause: cause instanceof Error ? cause.stack : cause,
      },
      error.message,
    );
  }
  if (error.retryAfterS !== undefined) void reply.header("retry-after", String(error.retryAfterS));
  if (error.code === "resource_exhausted" && error.retryAfterS !== undefined) tellReset(reply, String(error.retryAfterS));
  if (error.code === "unauthenticated") void reply.header("www-authenticate", "Bearer");
  void reply
    .code(status)
    .type("application/problem+json")
    .send(
      JSON.stringify({
        type: `urn:millrace:error:${error.code}`,
        title: TITLES[error.code],
        status,
        detail: error.message,
        code: error.code,
        ...(error.fields.length > 0 && { errors: error.fields }),
        ...(error.hint !== undefined && !isKept(error, error.hint, request) && { hint: error.hint }),
        request_id: request.id,
      }),
    );
}

/** Hints may name paths that look like the one that was meant: not to a caller that is bound to some paths. */
function isKept({ code }: AppError, hint: string, { caller }: FastifyRequest): boolean {
  return (code === "not_found" || isSuggestion(hint)) && caller?.reach?.bounds !== undefined;
}

function normalise(thrown: FastifyError | Error): AppError {
  if (hasZodFastifySchemaValidationErrors(thrown)) return validationError(thrown);
  const code = "code" in thrown && typeof thrown.code === "string" ? FASTIFY_CODES[thrown.code] : undefined;
  if (code !== undefined) return new AppError(code, thrown.message);
  if (thrown instanceof SyntaxError && "statusCode" in thrown && thrown.statusCode === 400)
    return new AppError("invalid_argument", `the body is not JSON: ${thrown.message}`);
  return AppError.from(thrown);
}

function validationError(thrown: { validation: { instancePath: string; message?: string; params?: unknown }[]; validationContext?: string }): AppError {
  const where = thrown.validationContext ?? "body";
  const fields: FieldError[] = thrown.validation.map((issue) => ({
    pointer: issue.instancePath === "" ? "/" : issue.instancePath,
    message: issue.message ?? "is not valid",
  }));
  const first = fields[0];
  const place = where === "body" ? "the body" : where === "querystring" ? "the query" : `the ${where}`;
  const detail =
    first === undefined
      ? `${place} is not valid`
      : `${place} is not valid: ${first.pointer === "/" ? "" : `${first.pointer.slice(1).replaceAll("/", ".")}: `}${first.message}`;
  return new AppError("invalid_argument", detail, { fields });
}

/** The limit of requests may have let it in and told so before another limit refused it: then that one is told. */
function tellReset(reply: FastifyReply, resetS: string): void {
  if (String(reply.getHeader("ratelimit-reset")) !== resetS) void reply.removeHeader("ratelimit-limit");
  void reply.header("ratelimit-remaining", "0").header("ratelimit-reset", resetS);
}
