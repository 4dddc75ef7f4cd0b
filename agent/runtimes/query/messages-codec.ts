import type { Reach } from "./address-guard.ts";
import type { QueryErrorName } from "./query-error.ts";

export const QUERY_LANGUAGES = ["postgresql", "mysql", "sqlite", "duckdb", "graphql", "http"] as const;
export type QueryLanguage = (typeof QUERY_LANGUAGES)[number];

/** Exit code of a helper that found itself too large. */
export const EXIT_OUT_OF_MEMORY = 77;

/** What a helper is for. `network`: several jobs at once; the others block, and have one. */
export type HelperKind = "network" | "sqlite" | "duckdb";

export const QUERY_KINDS: Readonly<Record<QueryLanguage, HelperKind>> = {
  postgresql: "network",
  mysql: "network",
  graphql: "network",
  http: "network",
  sqlite: "sqlite",
  duckdb: "duckdb",
};

export interface QueryJob {
  readonly language: QueryLanguage;
  readonly code: string;
  /** Text of a JSON object. */
  readonly argsJson: string;
  readonly resultMaxBytes: number;
  readonly reach: Reach;
}

export type ToHelper =
  | { readonly kind: "run"; readonly id: number; readonly job: QueryJob }
  /** The query is to end soon; an answer still follows. */
  | { readonly kind: "cancel"; readonly id: number };

export type ToAgent =
  | { readonly kind: "ready" }
  | { readonly kind: "say"; readonly id: number; readonly text: string }
  /** The body is the result, JSON text. */
  | { readonly kind: "result"; readonly id: number; readonly rssBytes: number }
  /** The body is the JSON text of an object: the error as the result shows it. */
  | {
      readonly kind: "error";
      readonly id: number;
      readonly rssBytes: number;
      readonly name: QueryErrorName;
      readonly message: string;
      /** 0 when unknown. */
      readonly line: number;
    };

const ERROR_NAMES: ReadonlySet<unknown> = new Set<QueryErrorName>([
  "SyntaxError",
  "InvalidArgument",
  "UnknownArgument",
  "ConnectionError",
  "QueryError",
  "GraphqlError",
  "HttpError",
  "HttpStatus",
  "ResultTooLarge",
  "OutOfMemory",
]);

/** A message of the agent, which is ours and trusted. */
export function asToHelper(header: unknown): ToHelper | undefined {
  if (typeof header !== "object" || header === null || !("kind" in header)) return undefined;
  return header.kind === "run" || header.kind === "cancel" ? (header as ToHelper) : undefined;
}

/** A message of a helper, or undefined: native drivers parse what strangers send, so a helper is not trusted. */
export function asToAgent(header: unknown): ToAgent | undefined {
  if (typeof header !== "object" || header === null) return undefined;
  const fields = new Map<string, unknown>(Object.entries(header));
  const kind = fields.get("kind");
  if (kind === "ready") return { kind };
  const numbers = ["id", ...(kind === "say" ? [] : ["rssBytes"]), ...(kind === "error" ? ["line"] : [])];
  const texts = kind === "say" ? ["text"] : kind === "error" ? ["message"] : [];
  const fits = numbers.every((name) => Number.isSafeInteger(fields.get(name))) && texts.every((name) => typeof fields.get(name) === "string");
  if (!fits || !["say", "result", "error"].includes(String(kind))) return undefined;
  return kind !== "error" || ERROR_NAMES.has(fields.get("name")) ? (header as ToAgent) : undefined;
}
