import { type ClientRequest, type IncomingMessage, type OutgoingHttpHeaders, Agent as PlainAgent, request as plainRequest } from "node:http";
import { Agent as SecureAgent, request as secureRequest } from "node:https";
import { messageOf } from "../../../../kernel/app-error.ts";
import { pinHost, pinnedLookup, type Reach } from "../address-guard.ts";
import { QueryError } from "../query-error.ts";
import { resultTooLarge } from "../result-writer.ts";

export interface Outgoing {
  readonly method: string;
  readonly url: URL;
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string | undefined;
  readonly timeoutMs: number;
  readonly maxBytes: number;
  readonly reach: Reach;
  readonly signal: AbortSignal;
}

export interface Incoming {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[]>>;
  readonly body: Buffer;
}

const MAX_REDIRECTS = 5;
const MAX_HEADER_BYTES = 64 * 1024;
const REDIRECTS = new Set([301, 302, 303, 307, 308]);
const OWN_HEADERS = /^(?:content-length|transfer-encoding|connection|host|upgrade|te|trailer|expect)$/i;
/** Meant for the first server alone. */
const CREDENTIALS = ["authorization", "cookie", "proxy-authorization"];
const agentOptions = { keepAlive: true, maxSockets: 64, maxFreeSockets: 16, timeout: 60_000 };
const plainAgent = new PlainAgent(agentOptions);
const secureAgent = new SecureAgent(agentOptions);

/**
 * One request, with its redirects. Every host is looked up once and connected to at the address that was checked, also after a redirect;
 * the answer is cut off as soon as it is larger than the cap.
 * @throws QueryError
 */
export async function sendRequest(outgoing: Outgoing): Promise<Incoming> {
  const limit = AbortSignal.timeout(outgoing.timeoutMs);
  const signal = AbortSignal.any([outgoing.signal, limit]);
  let current = outgoing;
  try {
    for (let hops = 0; ; hops++) {
      const incoming = await sendOnce({ ...current, signal });
      const next = redirectOf(current, incoming);
      if (next === undefined) return incoming;
      if (hops === MAX_REDIRECTS) throw new QueryError("HttpError", `more than ${MAX_REDIRECTS} redirects`, { code: "too_many_redirects" });
      current = next;
    }
  } catch (error) {
    if (error instanceof QueryError) throw error;
    if (limit.aborted) throw new QueryError("HttpError", `${nameOf(current.url)} did not answer within ${outgoing.timeoutMs / 1_000} s`, { code: "timeout" });
    const code = error instanceof Error && "code" in error && typeof error.code === "string" ? { code: error.code } : {};
    throw new QueryError("ConnectionError", `the request to ${nameOf(current.url)} failed: ${messageOf(error)}`, code);
  }
}

/** A URL for people: queries and user names often hold secrets. */
export function nameOf(url: URL): string {
  return `${url.protocol}//${url.host}${url.pathname}`.slice(0, 300);
}

/** @throws QueryError for what is no http or https URL */
export function readUrl(text: string, base?: URL): URL {
  const url = URL.parse(text, base?.href);
  if (url === null || text.includes("\0")) throw new QueryError("InvalidArgument", "the URL is not valid");
  if (url.protocol !== "http:" && url.protocol !== "https:") throw new QueryError("InvalidArgument", "the URL does not begin with http:// or https://");
  return url;
}

/** @throws QueryError for a header that cannot be sent, or that would say something else to a proxy than to the server */
export function checkHeader(name: string, text: string): void {
  if (OWN_HEADERS.test(name)) throw new QueryError("InvalidArgument", `the header \`${name}\` cannot be set`);
  if (!/^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/.test(name) || !/^[\t\x20-\x7e\x80-\xff]*$/.test(text)) {
    throw new QueryError("InvalidArgument", `the header \`${name.slice(0, 100)}\` has a character that headers cannot have`);
  }
}

function redirectOf(outgoing: Outgoing, { status, headers }: Incoming): Outgoing | undefined {
  const location = headers["location"];
  if (!REDIRECTS.has(status) || typeof location !== "string") return undefined;
  const url = readUrl(location, outgoing.url);
  const kept = [...outgoing.headers].filter(([name]) => url.origin === outgoing.url.origin || !CREDENTIALS.includes(name.toLowerCase()));
  if (url.origin !== outgoing.url.origin) {
    url.username = "";
    url.password = "";
  }
  const becomesGet = status === 303 || (outgoing.method === "POST" && (status === 301 || status === 302));
  if (!becomesGet) return { ...outgoing, url, headers: new Map(kept) };
  const bare = kept.filter(([name]) => !/^content-(?:type|length|encoding)$/i.test(name));
  return { ...outgoing, url, method: outgoing.method === "HEAD" ? "HEAD" : "GET", headers: new Map(bare), body: undefined };
}

async function sendOnce(outgoing: Outgoing): Promise<Incoming> {
  const { url, reach } = outgoing;
  const host = url.hostname.replace(/^\[(.*)\]$/, "$1");
  const secure = url.protocol === "https:";
  const port = url.port === "" ? (secure ? 443 : 80) : Number(url.port);
  const lookup = pinnedLookup(await pinHost(host, port, reach));
  const headers: OutgoingHttpHeaders = { "user-agent": "millrace", accept: "*/*", ...Object.fromEntries(outgoing.headers) };
  if (outgoing.body !== undefined) headers["content-length"] = Buffer.byteLength(outgoing.body);
  const options = { method: outgoing.method, headers, lookup, signal: outgoing.signal, maxHeaderSize: MAX_HEADER_BYTES };
  return await new Promise<Incoming>((resolve, reject) => {
    const request: ClientRequest = secure
      ? secureRequest(url, { ...options, ...agentFor(reach, secureAgent) })
      : plainRequest(url, { ...options, ...agentFor(reach, plainAgent) });
    request.on("error", reject);
    request.on("response", (response) => {
      collect(response, outgoing.maxBytes).then(resolve, reject);
    });
    request.end(outgoing.body);
  });
}

/** A connection that was kept leads where its name led when it was made: not for a script with a list. */
function agentFor<A>({ allow }: Reach, kept: A): { readonly agent: A | false } {
  return { agent: allow === undefined ? kept : false };
}

function collect(response: IncomingMessage, maxBytes: number): Promise<Incoming> {
  return new Promise((resolve, reject) => {
    const pieces: Buffer[] = [];
    let bytes = 0;
    response.on("data", (data: Buffer) => {
      bytes += data.length;
      if (bytes > maxBytes) {
        reject(resultTooLarge());
        response.destroy();
      } else pieces.push(data);
    });
    response.on("error", reject);
    response.on("close", () => reject(new Error("the answer ended too early")));
    response.on("end", () => {
      const headers = Object.fromEntries(Object.entries(response.headers).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])));
      resolve({ status: response.statusCode ?? 0, headers, body: Buffer.concat(pieces) });
    });
  });
}
