/** What a browser says about where a request comes from. */
export interface RequestOrigin {
  readonly method: string;
  /** `Sec-Fetch-Site`: set by the browser, scripts cannot. */
  readonly fetchSite: string | undefined;
  readonly origin: string | undefined;
  readonly host: string | undefined;
  /** The header that only our own pages can add: another site would have to ask first, and is told no. */
  readonly hasHeader: boolean;
}

const READING: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS"]);

/**
 * Whether a request with the cookie of a session may have been made by another site in the name of the person: then why.
 * Requests that change nothing are let through: other sites cannot see their answers, and SameSite keeps the cookie from most of them.
 * @param ownOrigin of the public URL; empty: what the request says as its host
 * @returns undefined when it is the person's own
 */
export function forgeryOf(request: RequestOrigin, ownOrigin: string): string | undefined {
  if (READING.has(request.method)) return undefined;
  const foreign = foreignSiteOf(request, ownOrigin);
  if (foreign !== undefined) return foreign;
  if (request.fetchSite === undefined && request.origin === undefined) return "it names neither Sec-Fetch-Site nor Origin";
  return request.hasHeader ? undefined : "it has no header X-Millrace-Csrf";
}

/** The same for requests without a cookie, such as a login: what says nothing of where it comes from is no browser. */
export function foreignSiteOf({ fetchSite, origin, host }: Pick<RequestOrigin, "fetchSite" | "origin" | "host">, ownOrigin: string): string | undefined {
  if (fetchSite !== undefined) return fetchSite === "same-origin" ? undefined : `Sec-Fetch-Site is ${fetchSite}`;
  if (origin === undefined) return undefined;
  const isOwn = ownOrigin === "" ? host !== undefined && hostOf(origin) === host.toLowerCase() : origin.toLowerCase() === ownOrigin.toLowerCase();
  return isOwn ? undefined : `Origin is ${origin}`;
}

/** `host:port` of an origin, the port only where it is not the usual one. */
function hostOf(origin: string): string | undefined {
  return /^https?:\/\/([^/?#@\s]+)$/.exec(origin.toLowerCase())?.[1];
}
