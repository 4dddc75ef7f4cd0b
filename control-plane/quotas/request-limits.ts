import { hash } from "node:crypto";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { LruMap } from "../../kernel/lru-map.ts";
import { atOnce } from "../http/at-once.ts";
import type { Buckets } from "./buckets.ts";
import { overQuota } from "./job-admission.ts";
import type { Quotas } from "./quotas.ts";
import type { Rate, Taken } from "./token-bucket-core.ts";

declare module "fastify" {
  interface FastifyRequest {
    /** Hash of what the request shows, once it was asked for. */
    shown: string | undefined;
  }
}

/** Those who watch over a replica ask often, and must always be told. */
const UNLIMITED = new Set(["/healthz", "/readyz", "/metrics"]);
const MAX_KNOWN = 20_000;
const UNAUTHENTICATED = 401;

/** So much at once as in two seconds. */
const rateOf = (perS: number): Rate => ({ perS, size: perS * 2 });

/**
 * Limits how often the API is asked: without a good token by address, before anything is looked up; with one by token and by workspace. Whoever showed
 * good credentials a while ago is not held up by what others do from the same address. To be called before and after authorisation is added.
 */
export class RequestLimits {
  readonly #quotas: Quotas;
  readonly #buckets: Buckets;
  /** Credentials that were good, by their hash. */
  readonly #known = new LruMap<string, true>(MAX_KNOWN);

  constructor(quotas: Quotas, buckets: Buckets) {
    this.#quotas = quotas;
    this.#buckets = buckets;
  }

  /** Errors: resource_exhausted. */
  beforeAuthorization(app: FastifyInstance): void {
    app.decorateRequest("shown", undefined);
    const perS = this.#quotas.instance.anonymousPerS;
    if (perS === undefined) return;
    const takeOfAddress = (request: FastifyRequest, reply: FastifyReply): void => {
      if (UNLIMITED.has(request.routeOptions.url ?? "")) return;
      const credentials = credentialsOf(request);
      if (credentials !== undefined && this.#known.get(credentials) !== undefined) return;
      // Credentials that are new cost nothing unless they turn out to be bad.
      const taken = this.#buckets.take(`address ${request.ip}`, rateOf(perS), credentials === undefined ? 1 : 0);
      if (!taken.ok || (credentials !== undefined && taken.left === 0))
        refuse(reply, `${perS} requests per second without a good token are answered to one address`, perS, taken);
    };
    app.addHook("onRequest", atOnce(takeOfAddress));
    app.addHook("onResponse", async (request, reply) => {
      if (reply.statusCode === UNAUTHENTICATED && credentialsOf(request) !== undefined) this.#buckets.take(`address ${request.ip}`, rateOf(perS), 1);
    });
  }

  /** Errors: resource_exhausted. */
  afterAuthorization(app: FastifyInstance): void {
    const takeOfCaller = (request: FastifyRequest, reply: FastifyReply): void => {
      const { caller } = request;
      if (caller === undefined) return;
      const credentials = this.#quotas.instance.anonymousPerS === undefined ? undefined : credentialsOf(request);
      if (credentials !== undefined) this.#known.set(credentials, true);
      const { workspace, principal } = caller;
      const perToken = this.#quotas.of(workspace.id, "tokenRequestsPerS");
      if (perToken !== undefined) this.#take(reply, `token ${principal.tokenId}`, perToken, `${perToken} requests per second are answered to one token`);
      const perS = this.#quotas.of(workspace.id, "requestsPerS");
      if (perS !== undefined) this.#take(reply, `workspace ${workspace.id}`, perS, `${perS} requests per second are answered to this workspace`);
    };
    app.addHook("onRequest", atOnce(takeOfCaller));
  }

  #take(reply: FastifyReply, name: string, perS: number, message: string): void {
    const taken = this.#buckets.take(name, rateOf(perS), 1);
    if (!taken.ok) refuse(reply, message, perS, taken);
    const known = reply.getHeader("ratelimit-remaining");
    // Of several limits the one with the least left is told.
    if (known === undefined || Number(known) > taken.left) addHeaders(reply, perS, taken);
  }
}

function refuse(reply: FastifyReply, message: string, perS: number, taken: Taken): never {
  addHeaders(reply, perS, taken);
  throw overQuota(message, taken.resetS);
}

function addHeaders(reply: FastifyReply, perS: number, { left, resetS }: Taken): void {
  void reply
    .header("ratelimit-limit", perS)
    .header("ratelimit-remaining", left)
    .header("ratelimit-reset", Math.max(1, Math.ceil(resetS)));
}

/** Secrets are not kept, not even here. */
function credentialsOf(request: FastifyRequest): string | undefined {
  const text = request.headers.authorization ?? request.headers.cookie;
  if (text !== undefined) request.shown ??= hash("sha256", text, "base64");
  return request.shown;
}
