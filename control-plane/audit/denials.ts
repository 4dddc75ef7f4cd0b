import type { FastifyInstance, FastifyRequest } from "fastify";
import { AppError, messageOf } from "../../kernel/app-error.ts";
import { background } from "../../kernel/background.ts";
import type { Clock } from "../../kernel/clock.ts";
import { LruMap } from "../../kernel/lru-map.ts";
import type { Pool } from "../db/pools.ts";
import type { Authenticator, Principal } from "../identity/authenticate.ts";
import type { Log } from "../telemetry/log.ts";
import { recordAudit } from "./audit-store.ts";

/** An attempt that is repeated within this time is one row. */
const ONCE_IN_MS = 60_000;
const MAX_REMEMBERED = 10_000;
const FORBIDDEN = 403;

export interface DenialParts {
  readonly pool: Pool;
  readonly authenticator: Authenticator;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * Writes down who tried what they may not: one row per actor and action in a minute on each replica, so that nobody can fill the log, in the chain
 * of the actor's own workspace, or of the instance. It is done after the answer: a denial must not become a way to load the database in the request's path.
 */
export function addDenialAudit(app: FastifyInstance, { pool, authenticator, clock, log }: DenialParts): void {
  const lately = new LruMap<string, number>(MAX_REMEMBERED);

  async function record(request: FastifyRequest): Promise<void> {
    const principal = request.caller?.principal ?? (await whoIs(authenticator, request));
    if (principal === undefined) return;
    const action = request.routeOptions.config.permission ?? "unknown";
    const key = `${principal.tokenId} ${action}`;
    const nowMs = clock.monotonicMs();
    const lastMs = lately.get(key);
    if (lastMs !== undefined && nowMs - lastMs < ONCE_IN_MS) return;
    lately.set(key, nowMs);
    const target = `${request.method} ${request.routeOptions.url ?? ""}`;
    const detail = { kind: principal.kind, token: principal.tokenId };
    await recordAudit(pool, { workspace: principal.workspace, actor: principal.label, action, target, outcome: "denied", detail });
  }

  app.addHook("onResponse", async (request, reply) => {
    if (reply.statusCode === FORBIDDEN) background(log, "audit of a denial", record(request));
  });
}

/** The hook that refused did not leave a caller; who it was is remembered from a moment ago. */
async function whoIs(authenticator: Authenticator, request: FastifyRequest): Promise<Principal | undefined> {
  try {
    return await authenticator.authenticate(request.headers.authorization);
  } catch (error) {
    if (AppError.from(error).code === "unauthenticated") return undefined;
    throw new Error(`who was denied is not known: ${messageOf(error)}`, { cause: error });
  }
}
