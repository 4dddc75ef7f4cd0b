import { readArguments } from "../arguments.ts";
import type { QueryJob } from "../messages-codec.ts";
import type { QueryContext } from "../query-context.ts";
import { QueryError } from "../query-error.ts";
import { bodyMembers } from "./bodies.ts";
import { checkHeader, type Incoming, nameOf, readUrl, sendRequest } from "./request.ts";
import { checkArguments, Filling, readTemplate, type Template } from "./template.ts";

const MEMBERS = ["method", "url", "headers", "query", "body", "timeout_s", "expect_status"];
const METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
const DEFAULT_TIMEOUT_S = 60;
const MAX_TIMEOUT_S = 3_600;

/** One HTTP request as the code, a JSON object, describes it. */
export async function runHttp(job: QueryJob, context: QueryContext): Promise<string> {
  const template = readTemplate(job.code);
  const args = readArguments(job.argsJson);
  checkMembers(template);
  checkArguments(job.code, args);
  const filling = new Filling(args);
  const method = methodOf(template, filling);
  const headers = headersOf(template, filling);
  const body = bodyOf(template, filling, headers);
  const url = urlOf(template, filling);
  const incoming = await sendRequest({
    method,
    url,
    headers,
    body,
    timeoutMs: timeoutOf(template) * 1_000,
    maxBytes: job.resultMaxBytes,
    reach: job.reach,
    signal: context.signal,
  });
  const result = `"status":${incoming.status},"headers":${JSON.stringify(incoming.headers)},${bodyMembers(incoming)}`;
  if (!isExpected(template, incoming)) {
    const status = `${method} ${nameOf(url)} was answered with ${incoming.status}`;
    throw new QueryError("HttpStatus", status, { code: String(incoming.status), json: new Map([["response", `{${result}}`]]) });
  }
  return `{${result}}`;
}

function checkMembers(template: Template): void {
  const unknown = Object.keys(template).find((name) => !MEMBERS.includes(name));
  if (unknown !== undefined) throw new QueryError("SyntaxError", `\`${unknown.slice(0, 100)}\` is not one of ${MEMBERS.join(", ")}`, { line: 1 });
}

function methodOf(template: Template, filling: Filling): string {
  const method = filling.text(String(template["method"] ?? "GET")).toUpperCase();
  if (!METHODS.includes(method)) throw new QueryError("InvalidArgument", `the method is not one of ${METHODS.join(", ")}`);
  return method;
}

function urlOf(template: Template, filling: Filling): URL {
  if (typeof template["url"] !== "string") throw new QueryError("SyntaxError", "`url` is missing", { line: 1 });
  const url = readUrl(filling.url(template["url"]));
  for (const [name, value] of membersOf(template, "query")) {
    for (const item of Array.isArray(value) ? value : [value]) if (item !== null) url.searchParams.append(name, filling.text(String(item)));
  }
  return url;
}

function headersOf(template: Template, filling: Filling): Map<string, string> {
  const headers = new Map<string, string>();
  for (const [name, value] of membersOf(template, "headers")) {
    const text = filling.text(String(value));
    checkHeader(name, text);
    headers.set(name.toLowerCase(), text);
  }
  return headers;
}

/** A string is sent as it is; anything else as JSON. */
function bodyOf(template: Template, filling: Filling, headers: Map<string, string>): string | undefined {
  const body = template["body"];
  if (body === undefined) return undefined;
  const json = filling.json(body);
  const isText = typeof body === "string" && json.startsWith('"');
  if (!headers.has("content-type")) headers.set("content-type", isText ? "text/plain; charset=utf-8" : "application/json");
  return isText ? String(JSON.parse(json)) : json;
}

function timeoutOf(template: Template): number {
  const seconds = template["timeout_s"] ?? DEFAULT_TIMEOUT_S;
  if (typeof seconds !== "number" || seconds <= 0 || seconds > MAX_TIMEOUT_S) {
    throw new QueryError("SyntaxError", `\`timeout_s\` is a number of seconds, at most ${MAX_TIMEOUT_S}`, { line: 1 });
  }
  return seconds;
}

function isExpected(template: Template, { status }: Incoming): boolean {
  const expected = template["expect_status"];
  if (expected === undefined) return status >= 200 && status < 300;
  return (Array.isArray(expected) ? expected : [expected]).includes(status);
}

function membersOf(template: Template, name: string): [string, unknown][] {
  const value = template[name];
  if (value === undefined) return [];
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw new QueryError("SyntaxError", `\`${name}\` is not an object`, { line: 1 });
  return Object.entries(value);
}
