import { randomBytes } from "node:crypto";
import { AppError } from "../../kernel/app-error.ts";
import type { WorkspaceId } from "../../kernel/ids.ts";
import { boundsIn } from "../access/acting-for.ts";
import { recordAudit } from "../audit/audit-store.ts";
import type { Pool } from "../db/pools.ts";
import { inTransaction } from "../db/transaction.ts";
import { isUniqueViolation } from "../db/violations.ts";
import { checkStandardSecret, newStandardSecret } from "../notifications/standard-webhooks.ts";
import { createOwnedSecrets, type OwnedSecrets } from "../secrets/owned-secrets.ts";
import type { SealedSecrets } from "../secrets/sealed-secrets.ts";
import { putRevised } from "../variables/put-revised.ts";
import { type Condition, changedMeanwhile, wantedRevision } from "../variables/revision.ts";
import type { Page } from "../variables/variable-store.ts";
import { type Auth, type PutTrigger, TRIGGER_LIMITS } from "./contract.ts";
import { parsePattern, shapeOf } from "./route-pattern-core.ts";
import {
  deleteTrigger,
  findSameRoute,
  findTrigger,
  insertTrigger,
  listTriggers,
  type NewTrigger,
  pauseTrigger,
  type StoredTrigger,
  type TriggerPlace,
  updateTrigger,
} from "./trigger-store.ts";

/** Who writes a trigger. */
interface Writer {
  /** Who its jobs act for: see actsFor. */
  readonly label: string;
  /** What may be named to the writer; undefined: all. */
  readonly mayRefer: ((path: string) => boolean) | undefined;
}

/** Triggers of workspaces. What is not of the workspace is not there. */
export interface Triggers extends OwnedSecrets {
  list(workspace: WorkspaceId, page: Page): Promise<StoredTrigger[]>;
  /** Errors: not_found. */
  get(workspace: WorkspaceId, path: string): Promise<StoredTrigger>;
  /** Makes or changes one. Errors: invalid_argument, already_exists for a route in the way of another, aborted, failed_precondition, resource_exhausted. */
  put(workspace: WorkspaceId, path: string, change: PutTrigger, by: Writer, condition: Condition): Promise<{ created: boolean; stored: StoredTrigger }>;
  /** Errors: not_found, aborted. */
  remove(workspace: WorkspaceId, path: string, by: string, condition: Condition): Promise<void>;
  /** It stays the trigger of whoever wrote it: its jobs act for that account. Errors: not_found. */
  pause(workspace: WorkspaceId, path: string, paused: boolean, by: string): Promise<StoredTrigger>;
}

const KEY_BYTES = 32;

