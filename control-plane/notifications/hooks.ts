import { randomUUID } from "node:crypto";
import { AppError } from "../../kernel/app-error.ts";
import type { Clock } from "../../kernel/clock.ts";
import type { WorkspaceId } from "../../kernel/ids.ts";
import { recordAudit } from "../audit/audit-store.ts";
import type { Pool } from "../db/pools.ts";
import { inTransaction } from "../db/transaction.ts";
import { createOwnedSecrets, type OwnedSecrets } from "../secrets/owned-secrets.ts";
import type { SealedSecrets } from "../secrets/sealed-secrets.ts";
import { putRevised } from "../variables/put-revised.ts";
import { type Condition, changedMeanwhile, wantedRevision } from "../variables/revision.ts";
import type { Page } from "../variables/variable-store.ts";
import type { Workspace } from "../workspaces/workspace-store.ts";
import { HOOK_LIMITS, type PutHook, TEST_KIND } from "./contract.ts";
import type { Deliverer } from "./deliverer.ts";
import { findDelivery, insertDelivery, listDeliveries, type StoredDelivery, sendAgain } from "./delivery-store.ts";
import { deleteHook, findHook, insertHook, listHooks, type NewHook, pauseHook, type StoredHook, updateHook } from "./hook-store.ts";
import { checkStandardSecret, newStandardSecret } from "./standard-webhooks.ts";

export interface HookDeps {
  readonly pool: Pool;
  readonly secrets: SealedSecrets;
  readonly deliverer: Pick<Deliverer, "sendNow">;
  readonly clock: Clock;
  /** Called after each change. */
  readonly onChange: () => Promise<void>;
}

interface DeliveryPage {
  readonly status: StoredDelivery["status"] | undefined;
  readonly before: string | undefined;
  readonly limit: number;
}

/** Hooks of workspaces, and what is delivered to them. What is not of the workspace is not there. */
export interface Hooks extends OwnedSecrets {
  list(workspace: WorkspaceId, page: Page): Promise<StoredHook[]>;
  /** Errors: not_found. */
  get(workspace: WorkspaceId, path: string): Promise<StoredHook>;
  /** Makes one, with its first secret, or changes it. Errors: aborted, failed_precondition, resource_exhausted. */
  put(workspace: WorkspaceId, path: string, change: PutHook, by: string, condition: Condition): Promise<{ stored: StoredHook; secret: string | undefined }>;
  /** Errors: not_found, aborted. */
  remove(workspace: WorkspaceId, path: string, by: string, condition: Condition): Promise<void>;
  /** Errors: not_found. */
  pause(workspace: WorkspaceId, path: string, paused: boolean, by: string): Promise<StoredHook>;
  /** Sends something at once, and says what became of it. Errors: not_found. */
  test(workspace: Workspace, path: string, by: string): Promise<StoredDelivery>;
  /** Errors: not_found. */
  deliveries(workspace: WorkspaceId, path: string, page: DeliveryPage): Promise<StoredDelivery[]>;
  /** Errors: not_found. */
  delivery(workspace: WorkspaceId, id: string): Promise<StoredDelivery>;
  /** Sends it again, under the same id. Errors: not_found. */
  again(workspace: WorkspaceId, id: string, by: string): Promise<StoredDelivery>;
}

