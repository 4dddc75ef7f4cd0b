import { AppError } from "../../kernel/app-error.ts";
import type { WorkspaceId } from "../../kernel/ids.ts";
import { recordAudit } from "../audit/audit-store.ts";
import type { Pool } from "../db/pools.ts";
import { inTransaction } from "../db/transaction.ts";
import { THING_LIMITS } from "../variables/contract.ts";
import { putRevised } from "../variables/put-revised.ts";
import { type Condition, changedMeanwhile, wantedRevision } from "../variables/revision.ts";
import type { ThingPage } from "../variables/variable-store.ts";
import { type PutResource, STATE_TYPE } from "./contract.ts";
import {
  deleteResource,
  findResources,
  insertResource,
  type ListedResource,
  listResources,
  type NewResource,
  type StoredResource,
  updateResource,
} from "./resource-store.ts";
import { findResourceType } from "./resource-type-store.ts";
import type { SchemaCheck } from "./schema-check.ts";

/** Resources of workspaces, states of scripts among them. What is not of the workspace is not there. */
export interface Resources {
  /** @param type undefined: all but states */
  list(workspace: WorkspaceId, type: string | undefined, page: ThingPage): Promise<ListedResource[]>;
  find(workspace: WorkspaceId, path: string): Promise<StoredResource | undefined>;
  /** Makes or changes one. Errors: invalid_argument, aborted, failed_precondition, out_of_range, resource_exhausted. */
  put(workspace: WorkspaceId, path: string, change: PutResource, by: string, condition: Condition): Promise<{ created: boolean; stored: StoredResource }>;
  /** Errors: not_found, aborted. */
  remove(workspace: WorkspaceId, path: string, by: string, condition: Condition): Promise<void>;
}

export function createResources(pool: Pool, schemas: SchemaCheck): Resources {
  const find = async (workspace: WorkspaceId, path: string): Promise<StoredResource | undefined> => (await findResources(pool, workspace, [path]))[0];

  async function next(workspace: WorkspaceId, path: string, change: PutResource, by: string, before: StoredResource | undefined): Promise<NewResource> {
    const type = change.type ?? before?.type;
    if (type === undefined) throw missing("type", "a new resource needs a type");
    if (before !== undefined && before.type !== type)
      throw new AppError("failed_precondition", `resource ${path} has the type ${before.type}`, { hint: "delete it first to give it another type" });
    const value = change.value === undefined ? before?.value : JSON.stringify(change.value);
    if (value === undefined) throw missing("value", "a new resource needs a value");
    if (Buffer.byteLength(value) > THING_LIMITS.resourceBytes)
      throw new AppError("out_of_range", `the value of a resource has at most ${THING_LIMITS.resourceBytes} bytes of JSON`);
    if (change.value !== undefined) await checkValue(workspace, type, value);
    return { path, type, description: change.description ?? before?.description ?? "", value, by };
  }

  async function checkValue(workspace: WorkspaceId, type: string, value: string): Promise<void> {
    const schema = type === STATE_TYPE ? undefined : (await findResourceType(pool, workspace, type))?.schema;
    if (schema !== undefined) await schemas.check(workspace, schema, value);
  }

  return {
    list: (workspace, type, page) => listResources(pool, workspace, type, page),
    find,
    put: (workspace, path, change, by, condition) =>
      putRevised({
        what: `resource ${path}`,
        condition,
        full: `the workspace has ${THING_LIMITS.resources} resources and states already`,
        find: () => find(workspace, path),
        write: async (before) => write(pool, workspace, await next(workspace, path, change, by, before), before?.revision),
      }),
    async remove(workspace, path, by, condition) {
      const gone = await inTransaction(pool, async (client) => {
        const type = await deleteResource(client, workspace, path, wantedRevision(condition));
        if (type !== undefined && type !== STATE_TYPE)
          await recordAudit(client, { workspace, actor: by, action: "resources:delete", target: `resource ${path}`, detail: { type } });
        return type !== undefined;
      });
      if (gone) return;
      if ((await find(workspace, path)) !== undefined) throw changedMeanwhile(`resource ${path}`);
      throw noResource(path);
    },
  };
}

/** What scripts remember is no administration: states are not in the audit log. @returns see the store */
async function write(pool: Pool, workspace: WorkspaceId, next: NewResource, revision: number | undefined): Promise<StoredResource | "full" | undefined> {
  return inTransaction(pool, async (client) => {
    const stored = await (revision === undefined ? insertResource(client, workspace, next) : updateResource(client, workspace, next, revision));
    if (stored !== undefined && stored !== "full" && next.type !== STATE_TYPE) {
      const detail = { revision: stored.revision, type: next.type };
      await recordAudit(client, { workspace, actor: next.by, action: "resources:write", target: `resource ${next.path}`, detail });
    }
    return stored;
  });
}

function missing(field: string, message: string): AppError {
  return new AppError("invalid_argument", message, { fields: [{ pointer: `/${field}`, message: "is missing" }] });
}

export function noResource(path: string): AppError {
  return new AppError("not_found", `there is no resource ${path}`);
}
