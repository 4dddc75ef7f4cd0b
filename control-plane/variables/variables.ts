import { AppError } from "../../kernel/app-error.ts";
import type { WorkspaceId } from "../../kernel/ids.ts";
import { recordAudit } from "../audit/audit-store.ts";
import type { Pool } from "../db/pools.ts";
import { inTransaction } from "../db/transaction.ts";
import { isForeignKeyViolation } from "../db/violations.ts";
import type { KeyRing } from "../secrets/key-ring.ts";
import { type PutVariable, THING_LIMITS } from "./contract.ts";
import { putRevised } from "./put-revised.ts";
import { type Condition, changedMeanwhile, wantedRevision } from "./revision.ts";
import {
  deleteVariable,
  findVariables,
  insertVariable,
  type ListedVariable,
  listVariables,
  type NewVariable,
  replaceSealed,
  type StoredValue,
  type StoredVariable,
  sealedWithOldKeys,
  type ThingPage,
  updateVariable,
} from "./variable-store.ts";

export interface OpenVariable {
  readonly value: string;
  readonly isSecret: boolean;
}

/** Variables of workspaces. What is not of the workspace is not there. */
export interface Variables {
  list(workspace: WorkspaceId, page: ThingPage): Promise<ListedVariable[]>;
  find(workspace: WorkspaceId, path: string): Promise<StoredVariable | undefined>;
  /** Makes or changes one. Errors: invalid_argument, aborted, failed_precondition, resource_exhausted. */
  put(workspace: WorkspaceId, path: string, change: PutVariable, by: string, condition: Condition): Promise<{ created: boolean; stored: StoredVariable }>;
  /** Errors: not_found, aborted. */
  remove(workspace: WorkspaceId, path: string, by: string, condition: Condition): Promise<void>;
  /** Values by path, secrets too: for running jobs alone. Paths without a variable are left out. */
  open(workspace: WorkspaceId, paths: readonly string[]): Promise<ReadonlyMap<string, OpenVariable>>;
  /** See SealedThings. */
  resealSome(workspace: WorkspaceId, limit: number): Promise<number>;
}

export function createVariables(pool: Pool, keys: KeyRing): Variables {
  const find = async (workspace: WorkspaceId, path: string): Promise<StoredVariable | undefined> => (await findVariables(pool, workspace, [path]))[0];

  async function nextValue(workspace: WorkspaceId, path: string, change: PutVariable, before: StoredVariable | undefined): Promise<StoredValue> {
    const wasSecret = before?.value.kind === "secret";
    const isSecret = change.is_secret ?? wasSecret;
    if (change.value === undefined) {
      // A secret must not become plain by asking for it, and nobody should think that a value was never stored in the open when it was.
      if (before === undefined || isSecret !== wasSecret) throw valueMissing(before === undefined ? "a new variable" : "one that becomes a secret or plain");
      return before.value;
    }
    return isSecret ? { kind: "secret", sealed: await keys.seal(workspace, path, change.value) } : { kind: "plain", value: change.value };
  }

  return {
    list: (workspace, page) => listVariables(pool, workspace, page),
    find,
    put: (workspace, path, change, by, condition) =>
      putRevised({
        what: `variable ${path}`,
        condition,
        full: `the workspace has ${THING_LIMITS.variables} variables already`,
        find: () => find(workspace, path),
        async write(before) {
          const value = await nextValue(workspace, path, change, before);
          return write(pool, workspace, { path, description: change.description ?? before?.description ?? "", value, by }, before?.revision);
        },
      }),
    async remove(workspace, path, by, condition) {
      const gone = await inTransaction(pool, async (client) => {
        const deleted = await deleteVariable(client, workspace, path, wantedRevision(condition));
        if (deleted) await recordAudit(client, { workspace, actor: by, action: "variables:delete", target: `variable ${path}` });
        return deleted;
      });
      if (gone) return;
      if ((await find(workspace, path)) !== undefined) throw changedMeanwhile(`variable ${path}`);
      throw noVariable(path);
    },
    async open(workspace, paths) {
      const found = paths.length === 0 ? [] : await findVariables(pool, workspace, paths);
      const opened = await Promise.all(
        found.map(async ({ path, value }): Promise<[string, OpenVariable]> => {
          if (value.kind === "plain") return [path, { value: value.value, isSecret: false }];
          return [path, { value: await keys.open(workspace, path, value.sealed), isSecret: true }];
        }),
      );
      return new Map(opened);
    },
    async resealSome(workspace, limit) {
      const old = await sealedWithOldKeys(pool, workspace, limit);
      for (const { path, sealed } of old)
        await replaceSealed(pool, workspace, path, sealed, await keys.seal(workspace, path, await keys.open(workspace, path, sealed)));
      return old.length;
    },
  };
}

/** Undefined: somebody else was quicker, or the key that sealed the value has just gone. */
async function write(pool: Pool, workspace: WorkspaceId, next: NewVariable, revision: number | undefined): Promise<StoredVariable | "full" | undefined> {
  try {
    return await inTransaction(pool, async (client) => {
      const stored = await (revision === undefined ? insertVariable(client, workspace, next) : updateVariable(client, workspace, next, revision));
      if (stored !== undefined && stored !== "full") {
        const detail = { revision: stored.revision, is_secret: stored.value.kind === "secret" };
        await recordAudit(client, { workspace, actor: next.by, action: "variables:write", target: `variable ${next.path}`, detail });
      }
      return stored;
    });
  } catch (error) {
    if (isForeignKeyViolation(error)) return undefined;
    throw error;
  }
}

function valueMissing(of: string): AppError {
  return new AppError("invalid_argument", `${of} needs a value`, { fields: [{ pointer: "/value", message: "is missing" }] });
}

export function noVariable(path: string): AppError {
  return new AppError("not_found", `there is no variable ${path}`);
}