/** @param onChange called after each change: what is cached of the workspace's triggers is no longer true */
export function createTriggers(pool: Pool, secrets: SealedSecrets, onChange: (workspace: WorkspaceId, path: string) => void): Triggers {
  const get = async (workspace: WorkspaceId, path: string): Promise<StoredTrigger> => {
    const stored = await findTrigger(pool, workspace, path);
    if (stored === undefined) throw noTrigger(path);
    return stored;
  };

  async function write(
    workspace: WorkspaceId,
    next: NewTrigger,
    revision: number | undefined,
    mayRefer: Writer["mayRefer"],
  ): Promise<StoredTrigger | "full" | undefined> {
    try {
      return await inTransaction(pool, async (client) => {
        const stored = await (revision === undefined
          ? insertTrigger(client, workspace, next, TRIGGER_LIMITS.triggers)
          : updateTrigger(client, workspace, next, revision));
        if (stored !== undefined && stored !== "full")
          await recordAudit(client, {
            workspace,
            actor: boundsIn(next.by).label,
            action: "triggers:write",
            target: `trigger ${next.path}`,
            detail: detailOf(stored),
          });
        return stored;
      });
    } catch (error) {
      if (!isUniqueViolation(error) || next.place.kind !== "route") throw error;
      const { method, pattern, shape } = next.place;
      const other = await findSameRoute(pool, workspace, next.path, method, shape);
      const name = other === undefined || mayRefer?.(other) === false ? "another route" : other;
      throw new AppError("already_exists", `${method} ${pattern} answers the same requests as ${name}`, {
        fields: [{ pointer: "/pattern", message: "is in the way of another route" }],
      });
    }
  }

  return {
    list: (workspace, page) => listTriggers(pool, workspace, page),
    get,
    async put(workspace, path, change, by, condition) {
      const done = await putRevised({
        what: `trigger ${path}`,
        condition,
        full: `the workspace has ${TRIGGER_LIMITS.triggers} triggers already`,
        find: () => findTrigger(pool, workspace, path),
        write: (before) => write(workspace, nextTrigger(path, change, by.label, before), before?.revision, by.mayRefer),
      });
      onChange(workspace, path);
      return done;
    },
    async remove(workspace, path, by, condition) {
      const done = await inTransaction(pool, async (client) => {
        const deleted = await deleteTrigger(client, workspace, path, wantedRevision(condition));
        if (deleted) await recordAudit(client, { workspace, actor: by, action: "triggers:delete", target: `trigger ${path}` });
        return deleted;
      });
      if (!done) {
        await get(workspace, path);
        throw changedMeanwhile(`trigger ${path}`);
      }
      onChange(workspace, path);
    },
    async pause(workspace, path, paused, by) {
      const stored = await inTransaction(pool, async (client) => {
        const done = await pauseTrigger(client, workspace, path, paused);
        const action = paused ? "triggers:pause" : "triggers:resume";
        if (done !== undefined) await recordAudit(client, { workspace, actor: by, action, target: `trigger ${path}`, detail: { revision: done.revision } });
        return done;
      });
      if (stored === undefined) throw noTrigger(path);
      onChange(workspace, path);
      return stored;
    },
    ...createOwnedSecrets(secrets, {
      kind: "trigger",
      get,
      make: ({ settings }) => newSecret(settings.auth),
      check: ({ settings }, secret) => checkSecret(settings.auth, secret),
      changed: onChange,
    }),
  };
}

/** What the audit log says of it; `auth` is how its callers prove who they are, without their secrets. */
function detailOf({ revision, place, settings: { script, flow, auth } }: StoredTrigger): Record<string, string | number> {
  return {
    revision,
    ...(place.kind === "route" ? { method: place.method, pattern: place.pattern } : {}),
    ...(script !== undefined && { script }),
    ...(flow !== undefined && { flow }),
    auth: auth.kind,
  };
}

function nextTrigger(path: string, change: PutTrigger, by: string, before: StoredTrigger | undefined): NewTrigger {
  const { kind: _kind, method, pattern, paused, description, ...settings } = change;
  return {
    path,
    place: placeOf(method, pattern),
    settings,
    paused: paused ?? before?.paused ?? false,
    description: description ?? before?.description ?? "",
    by,
  };
}

function placeOf(method: PutTrigger["method"], pattern: string | undefined): TriggerPlace {
  const segments = pattern === undefined ? "" : parsePattern(pattern);
  if (method === undefined || pattern === undefined || typeof segments === "string") return { kind: "webhook" };
  return { kind: "route", method, pattern, shape: shapeOf(segments) };
}

/** Tokens begin with what secret scanners look for. */
function newSecret(auth: Auth): string {
  if (auth.kind === "standard") return newStandardSecret();
  const random = randomBytes(KEY_BYTES);
  return auth.kind === "token" || auth.kind === "gitlab" ? `mr_trg_${random.toString("base64url")}` : random.toString("hex");
}

/** Errors: failed_precondition for a trigger that takes none; invalid_argument for what is no secret of Standard Webhooks. */
function checkSecret(auth: Auth, secret: string): void {
  if (auth.kind === "none") throw new AppError("failed_precondition", "the trigger takes calls of everybody: it has no secrets");
  if (auth.kind === "standard") checkStandardSecret(secret);
}

function noTrigger(path: string): AppError {
  return new AppError("not_found", `there is no trigger ${path}`);
}
