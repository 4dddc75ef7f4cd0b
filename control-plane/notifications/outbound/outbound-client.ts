import { lookup } from "node:dns/promises";
import { request as httpRequest, type IncomingMessage, type RequestOptions } from "node:http";
import { request as httpsRequest } from "node:https";
import { isIP } from "node:net";
import { messageOf } from "../../../kernel/app-error.ts";
import { type AllowedTargets, isPublicAddress } from "./address-rules.ts";

/**
 * The one way out for requests in a tenant's name. A name is resolved once, all of its addresses are looked at, and the connection goes to the one that
 * was looked at, so that a name that answers differently the next time is of no use. Redirects are not followed.
 */
export interface OutboundClient {
  /** Never rejects. */
  post(url: URL, headers: Readonly<Record<string, string>>, body: string): Promise<OutboundResult>;
}

export type OutboundResult =
  | { readonly kind: "answered"; readonly status: number; readonly retryAfter: string | undefined }
  /** refused: by our own rules, nothing was sent · failed: nobody knows what became of it */
  | { readonly kind: "refused" | "failed"; readonly why: string };

export interface OutboundOptions {
  readonly allowed: AllowedTargets;
  readonly userAgent: string;
  readonly timeoutMs?: number;
  /** All addresses of a name; by default as the system resolves it. */
  readonly resolve?: (host: string) => Promise<readonly string[]>;
}

/** For all of it: name, connection, TLS, answer. */
const TIMEOUT_MS = 10_000;
/** What is read of an answer; nobody needs what is in it. */
const MAX_ANSWER_BYTES = 64 * 1024;

export function createOutboundClient(options: OutboundOptions): OutboundClient {
  const { allowed, userAgent, timeoutMs = TIMEOUT_MS, resolve = resolveAll } = options;
  return {
    async post(url, headers, body) {
      const signal = AbortSignal.timeout(timeoutMs);
      try {
        const place = await placeOf(url, allowed, resolve, signal);
        if (place.kind === "refused") return place;
        return await send(url, place.address, { "user-agent": userAgent, ...headers }, body, signal);
      } catch (error) {
        return { kind: "failed", why: signal.aborted ? `no answer within ${timeoutMs / 1000} s` : messageOf(error) };
      }
    },
  };
}

async function resolveAll(host: string): Promise<readonly string[]> {
  return (await lookup(host, { all: true })).map(({ address }) => address);
}

type Place = { readonly kind: "place"; readonly address: string } | { readonly kind: "refused"; readonly why: string };

const refused = (why: string): Place => ({ kind: "refused", why });

async function placeOf(url: URL, allowed: AllowedTargets, resolve: (host: string) => Promise<readonly string[]>, signal: AbortSignal): Promise<Place> {
  const host = hostOf(url);
  const isNamed = allowed.hasHost(host);
  const addresses = isIP(host) === 0 ? await within(resolve(host), signal) : [host];
  const [address] = addresses;
  if (address === undefined) return refused(`${host} has no address`);
  // All of them: one name with a public and a private address is a way in.
  const forbidden = isNamed ? undefined : addresses.find((one) => !isPublicAddress(one) && !allowed.hasAddress(one));
  if (forbidden !== undefined) return refused(`${host} is at ${forbidden}, which is not public`);
  const isOurs = isNamed || addresses.every((one) => allowed.hasAddress(one));
  if (url.protocol !== "https:" && !(url.protocol === "http:" && isOurs)) return refused("only https is sent to");
  return { kind: "place", address };
}

/** Without the brackets of an IPv6 address. The URL parser has made one form of all ways to write an address. */
const hostOf = (url: URL): string => (url.hostname.startsWith("[") ? url.hostname.slice(1, -1) : url.hostname);

/** A name server that does not answer must not hold the request up. */
function within<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const aborted = (): void => reject(new Error("the name could not be resolved in time"));
    signal.addEventListener("abort", aborted, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", aborted));
  });
}

function send(url: URL, address: string, headers: Readonly<Record<string, string>>, body: string, signal: AbortSignal): Promise<OutboundResult> {
  const isTls = url.protocol === "https:";
  const host = hostOf(url);
  const options: RequestOptions & { servername?: string } = {
    method: "POST",
    host: address,
    port: url.port === "" ? (isTls ? 443 : 80) : Number(url.port),
    path: `${url.pathname}${url.search}`,
    headers: { ...headers, host: url.host, "content-length": Buffer.byteLength(body) },
    // A connection of its own: none that somebody else has used, and none that stays.
    agent: false,
    signal,
    ...(isTls && isIP(host) === 0 && { servername: host }),
  };
  return new Promise((resolve, reject) => {
    const request = (isTls ? httpsRequest : httpRequest)(options, (response) => {
      readSome(response).then(() => resolve({ kind: "answered", status: response.statusCode ?? 0, retryAfter: response.headers["retry-after"] }), reject);
    });
    request.on("error", reject);
    request.end(body);
  });
}

/** To its end, or as much as is read. */
async function readSome(response: IncomingMessage): Promise<void> {
  let bytes = 0;
  for await (const chunk of response) {
    bytes += Buffer.isBuffer(chunk) ? chunk.length : 0;
    if (bytes > MAX_ANSWER_BYTES) break;
  }
  response.destroy();
}
