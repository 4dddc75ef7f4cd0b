import { findJsonProblem, readJsonMembers } from "../../../runner/json-text.ts";
import { type ArgumentTexts, readArguments } from "../arguments.ts";
import type { QueryJob } from "../messages-codec.ts";
import type { QueryContext } from "../query-context.ts";
import { QueryError } from "../query-error.ts";
import { bodyMembers, decode } from "./bodies.ts";
import { checkHeader, type Incoming, nameOf, readUrl, sendRequest } from "./request.ts";

const TIMEOUT_MS = 60_000;
/** A field that fails, fails in many rows. */
const MAX_ERRORS = 100;

/** One GraphQL operation: the code is the document, every argument but `api` a variable. @returns `data` of the answer */
export async function runGraphql(job: QueryJob, context: QueryContext): Promise<string> {
  const args = readArguments(job.argsJson);
  const api = readApi(args);
  const variables = [...args].filter(([name]) => name !== "api").map(([name, json]) => `${JSON.stringify(name)}:${json}`);
  const incoming = await sendRequest({
    method: "POST",
    url: api.url,
    headers: api.headers,
    body: `{"query":${JSON.stringify(job.code)},"variables":{${variables.join(",")}}}`,
    timeoutMs: TIMEOUT_MS,
    maxBytes: job.resultMaxBytes,
    reach: job.reach,
    signal: context.signal,
  });
  return dataOf(incoming, api.url);
}

function dataOf(incoming: Incoming, url: URL): string {
  const text = decode(incoming.body);
  const members = text === undefined ? undefined : readJsonMembers(text);
  const values = members?.kind === "members" ? members.values : new Map<string, string>();
  const errors = values.get("errors");
  if (errors !== undefined && errors !== "null" && errors !== "[]") throw graphqlError(errors, values.get("data"));
  const data = values.get("data");
  if (data !== undefined && incoming.status >= 200 && incoming.status < 300) return data;
  const what = data === undefined ? "that is no GraphQL answer" : "";
  const response = `{"status":${incoming.status},${bodyMembers(incoming)}}`;
  throw new QueryError("HttpStatus", `POST ${nameOf(url)} was answered with ${incoming.status} ${what}`.trim(), {
    code: String(incoming.status),
    json: new Map([["response", response]]),
  });
}

/** The first error with its place, and all of them as they came. */
function graphqlError(json: string, data: string | undefined): QueryError {
  const all: unknown = JSON.parse(json);
  const [first]: unknown[] = Array.isArray(all) ? all : [all];
  const fields = new Map<string, unknown>(typeof first === "object" && first !== null ? Object.entries(first) : []);
  const text = fields.get("message");
  const message = typeof text === "string" && text !== "" ? text : "the server reports errors";
  const line = lineOf(fields.get("locations"));
  const shown = Array.isArray(all) && all.length > MAX_ERRORS ? JSON.stringify(all.slice(0, MAX_ERRORS)) : json;
  const more = new Map([["errors", shown], ...(data === undefined || data === "null" ? [] : ([["data", data]] as const))]);
  return new QueryError("GraphqlError", line === 0 ? message : `line ${line}: ${message}`, { json: more, ...(line === 0 ? {} : { line }) });
}

function lineOf(locations: unknown): number {
  const [first]: unknown[] = Array.isArray(locations) ? locations : [];
  const line: unknown = typeof first === "object" && first !== null && "line" in first ? first.line : 0;
  return typeof line === "number" && Number.isSafeInteger(line) && line > 0 ? line : 0;
}

interface Api {
  readonly url: URL;
  readonly headers: ReadonlyMap<string, string>;
}

/** The argument `api`: an object with `base_url`, and perhaps `bearer_token` and `headers` (or `custom_headers`); or the URL alone. */
function readApi(args: ArgumentTexts): Api {
  const json = args.get("api");
  if (json === undefined || findJsonProblem(json) !== undefined)
    throw new QueryError("InvalidArgument", "the argument `api` is missing: an object with base_url");
  const headers = new Map([
    ["content-type", "application/json"],
    ["accept", "application/graphql-response+json, application/json"],
  ]);
  if (json.startsWith('"')) return { url: readUrl(String(JSON.parse(json))), headers };
  const value: unknown = JSON.parse(json);
  const fields = new Map<string, unknown>(typeof value === "object" && value !== null ? Object.entries(value) : []);
  for (const given of [fields.get("headers"), fields.get("custom_headers")]) {
    if (typeof given !== "object" || given === null) continue;
    for (const [name, text] of Object.entries(given)) headers.set(name.toLowerCase(), String(text));
  }
  const token = fields.get("bearer_token") ?? fields.get("bearer");
  if (typeof token === "string" && token !== "") headers.set("authorization", `Bearer ${token}`);
  for (const [name, text] of headers) checkHeader(name, text);
  const base = fields.get("base_url");
  if (typeof base !== "string") throw new QueryError("InvalidArgument", "`api.base_url` is missing");
  return { url: readUrl(base), headers };
}
