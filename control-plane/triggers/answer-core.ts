/** What a waiting caller gets. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** What a trigger says about its answers; a result may say it too, and wins. */
export interface AnswerSettings {
  readonly status?: number | undefined;
  readonly content_type?: string | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

/** Beside those that begin with x-. Others are for the server to say: whose cookies, what a browser may do, how the connection goes on. */
const HEADERS = new Set([
  "access-control-allow-headers",
  "access-control-allow-methods",
  "access-control-allow-origin",
  "access-control-expose-headers",
  "access-control-max-age",
  "cache-control",
  "content-disposition",
  "content-language",
  "etag",
  "expires",
  "last-modified",
  "link",
  "location",
  "retry-after",
  "vary",
]);
const NOT_THESE = new Set(["x-accel-redirect", "x-accel-buffering", "x-content-type-options", "x-frame-options", "x-request-id"]);
const HEADER_NAME = /^[a-z0-9-]{1,64}$/;
/** Visible ASCII and spaces: nothing that ends a header. */
const HEADER_VALUE = /^[\x20-\x7e]{0,2000}$/;
/** Code that pages of this origin could load: the console is one. */
const CODE_TYPE = /(java|ecma|live|j)script|wasm|text\/css/i;
const JSON_TYPE = "application/json; charset=utf-8";

export function isAnswerHeader(name: string, value: string): boolean {
  const isOurs = HEADERS.has(name) || (name.startsWith("x-") && !NOT_THESE.has(name));
  return isOurs && HEADER_NAME.test(name) && HEADER_VALUE.test(value);
}

export function isAnswerType(text: string): boolean {
  return /^[\w.+-]+\/[\w.+-]+(; ?[\w-]+=[\w."-]+)*$/.test(text) && text.length <= 200 && !CODE_TYPE.test(text);
}

export const isAnswerStatus = (status: unknown): status is number => typeof status === "number" && Number.isInteger(status) && status >= 200 && status <= 599;

/**
 * The answer that a result stands for. An object may have `millrace_status`, `millrace_headers`, `millrace_content_type` and `millrace_body`; without the
 * last one its other members are the body. What of them is not allowed is left out.
 * @param json text of the result, passed on as it is when it says nothing of the kind @param result the same, parsed
 */
export function answerOf(settings: AnswerSettings, json: string, result: unknown): Answer {
  const said = saidBy(result);
  const status = said?.status ?? settings.status ?? 200;
  const headers = { ...allowed(settings.headers ?? {}), ...allowed(said?.headers ?? {}) };
  const type = said?.contentType ?? settings.content_type;
  const value = said === undefined ? result : said.body;
  // Text of another type than JSON is the text itself.
  const isText = typeof value === "string" && type !== undefined && !/[/+]json\b/.test(type);
  const body = isText ? value : said === undefined ? json : JSON.stringify(value);
  return { status, headers: { ...headers, "content-type": type ?? JSON_TYPE }, body };
}

interface Said {
  readonly status: number | undefined;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly contentType: string | undefined;
  readonly body: unknown;
}

function saidBy(result: unknown): Said | undefined {
  if (typeof result !== "object" || result === null || Array.isArray(result)) return undefined;
  const members: Readonly<Record<string, unknown>> = { ...result };
  const { millrace_status: status, millrace_headers: headers, millrace_content_type: type, millrace_body: body, ...rest } = members;
  // Null is how many languages say that there is none.
  if ([status, headers, type, body].every((one) => one === undefined || one === null)) return undefined;
  return {
    status: isAnswerStatus(status) ? status : undefined,
    headers: typeof headers === "object" && headers !== null ? { ...headers } : {},
    contentType: typeof type === "string" && isAnswerType(type) ? type : undefined,
    body: body === undefined || body === null ? rest : body,
  };
}

function allowed(headers: Readonly<Record<string, unknown>>): Record<string, string> {
  const entries = Object.entries(headers).flatMap(([name, value]): [string, string][] => {
    const text = typeof value === "number" ? String(value) : value;
    const lower = name.toLowerCase();
    return typeof text === "string" && isAnswerHeader(lower, text) ? [[lower, text]] : [];
  });
  return Object.fromEntries(entries);
}
