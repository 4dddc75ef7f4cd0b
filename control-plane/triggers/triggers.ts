import { randomBytes } from "node:crypto";
import { AppError } from "../../kernel/app-error.ts";
import type { WorkspaceId } from "../../kernel/ids.ts";
import { boundsIn } from "../access/acting-for.ts";
import { recordAudit } from "../audit/audit-store.ts";
import type { Pool } from "../db/pools.ts";
import { inTransaction } from "../db/transaction.ts";
import { SECRET_PREFIX, standardKey } from "../notifications/standard-webhooks.ts";
import type { ListedSecret, SealedSecrets } from "../secrets/sealed-secrets.ts";
import { type Condition, changedMeanwhile, checkCondition, wantedRevision } from "../variables/revision.ts";
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
export interface Triggers {
  list(workspace: WorkspaceId, page: Page): Promise<StoredTrigger[]>;
  /** Errors: not_found. */
  get(workspace: WorkspaceId, path: string): Promise<StoredTrigger>;
  /** Makes or changes one. Errors: invalid_argument, already_exists (also for a route in the way of another), failed_precondition, resource_exhausted. */
  put(workspace: WorkspaceId, path: string, change: PutTrigger, by: Writer, condition: Condition): Promise<{ created: boolean; stored: StoredTrigger }>;
  /** Errors: not_found, failed_precondition. */
  remove(workspace: WorkspaceId, path: string, by: string, condition: Condition): Promise<void>;
  /** It stays the trigger of whoever wrote it: its jobs act for that account. Errors: not_found. */
  pause(workspace: WorkspaceId, path: string, paused: boolean, by: string): Promise<StoredTrigger>;
  /** Errors: not_found. */
  secrets(workspace: WorkspaceId, path: string): Promise<ListedSecret[]>;
  /** @param text undefined: a new one is made. Errors: not_found, invalid_argument, failed_precondition, resource_exhausted. */
  addSecret(
    workspace: WorkspaceId,
    path: string,
    text: string | undefined,
    by: string,
    othersForS: number | undefined,
  ): Promise<{ secret: string; listed: ListedSecret }>;
  /** Errors: not_found. */
  removeSecret(workspace: WorkspaceId, path: string, id: string, by: string): Promise<void>;
}

/** Somebody else writes at the same moment: then it is looked at again. */
const TRIES = 5;
const KEY_BYTES = 32;
const UNIQUE_VIOLATION = "23505";

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
      if (!(error instanceof Error && "code" in error && error.code === UNIQUE_VIOLATION) || next.place.kind !== "route") throw error;
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
      for (let attempt = 0; attempt < TRIES; attempt++) {
        const before = await findTrigger(pool, workspace, path);
        checkCondition(condition, `trigger ${path}`, before?.revision);
        const stored = await write(workspace, nextTrigger(path, change, by.label, before), before?.revision, by.mayRefer);
        if (stored === "full")
          throw new AppError("resource_exhausted", `the workspace has ${TRIGGER_LIMITS.triggers} triggers already`, { hint: "delete some that nobody needs" });
        if (stored === undefined) continue;
        onChange(workspace, path);
        return { created: before === undefined, stored };
      }
      throw changedMeanwhile(`trigger ${path}`);
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
    async secrets(workspace, path) {
      await get(workspace, path);
      return secrets.list(workspace, `trigger:${path}`);
    },
    async addSecret(workspace, path, text, by, othersForS) {
      const { settings } = await get(workspace, path);
      const secret = text ?? newSecret(settings.auth);
      checkSecret(settings.auth, secret);
      const listed = await secrets.add(workspace, `trigger:${path}`, secret, by, othersForS);
      onChange(workspace, path);
      return { secret, listed };
    },
    async removeSecret(workspace, path, id, by) {
      await get(workspace, path);
      await secrets.remove(workspace, `trigger:${path}`, id, by);
      onChange(workspace, path);
    },
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
  const random = randomBytes(KEY_BYTES);
  if (auth.kind === "standard") return `${SECRET_PREFIX}${random.toString("base64")}`;
  return auth.kind === "token" || auth.kind === "gitlab" ? `mr_trg_${random.toString("base64url")}` : random.toString("hex");
}

/** Errors: failed_precondition for a trigger that takes none; invalid_argument for what is no secret of Standard Webhooks. */
function checkSecret(auth: Auth, secret: string): void {
  if (auth.kind === "none") throw new AppError("failed_precondition", "the trigger takes calls of everybody: it has no secrets");
  if (auth.kind === "standard" && standardKey(secret) === undefined)
    throw new AppError("invalid_argument", "a secret of Standard Webhooks is whsec_ and 24 to 64 bytes in base64", {
      fields: [{ pointer: "/secret", message: "is not whsec_ and base64" }],
    });
}

function noTrigger(path: string): AppError {
  return new AppError("not_found", `there is no trigger ${path}`);
}
