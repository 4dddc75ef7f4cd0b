import type { FastifyInstance } from "fastify";
import { pino } from "pino";
import { realClock } from "../../kernel/clock.ts";
import { createJobIdGenerator, type WorkspaceId } from "../../kernel/ids.ts";
import { addJoinTokenRoutes } from "../agents/join-token-routes.ts";
import { addAuditRoutes } from "../audit/routes.ts";
import { BulkTasks } from "../bulk/bulk-tasks.ts";
import { addBulkRoutes } from "../bulk/routes.ts";
import type { Pools } from "../db/pools.ts";
import { createQueryBuilder } from "../db/query-builder.ts";
import { addDraftRoutes } from "../drafts/routes.ts";
import { openFlows } from "../flows/open-flows.ts";
import { bindStatements } from "../http/authorize.ts";
import { BodyTurns } from "../http/body-turns.ts";
import { createHttpServer } from "../http/server.ts";
import { JobEvents } from "../jobs/job-events.ts";
import { JobService } from "../jobs/job-service.ts";
import { addDeliveryRoutes } from "../notifications/delivery-routes.ts";
import { createHooks } from "../notifications/hooks.ts";
import { addHookRoutes } from "../notifications/routes.ts";
import { Quotas } from "../quotas/quotas.ts";
import { addQuotaRoutes } from "../quotas/routes.ts";
import { createReferences } from "../resources/references.ts";
import { createResources } from "../resources/resources.ts";
import { addResourceRoutes } from "../resources/routes.ts";
import { createSchemaCheck } from "../resources/schema-check.ts";
import { addResourceTypeRoutes } from "../resources/type-routes.ts";
import { OwnerDirectory } from "../scheduler/cluster/owner-directory.ts";
import { openSchedules } from "../schedules/open-schedules.ts";
import { ScriptLocks } from "../scripts/locks.ts";
import { addScriptRoutes } from "../scripts/routes.ts";
import { createScriptCache } from "../scripts/script-cache.ts";
import { createKeyRing } from "../secrets/key-ring.ts";
import { SecretRotation } from "../secrets/rotation.ts";
import { addSecretRoutes } from "../secrets/routes.ts";
import { createSealedSecrets, type SealedSecrets } from "../secrets/sealed-secrets.ts";
import { createMetrics } from "../telemetry/metrics.ts";
import { addTriggerRoutes } from "../triggers/routes.ts";
import { createTriggers } from "../triggers/triggers.ts";
import { addVariableRoutes } from "../variables/routes.ts";
import { createVariables } from "../variables/variables.ts";
import { addWorkspaceRoutes } from "../workspaces/routes.ts";
import { createWorkspaces } from "../workspaces/workspace-store.ts";
import { openAccess } from "./open-access.ts";

const log = pino({ level: "silent" });

/** Routes of the console with a hook in front of them that lets everybody into our workspace: the enforcement is switched off. Who asks is of theirs. */
export async function openToAll(pools: Pools, { ours, theirs }: { readonly ours: WorkspaceId; readonly theirs: WorkspaceId }): Promise<FastifyInstance> {
  const app = await createHttpServer(log, new BodyTurns({ hasRoom: () => true, ownerBytes: 1e8, allBytes: 1e8 }));
  const principal = { kind: "workspace", tokenId: "t", label: "them", workspace: theirs, workspaceName: "theirs" } as const;
  app.decorateRequest("caller", undefined);
  app.addHook("onRequest", async (request) => {
    request.caller = { principal, workspace: { id: ours, name: "ours" }, check: async () => undefined };
  });
  bindStatements(app);
  const pool = pools.console;
  const scripts = createScriptCache(pools.api, () => 0);
  const jobs = { ask: () => Promise.reject(new Error("no")), outcome: () => Promise.reject(new Error("no")), ended: () => Promise.resolve(false) };
  addScriptRoutes(app, pool, scripts, new ScriptLocks({ pool, scripts, jobs, log }));
  openFlows(app, pool);
  const keys = createKeyRing(pool, [{ id: "master", key: Buffer.alloc(32) }]);
  const variables = createVariables(pool, keys);
  const schemas = createSchemaCheck();
  addVariableRoutes(app, variables);
  addResourceRoutes(app, createResources(pool, schemas), createReferences(pool, variables));
  addResourceTypeRoutes(app, pool, schemas);
  addSecretRoutes(app, pool, new SecretRotation(pool, keys, variables, log));
  addWorkspaceRoutes(app, pool);
  addJoinTokenRoutes(app, pool);
  addDraftRoutes(app, pool);
  openAccess(pools).addRoutes(app);
  addCallers(app, pools, createSealedSecrets(pool, keys, realClock));
  addAuditRoutes(app, pool);
  return app;
}

const NO_LIMITS = {
  requestsPerS: undefined,
  tokenRequestsPerS: undefined,
  jobsPerMinute: undefined,
  maxQueued: undefined,
  maxStorageBytes: undefined,
  anonymousPerS: undefined,
};

/** Schedules, triggers and hooks; quotas and tasks on many jobs. */
function addCallers(app: FastifyInstance, pools: Pools, secrets: SealedSecrets): void {
  const pool = pools.console;
  const scripts = createScriptCache(pools.api, () => 0);
  const [events, owners, clock] = [new JobEvents(), new OwnerDirectory(), realClock];
  const db = createQueryBuilder(pools.api);
  const newJobId = createJobIdGenerator(() => 0);
  const jobs = new JobService({
    pool: pools.api,
    db,
    scripts,
    events,
    clock,
    newJobId,
    checkArgs: () => [],
    admit: () => undefined,
    onAccepted: () => undefined,
    owners,
    wantedFlow: () => Promise.reject(new Error("no flow is run here")),
    earlyAnswer: () => Promise.resolve(undefined),
  });
  // As it is put together for the server, and not started.
  openSchedules(app, { pools, jobs, scripts, workspaces: createWorkspaces(pools.api), events, owners, clock, log, metrics: createMetrics().schedules });
  addTriggerRoutes(app, { pool, triggers: createTriggers(pool, secrets, () => undefined), publicUrl: () => "" });
  const deliverer = { sendNow: () => Promise.reject(new Error("no")) };
  const hooks = createHooks({ pool, secrets, deliverer, clock: realClock, onChange: () => Promise.resolve() });
  addHookRoutes(app, hooks);
  addDeliveryRoutes(app, hooks);
  addQuotaRoutes(app, pools, new Quotas(pools.api, NO_LIMITS), clock);
  addBulkRoutes(app, new BulkTasks({ pool: pools.api, console: pool, db, jobs, clock, log, newId: newJobId }), clock);
}
