import type { FastifyInstance } from "fastify";
import { realClock } from "../kernel/clock.ts";
import type { JobId, WorkspaceId } from "../kernel/ids.ts";
import type { Json } from "../kernel/json.ts";
import { type AccessControl, createAccessControl } from "./access/access-control.ts";
import type { Pools } from "./db/pools.ts";
import { addDraftRoutes } from "./drafts/routes.ts";
import { parseJson } from "./flows/engine/flow-codec.ts";
import { addProgressRoutes } from "./jobs/progress-routes.ts";
import { createReferences } from "./resources/references.ts";
import { mayHoldReferences } from "./resources/references-core.ts";
import { createResources } from "./resources/resources.ts";
import { addResourceRoutes } from "./resources/routes.ts";
import { createSchemaCheck } from "./resources/schema-check.ts";
import { addResourceTypeRoutes } from "./resources/type-routes.ts";
import type { BundleSource } from "./scheduler/bundles.ts";
import { createKeyRing } from "./secrets/key-ring.ts";
import { hasKeys } from "./secrets/key-store.ts";
import { loadMasterKeys } from "./secrets/master-keys.ts";
import { SecretRotation } from "./secrets/rotation.ts";
import { addSecretRoutes } from "./secrets/routes.ts";
import { createSealedSecrets, type SealedSecrets } from "./secrets/sealed-secrets.ts";
import type { Log } from "./telemetry/log.ts";
import { addVariableRoutes } from "./variables/routes.ts";
import { createVariables } from "./variables/variables.ts";
import type { WindmillParts } from "./windmill/open-windmill.ts";

export interface Things {
  /** Who may use them. */
  readonly access: AccessControl;
  /** What arguments of a job refer to, as far as its starter may. */
  readonly resolve: BundleSource["resolve"];
  /** To be started with the doors. */
  readonly rotation: SecretRotation;
  /** Of triggers and hooks. */
  readonly secrets: SealedSecrets;
  /** For expressions of flows. Of a variable that is a secret the value is undefined. */
  readonly values: {
    variables(workspace: WorkspaceId, paths: readonly string[], flow: JobId): Promise<ReadonlyMap<string, Json | undefined>>;
    resources(workspace: WorkspaceId, paths: readonly string[], flow: JobId): Promise<ReadonlyMap<string, Json>>;
  };
  /** For the routes that Windmill's clients call. */
  readonly stores: Pick<WindmillParts, "variables" | "resources" | "references" | "schemas">;
  addRoutes(app: FastifyInstance, onProgress: (id: JobId) => void): void;
}

/**
 * What scripts work with: variables, secrets, resources. A part of the composition root.
 * Errors: failed_precondition when the file with the master key is no use.
 */
export async function openThings(pools: Pick<Pools, "api" | "console">, log: Log, masterKey: string | undefined, stateDir: string): Promise<Things> {
  const pool = pools.console;
  const masters = await loadMasterKeys(masterKey, stateDir, () => hasKeys(pool));
  if (masters.length === 0)
    log.warn({ event: "secrets.no_key" }, "this replica has no master key, and another one has: secrets cannot be used here. Set MILLRACE_MASTER_KEY");
  const keys = createKeyRing(pool, masters);
  const variables = createVariables(pool, keys);
  const references = createReferences(pool, variables);
  const schemas = createSchemaCheck();
  const resources = createResources(pool, schemas);
  const secrets = createSealedSecrets(pool, keys, realClock);
  const sealed = {
    resealSome: async (workspace: WorkspaceId, limit: number): Promise<number> => {
      const done = await variables.resealSome(workspace, limit);
      return Math.min(limit, done + (await secrets.resealSome(workspace, limit)));
    },
  };
  const rotation = new SecretRotation(pool, keys, sealed, log);
  const access = createAccessControl(pools.api, () => realClock.monotonicMs());
  const readable = async (workspace: WorkspaceId, paths: readonly string[], flow: JobId): Promise<readonly string[]> => {
    const reach = await access.job(workspace, flow);
    return reach === undefined ? paths : paths.filter((path) => reach.mayAt(path, "read"));
  };
  return {
    access,
    async resolve(workspace, json, { createdBy, path, flow, names }) {
      if (!mayHoldReferences(json)) return { kind: "resolved", json, secrets: [] };
      const reach = await access.origin(workspace, { createdBy, paths: path === undefined ? [] : [path], flow });
      return references.resolve(workspace, json, reach === undefined ? undefined : (at) => reach.mayAt(at, "read"), names);
    },
    rotation,
    secrets,
    values: {
      async variables(workspace, paths, flow) {
        const found = await Promise.all((await readable(workspace, paths, flow)).map((path) => variables.find(workspace, path)));
        return new Map(found.flatMap((one) => (one === undefined ? [] : [[one.path, one.value.kind === "plain" ? one.value.value : undefined]])));
      },
      async resources(workspace, paths, flow) {
        const found = await Promise.all((await readable(workspace, paths, flow)).map((path) => resources.find(workspace, path)));
        return new Map(found.flatMap((one) => (one === undefined ? [] : [[one.path, parseJson(one.value)]])));
      },
    },
    stores: { variables, resources, references, schemas },
    addRoutes(app, onProgress) {
      addDraftRoutes(app, pool);
      addVariableRoutes(app, variables);
      addSecretRoutes(app, pool, rotation);
      addResourceRoutes(app, resources, references);
      addResourceTypeRoutes(app, pool, schemas);
      addProgressRoutes(app, pools.api, onProgress);
    },
  };
}
