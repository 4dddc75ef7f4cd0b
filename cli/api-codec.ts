import type { JobView, LogEvent } from "../control-plane/jobs/contract.ts";
import type { ErrorCode, FieldError } from "../kernel/app-error.ts";
import { HTTP_STATUS } from "../kernel/error-maps.ts";
import { isJsonObject } from "./exact-json.ts";
import { ApiError } from "./exit-codes.ts";

// What the server answers is typed by its contract and checked by its tests; here only the shape that would crash us is looked at.

/** A JSON object that the contract says is a T. Errors: ApiError when it is no object at all. */
export function decodeObject<T extends object>(text: string, what: string): T {
  const value = parse(text);
  if (!isJsonObject(value))
    throw new ApiError("unavailable", `the server answered ${what} with something that is no JSON object`, 502, undefined, {
      hint: "is this the address of a Millrace server?",
    });
  return value as T;
}

/** The data of a `state` or `end` event; undefined when it is damaged. */
export function decodeJobEvent(data: string): JobView | undefined {
  const value = parse(data);
  return isJsonObject(value) && typeof value["id"] === "string" && typeof value["status"] === "string" ? (value as JobView) : undefined;
}

/** The data of a `log` event; undefined when it is damaged. */
export function decodeLogEvent(data: string): LogEvent | undefined {
  const value = parse(data);
  return isJsonObject(value) && typeof value["text"] === "string" && typeof value["attempt"] === "number" ? (value as LogEvent) : undefined;
}

/** Turns an answer that is no success into an error: from problem details when it has some, else from the status alone. */
export function decodeProblem(status: number, body: string): ApiError {
  const value = parse(body);
  const problem = isJsonObject(value) ? value : {};
  const text = (key: string): string | undefined => {
    const entry = problem[key];
    return typeof entry === "string" && entry !== "" ? entry : undefined;
  };
  const code = isErrorCode(problem["code"]) ? problem["code"] : codeOfStatus(status);
  const hint = text("hint");
  const fields = Array.isArray(problem["errors"]) ? problem["errors"].flatMap(decodeField) : [];
  return new ApiError(code, text("detail") ?? text("title") ?? `the server answered with status ${status}`, status, text("request_id"), {
    fields,
    ...(hint !== undefined && { hint }),
  });
}

function decodeField(entry: unknown): FieldError[] {
  if (!isJsonObject(entry) || typeof entry["message"] !== "string") return [];
  return [{ pointer: typeof entry["pointer"] === "string" ? entry["pointer"] : "/", message: entry["message"] }];
}

function isErrorCode(value: unknown): value is ErrorCode {
  return typeof value === "string" && Object.hasOwn(HTTP_STATUS, value);
}

/** For proxies and others that answer in the server's place. */
function codeOfStatus(status: number): ErrorCode {
  if (status === 401 || status === 407) return "unauthenticated";
  if (status === 403) return "permission_denied";
  if (status === 404) return "not_found";
  if (status === 409) return "failed_precondition";
  if (status === 412) return "aborted";
  if (status === 413) return "out_of_range";
  if (status === 429) return "resource_exhausted";
  if (status === 504 || status === 408) return "deadline_exceeded";
  return status >= 500 ? "unavailable" : "invalid_argument";
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
