import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { AppError } from "../../kernel/app-error.ts";
import { atOnce } from "../http/at-once.ts";
import { foreignSiteOf, forgeryOf } from "./forgery-core.ts";

/** Cookies of ours. The prefix binds a cookie to this very host and to TLS: no other host of the domain can set one. */
const PREFIX = "__Host-";

/** Cookies and checks that depend on where browsers reach us. */
export interface SessionCookies {
  /** Sets a cookie that scripts cannot read. */
  set(reply: FastifyReply, name: CookieName, value: string, maxAgeMs: number): void;
  clear(reply: FastifyReply, name: CookieName): void;
  read(request: FastifyRequest, name: CookieName): string | undefined;
  /** Errors: permission_denied for a login that another site has sent off. */
  refuseForeign(request: FastifyRequest): void;
  /** Empty when nobody knows it. */
  origin(): string;
}

type CookieName = "millrace-session" | "millrace-oidc";

/** What a page of ours adds to each request that changes something. */
const CSRF_HEADER = "x-millrace-csrf";

/**
 * Teaches the server to take the token of a session out of its cookie, and to refuse what another site has made a browser send with it. To be called
 * before the authorization, which asks for that token. @param publicUrl known when the port is open
 */
export function addSessionCookies(app: FastifyInstance, publicUrl: () => string): SessionCookies {
  // Browsers let nobody set a cookie with this prefix over plain HTTP, which is what a local server speaks.
  const isPlain = (): boolean => isLoopback(publicUrl());
  const full = (name: CookieName): string => (isPlain() ? name : `${PREFIX}${name}`);
  const options = () => ({ path: "/", httpOnly: true, sameSite: "lax", secure: !isPlain() }) as const;
  const cookies: SessionCookies = {
    set: (reply, name, value, maxAgeMs) => void reply.setCookie(full(name), value, { ...options(), maxAge: Math.floor(maxAgeMs / 1000) }),
    clear: (reply, name) => void reply.clearCookie(full(name), options()),
    read: ({ headers }, name) => (headers.cookie === undefined ? undefined : app.parseCookie(headers.cookie)[full(name)]),
    refuseForeign(request) {
      const foreign = foreignSiteOf(originOf(request), publicUrl());
      if (foreign !== undefined) throw forbidden(foreign);
    },
    origin: publicUrl,
  };
  app.decorateRequest("sessionToken", undefined);
  const readSession = (request: FastifyRequest): void => {
    // Whoever brings a token is no browser that was made to send something.
    if (request.headers.authorization !== undefined || request.headers.cookie === undefined) return;
    const token = cookies.read(request, "millrace-session");
    if (token === undefined || request.routeOptions.config.permission === "public") return;
    const forgery = forgeryOf(originOf(request), publicUrl());
    if (forgery !== undefined) throw forbidden(forgery);
    request.sessionToken = token;
  };
  app.addHook("onRequest", atOnce(readSession));
  return cookies;
}

function originOf(request: FastifyRequest) {
  const { headers, method, host } = request;
  const fetchSite = headers["sec-fetch-site"];
  return {
    method,
    fetchSite: Array.isArray(fetchSite) ? fetchSite.join(",") : fetchSite,
    origin: headers.origin,
    host,
    hasHeader: headers[CSRF_HEADER] !== undefined,
  };
}

function forbidden(why: string): AppError {
  return new AppError("permission_denied", `another site may have sent this: ${why}`, {
    hint: "with a session, requests that change something need the header `X-Millrace-Csrf: 1` and `Sec-Fetch-Site: same-origin` or our own `Origin`",
  });
}

/** Plain HTTP to this machine. */
function isLoopback(publicUrl: string): boolean {
  if (!URL.canParse(publicUrl)) return false;
  const { protocol, hostname } = new URL(publicUrl);
  return protocol === "http:" && (hostname === "localhost" || hostname === "[::1]" || /^127(\.\d{1,3}){3}$/.test(hostname));
}
