import type { FastifyInstance, FastifyRequest } from "fastify";
import { background } from "../../kernel/background.ts";
import type { Clock } from "../../kernel/clock.ts";
import { LruMap } from "../../kernel/lru-map.ts";
import type { Pool } from "../db/pools.ts";
import type { Log } from "../telemetry/log.ts";
import type { Workspaces } from "../workspaces/workspace-store.ts";
import { recordAudit } from "./audit-store.ts";

/** An attempt that is repeated within this time is one row. */
const ONCE_IN_MS = 60_000;
const MAX_REMEMBERED = 10_000;
const FORBIDDEN = 403;

export interface DenialParts {
  readonly pool: Pool;
  readonly workspaces: Pick<Workspaces, "byName">;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * Writes down who tried what they may not: one row per actor and action in a minute on each replica, so that nobody can fill the log, in the chain
 * of the workspace, or of the instance. It is done after the answer: a denial must not become a way to load the database in the request's path.
 */
export function addDenialAudit(app: FastifyInstance, { pool, workspaces, clock, log }: DenialParts): void {
  const lately = new LruMap<string, number>(MAX_REMEMBERED);

  async function record(request: FastifyRequest): Promise<void> {
    const { principal } = request;
    if (principal === undefined) return;
    const action = request.routeOptions.config.permission ?? "unknown";
    const key = `${principal.tokenId} ${action}`;
    const nowMs = clock.monotonicMs();
    const lastMs = lately.get(key);
    if (lastMs !== undefined && nowMs - lastMs < ONCE_IN_MS) return;
    lately.set(key, nowMs);
    const target = `${request.method} ${request.routeOptions.url ?? ""}`;
    const detail = { kind: principal.kind, token: principal.tokenId };
    // Who has nothing to do with a workspace gets a 404: whoever was denied belongs there.
    const { workspace: name } = request.params as { workspace?: string };
    const workspace = name === undefined ? undefined : (await workspaces.byName(name))?.id;
    await recordAudit(pool, { workspace, actor: principal.label, action, target, outcome: "denied", detail });
  }

  app.addHook("onResponse", async (request, reply) => {
    if (reply.statusCode === FORBIDDEN) background(log, "audit of a denial", record(request));
  });
}
