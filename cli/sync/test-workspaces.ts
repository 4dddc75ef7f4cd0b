import type { AddressInfo } from "node:net";
import type { FastifyInstance } from "fastify";
import type pg from "pg";
import { createQueryBuilder } from "../../control-plane/db/query-builder.ts";
import { createTestDatabase, openTestPool, type TestDatabase } from "../../control-plane/db/test-database.ts";
import { addDraftRoutes } from "../../control-plane/drafts/routes.ts";
import { ExpressionTiers } from "../../control-plane/flows/expressions/tiers.ts";
import { createFlowCache } from "../../control-plane/flows/flow-cache.ts";
import { createFlowReader } from "../../control-plane/flows/flow-reader.ts";
import { addFlowRoutes } from "../../control-plane/flows/routes.ts";
import { wantedFlow } from "../../control-plane/flows/wanted-flow.ts";
import { addAuthorization } from "../../control-plane/http/authorize.ts";
import { BodyTurns } from "../../control-plane/http/body-turns.ts";
import { createHttpServer } from "../../control-plane/http/server.ts";
import { createAuthenticator } from "../../control-plane/identity/authenticate.ts";
import { generateToken } from "../../control-plane/identity/token-format.ts";
import { insertToken } from "../../control-plane/identity/token-store.ts";
import { createDependencyJobs } from "../../control-plane/jobs/dependency-jobs.ts";
import { JobEvents } from "../../control-plane/jobs/job-events.ts";
import { JobService } from "../../control-plane/jobs/job-service.ts";
import { createNamedJobs } from "../../control-plane/jobs/named-jobs.ts";
import { createReferences } from "../../control-plane/resources/references.ts";
import { createResources } from "../../control-plane/resources/resources.ts";
import { addResourceRoutes } from "../../control-plane/resources/routes.ts";
import { createSchemaCheck } from "../../control-plane/resources/schema-check.ts";
import { addResourceTypeRoutes } from "../../control-plane/resources/type-routes.ts";
import { OwnerDirectory } from "../../control-plane/scheduler/cluster/owner-directory.ts";
import { addScheduleRoutes } from "../../control-plane/schedules/routes.ts";
import { createSchedules } from "../../control-plane/schedules/schedules.ts";
import { ScriptLocks } from "../../control-plane/scripts/locks.ts";
import { addScriptRoutes } from "../../control-plane/scripts/routes.ts";
import { createScriptCache } from "../../control-plane/scripts/script-cache.ts";
import { createKeyRing } from "../../control-plane/secrets/key-ring.ts";
import { addVariableRoutes } from "../../control-plane/variables/routes.ts";
import { createVariables } from "../../control-plane/variables/variables.ts";
import { createWorkspaces } from "../../control-plane/workspaces/workspace-store.ts";
import { realClock } from "../../kernel/clock.ts";
import { createJobIdGenerator } from "../../kernel/ids.ts";
import { type ApiClient, createApiClient } from "../api-client.ts";

/** The part of a control plane that keeps scripts, flows and things, on a real port and a real database: for tests of what a CLI does with them. */
export interface TestWorkspaces {
  readonly url: string;
  /** Of an administrator. */
  readonly token: string;
  readonly pool: pg.Pool;
  /** Makes a workspace. */
  client(workspace: string): Promise<ApiClient>;
  close(): Promise<void>;
}

export async function openTestWorkspaces(): Promise<TestWorkspaces> {
  const database: TestDatabase = await createTestDatabase();
  const pool = openTestPool(database.url);
  const workspaces = createWorkspaces(pool);
  const token = generateToken("admin");
  await insertToken(pool, token, undefined, "test");
  const expressions = new ExpressionTiers();
  const log = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
  const app: FastifyInstance = await createHttpServer(log, new BodyTurns({ hasRoom: () => true, ownerBytes: 1e8, allBytes: 1e8 }));
  addAuthorization(app, createAuthenticator(pool, realClock, { secret: Buffer.alloc(32), workspaceOf: async () => undefined }), workspaces);
  const scripts = createScriptCache(pool, () => performance.now());
  const newJobId = createJobIdGenerator(() => Date.now());
  // Not started: nobody finds out locks here.
  const [owners, events] = [new OwnerDirectory(), new JobEvents()];
  const lockJobs = createDependencyJobs({ pool, owners, clock: realClock, newJobId, events });
  addScriptRoutes(app, pool, scripts, new ScriptLocks({ pool, scripts, jobs: lockJobs, log }));
  const flows = { pool, cache: createFlowCache(pool, () => performance.now()), readFlow: createFlowReader({ expressions }) };
  addFlowRoutes(app, flows);
  // Nothing runs here: schedules only look whether it could.
  const jobs = new JobService({
    pool,
    db: createQueryBuilder(pool),
    scripts,
    events,
    clock: realClock,
    newJobId,
    checkArgs: () => [],
    admit: () => undefined,
    onAccepted: () => undefined,
    owners,
    wantedFlow: (workspace, request) => wantedFlow(flows, workspace, request),
    earlyAnswer: () => Promise.resolve(undefined),
  });
  const named = createNamedJobs({ pool, jobs, scripts, clock: realClock });
  const changed = (): void => undefined;
  addScheduleRoutes(app, createSchedules({ pool, jobRows: pool, jobs: named, workspaces, clock: realClock, start: async () => undefined, changed }), () =>
    Date.now(),
  );
  const variables = createVariables(pool, createKeyRing(pool, [{ id: "test", key: Buffer.alloc(32, 7) }]));
  const schemas = createSchemaCheck();
  addVariableRoutes(app, variables);
  addResourceRoutes(app, createResources(pool, schemas), createReferences(pool, variables));
  addResourceTypeRoutes(app, pool, schemas);
  addDraftRoutes(app, pool);
  await app.listen({ port: 0, host: "127.0.0.1" });
  const { port } = app.server.address() as AddressInfo;
  const url = `http://127.0.0.1:${port}`;
  return {
    url,
    token: token.text,
    pool,
    async client(workspace) {
      await workspaces.ensure(workspace);
      return createApiClient({ url, workspace, token: token.text });
    },
    async close() {
      await app.close();
      await expressions.stop();
      await pool.end();
      await database.drop();
    },
  };
}
