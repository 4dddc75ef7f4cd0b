import type { FastifyInstance, FastifyRequest } from "fastify";
import { AppError } from "../../kernel/app-error.ts";
import type { BodyTurn, BodyTurns } from "./body-turns.ts";

declare module "fastify" {
  interface FastifyRequest {
    /** Of a large body: to be kept by handlers that cut their work into slices. */
    bodyTurn: BodyTurn | undefined;
  }
}

/** JavaScript's numbers hold 15 digits safely; a body without a longer run of digits can be parsed as usual. */
const LONG_RUN = 16;

/** Whether a text has that many digits in a row. It looks at the last place of each possible run first: at one character of sixteen in most bodies. */
export function hasLongNumber(text: string): boolean {
  for (let end = LONG_RUN - 1; end < text.length; ) {
    let digits = 0;
    while (digits < LONG_RUN && isDigit(text.charCodeAt(end - digits))) digits += 1;
    if (digits === LONG_RUN) return true;
    end += LONG_RUN - digits;
  }
  return false;
}

const isDigit = (char: number): boolean => char >= 48 && char <= 57;

/** `JSON.rawJSON` and the reviver's source text (ES2026; in Node since 22) are not yet in TypeScript's library. */
interface ExactJson {
  rawJSON(text: string): object;
  parse(text: string, reviver: (key: string, value: unknown, context: { source?: string }) => unknown): unknown;
}
const exact = JSON as unknown as ExactJson;

/**
 * Parses JSON without losing digits: an integer that a JavaScript number cannot hold becomes a raw value, which
 * `JSON.stringify` writes out as it came. Errors: SyntaxError as from JSON.parse; invalid_argument for a `__proto__` key.
 */
export function parseExactJson(text: string): unknown {
  if (text.includes('"__proto__"')) throw new AppError("invalid_argument", "the body has a key __proto__");
  return exact.parse(text, (_key, value, { source }) =>
    typeof value === "number" && source !== undefined && isUnsafeInteger(value, source) ? exact.rawJSON(source) : value,
  );
}

/** A body that no parser of the server has read. Errors: as parseExactJson. */
export function parseJsonBody(text: string): unknown {
  return hasLongNumber(text) || text.includes('"__proto__"') ? parseExactJson(text) : JSON.parse(text);
}

function isUnsafeInteger(value: number, source: string): boolean {
  return !Number.isSafeInteger(value) && /^-?\d+$/.test(source);
}

/** Bodies from this length on take turns. */
const LARGE_CHARS = 16 * 1024;

/** Teaches the server to keep the digits of large integers in JSON bodies, and to parse large bodies in turns. */
export function addExactJsonParser(app: FastifyInstance, turns: BodyTurns): void {
  app.decorateRequest("bodyTurn", undefined);
  const usual = app.getDefaultJsonParser("error", "error");
  const parse = (request: FastifyRequest, body: string, done: (error: Error | null, body?: unknown) => void): void => {
    if (!hasLongNumber(body)) {
      void usual(request, body, done);
      return;
    }
    try {
      done(null, parseExactJson(body));
    } catch (error) {
      done(error instanceof SyntaxError ? new AppError("invalid_argument", `the body is not JSON: ${error.message}`) : (error as Error), undefined);
    }
  };
  app.addContentTypeParser<string>("application/json", { parseAs: "string" }, (request, body, done) => {
    if (body.length < LARGE_CHARS) {
      parse(request, body, done);
      return;
    }
    try {
      turns.enter(request.caller?.workspace?.id ?? "", body.length, (turn) => {
        request.bodyTurn = turn;
        parse(request, body, done);
      });
    } catch (error) {
      done(error as Error, undefined);
    }
  });
}

/** The same data with ordinary numbers, for a validator that knows no raw values. @param text the data as JSON text */
export function withPlainNumbers<T>(data: T, text: string): T {
  return hasLongNumber(text) ? (JSON.parse(text) as T) : data;
}