export function createHooks(deps: HookDeps): Hooks {
  const { pool, onChange } = deps;
  const get = async (workspace: WorkspaceId, path: string): Promise<StoredHook> => {
    const stored = await findHook(pool, workspace, path);
    if (stored === undefined) throw noHook(path);
    return stored;
  };

  const write = (workspace: WorkspaceId, path: string, change: PutHook, by: string, condition: Condition) =>
    putRevised({
      what: `hook ${path}`,
      condition,
      full: `the workspace has ${HOOK_LIMITS.hooks} hooks already`,
      find: () => findHook(pool, workspace, path),
      write: (before) =>
        inTransaction(pool, async (client) => {
          const next = nextHook(path, change, by, before);
          const written = await (before === undefined
            ? insertHook(client, workspace, next, HOOK_LIMITS.hooks)
            : updateHook(client, workspace, next, before.revision));
          if (written !== undefined && written !== "full")
            await recordAudit(client, { workspace, actor: by, action: "hooks:write", target: `hook ${path}`, detail: detailOf(written) });
          return written;
        }),
    });

  return {
    list: (workspace, page) => listHooks(pool, workspace, page),
    get,
    async put(workspace, path, change, by, condition) {
      const { created, stored } = await write(workspace, path, change, by, condition);
      const secret = created ? newStandardSecret() : undefined;
      if (secret !== undefined) await deps.secrets.add(workspace, `hook:${path}`, secret, by);
      await onChange();
      return { stored, secret };
    },
    async remove(workspace, path, by, condition) {
      const gone = await inTransaction(pool, async (client) => {
        const deleted = await deleteHook(client, workspace, path, wantedRevision(condition));
        if (deleted) await recordAudit(client, { workspace, actor: by, action: "hooks:delete", target: `hook ${path}` });
        return deleted;
      });
      if (!gone) {
        await get(workspace, path);
        throw changedMeanwhile(`hook ${path}`);
      }
      await onChange();
    },
    async pause(workspace, path, paused, by) {
      const stored = await inTransaction(pool, async (client) => {
        const done = await pauseHook(client, workspace, path, paused, by, undefined);
        const action = paused ? "hooks:pause" : "hooks:resume";
        if (done !== undefined) await recordAudit(client, { workspace, actor: by, action, target: `hook ${path}`, detail: { revision: done.revision } });
        return done;
      });
      if (stored === undefined) throw noHook(path);
      await onChange();
      return stored;
    },
    ...deliveriesOf(deps, get),
    ...createOwnedSecrets(deps.secrets, {
      kind: "hook",
      get,
      make: newStandardSecret,
      check: (_hook, secret) => checkStandardSecret(secret),
      changed: () => undefined,
    }),
  };
}

type Get = Hooks["get"];

function deliveriesOf({ pool, deliverer, clock }: HookDeps, get: Get): Pick<Hooks, "test" | "deliveries" | "delivery" | "again"> {
  const found = (delivery: StoredDelivery | undefined, id: string): StoredDelivery => {
    if (delivery === undefined) throw new AppError("not_found", `there is no delivery ${id}`);
    return delivery;
  };
  return {
    async test(workspace, path, by) {
      const hook = await get(workspace.id, path);
      const nowMs = clock.wallMs();
      const said = { type: TEST_KIND, timestamp: new Date(nowMs).toISOString(), workspace: workspace.name, data: { hook: path } };
      const delivery = { hook: hook.path, event: `test_${randomUUID()}`, kind: TEST_KIND, payload: JSON.stringify(said) };
      const id = await inTransaction(pool, async (client) => {
        const inserted = await insertDelivery(client, workspace.id, delivery, nowMs);
        await recordAudit(client, { workspace: workspace.id, actor: by, action: "hooks:test", target: `hook ${path}`, detail: { delivery: inserted } });
        return inserted;
      });
      // Somebody else may have been quicker to take it: then it is on its way.
      return found((await deliverer.sendNow(workspace.id, id)) ?? (await findDelivery(pool, workspace.id, id)), id);
    },
    async deliveries(workspace, path, page) {
      await get(workspace, path);
      return listDeliveries(pool, workspace, path, page);
    },
    delivery: async (workspace, id) => found(await findDelivery(pool, workspace, id), id),
    async again(workspace, id, by) {
      const sent = await inTransaction(pool, async (client) => {
        const delivery = await sendAgain(client, workspace, id, clock.wallMs());
        if (delivery !== undefined)
          await recordAudit(client, { workspace, actor: by, action: "hooks:send-again", target: `hook ${delivery.hook}`, detail: { delivery: id } });
        return delivery;
      });
      return found(sent, id);
    },
  };
}

/** What the audit log says of it: not the address, which may hold a secret. */
function detailOf({ revision, events, pathPrefix, paused }: StoredHook): Record<string, string | number | boolean | readonly string[]> {
  return { revision, events, path_prefix: pathPrefix, paused };
}

function nextHook(path: string, { url, events, path_prefix: prefix, paused, description }: PutHook, by: string, before: StoredHook | undefined): NewHook {
  return {
    path,
    url,
    events: [...new Set(events)],
    pathPrefix: prefix ?? "",
    paused: paused ?? before?.paused ?? false,
    description: description ?? before?.description ?? "",
    by,
  };
}

function noHook(path: string): AppError {
  return new AppError("not_found", `there is no hook ${path}`);
}
