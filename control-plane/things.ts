import type { FastifyInstance } from "fastify";
import type { JobId, WorkspaceId } from "../kernel/ids.ts";
import type { Json } from "../kernel/json.ts";
import type { Pool } from "./db/pools.ts";
import { addDraftRoutes } from "./drafts/routes.ts";
import type { FlowDeployer } from "./flows/deploy.ts";
import { parseJson } from "./flows/engine/flow-codec.ts";
import type { Approvals } from "./flows/runs/approvals.ts";
import type { JobService } from "./jobs/job-service.ts";
import { addProgressRoutes } from "./jobs/progress-routes.ts";
import { createReferences, type References } from "./resources/references.ts";
import { createResources } from "./resources/resources.ts";
import { addResourceRoutes } from "./resources/routes.ts";
import { createSchemaCheck } from "./resources/schema-check.ts";
import { addResourceTypeRoutes } from "./resources/type-routes.ts";
import type { ScriptLocks } from "./scripts/locks.ts";
import type { ScriptCache } from "./scripts/script-cache.ts";
import { createKeyRing } from "./secrets/key-ring.ts";
import { hasKeys } from "./secrets/key-store.ts";
import { loadMasterKeys } from "./secrets/master-keys.ts";
import { SecretRotation } from "./secrets/rotation.ts";
import { addSecretRoutes } from "./secrets/routes.ts";
import type { Log } from "./telemetry/log.ts";
import { addVariableRoutes } from "./variables/routes.ts";
import { createVariables } from "./variables/variables.ts";
import { addWindmillFlows } from "./windmill/flow-routes.ts";
import { addWindmillJobs } from "./windmill/job-routes.ts";
import { addWindmillRest } from "./windmill/not-offered.ts";
import { addWindmillResources } from "./windmill/resource-routes.ts";
import { addWindmillResumes } from "./windmill/resume-routes.ts";
import { addWindmillScripts } from "./windmill/script-routes.ts";
import { addWindmillSync } from "./windmill/sync-routes.ts";
import { addWindmillTypes } from "./windmill/type-routes.ts";
import { addWindmillVariables } from "./windmill/variable-routes.ts";

/** Where scripts and flows are deployed. */
export interface Deployed {
  readonly scripts: ScriptCache;
  readonly locks: ScriptLocks;
  readonly flows: FlowDeployer;
  readonly approvals: Pick<Approvals, "inviteAhead">;
}

export interface Things {
  readonly references: References;
  /** To be started with the doors. */
  readonly rotation: SecretRotation;
  /** For expressions of flows. Of a variable that is a secret the value is undefined. */
  readonly values: {
    variables(workspace: WorkspaceId, paths: readonly string[]): Promise<ReadonlyMap<string, Json | undefined>>;
    resources(workspace: WorkspaceId, paths: readonly string[]): Promise<ReadonlyMap<string, Json>>;
  };
  addRoutes(app: FastifyInstance, jobs: JobService, deployed: Deployed, onProgress: (id: JobId) => void): void;
}

/**
 * What scripts work with: variables, secrets, resources. A part of the composition root.
 * Errors: failed_precondition when the file with the master key is no use.
 */
export async function openThings(pool: Pool, log: Log, masterKey: string | undefined, stateDir: string): Promise<Things> {
  const masters = await loadMasterKeys(masterKey, stateDir, () => hasKeys(pool));
  if (masters.length === 0)
    log.warn({ event: "secrets.no_key" }, "this replica has no master key, and another one has: secrets cannot be used here. Set MILLRACE_MASTER_KEY");
  const keys = createKeyRing(pool, masters);
  const variables = createVariables(pool, keys);
  const references = createReferences(pool, variables);
  const schemas = createSchemaCheck();
  const resources = createResources(pool, schemas);
  const rotation = new SecretRotation(pool, keys, variables, log);
  return {
    references,
    rotation,
    values: {
      async variables(workspace, paths) {
        const found = await Promise.all(paths.map((path) => variables.find(workspace, path)));
        return new Map(found.flatMap((one) => (one === undefined ? [] : [[one.path, one.value.kind === "plain" ? one.value.value : undefined]])));
      },
      async resources(workspace, paths) {
        const found = await Promise.all(paths.map((path) => resources.find(workspace, path)));
        return new Map(found.flatMap((one) => (one === undefined ? [] : [[one.path, parseJson(one.value)]])));
      },
    },
    addRoutes(app, jobs, { scripts, locks, flows, approvals }, onProgress) {
      addDraftRoutes(app, pool);
      addVariableRoutes(app, variables);
      addSecretRoutes(app, pool, rotation);
      addResourceRoutes(app, resources, references);
      addResourceTypeRoutes(app, pool, schemas);
      addProgressRoutes(app, pool, onProgress);
      addWindmillVariables(app, variables);
      addWindmillResources(app, resources, references);
      addWindmillJobs(app, pool, jobs, onProgress);
      addWindmillScripts(app, { pool, scripts, locks });
      addWindmillFlows(app, flows);
      addWindmillTypes(app, { pool }, schemas);
      addWindmillSync(app, { pool, variables, resources });
      addWindmillResumes(app, approvals);
      addWindmillRest(app);
    },
  };
}
