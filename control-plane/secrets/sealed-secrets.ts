import { randomBytes } from "node:crypto";
import { AppError } from "../../kernel/app-error.ts";
import type { Clock } from "../../kernel/clock.ts";
import type { WorkspaceId } from "../../kernel/ids.ts";
import { type AuditEvent, recordAudit } from "../audit/audit-store.ts";
import type { Pool } from "../db/pools.ts";
import { inTransaction } from "../db/transaction.ts";
import { isForeignKeyViolation } from "../db/violations.ts";
import type { KeyRing, Sealed } from "./key-ring.ts";
import { deleteSecret, insertSecret, listSecrets, replaceSecret, type StoredSecret, secretsWithOldKeys } from "./sealed-secret-store.ts";

/** Whose secrets: a trigger's or a hook's, by its path. */
type SecretOwner = `trigger:${string}` | `hook:${string}`;

/** One as it is listed: what it says is shown once, when it is made. */
export type ListedSecret = Pick<StoredSecret, "id" | "createdAt" | "createdBy" | "expiresAt">;

/** Secrets that prove who calls. Several of one owner are good at a time, so that both sides can change to a new one without a gap. */
export interface SealedSecrets {
  list(workspace: WorkspaceId, owner: SecretOwner): Promise<ListedSecret[]>;
  /** Those that are good now, opened, the newest first. */
  open(workspace: WorkspaceId, owner: SecretOwner): Promise<string[]>;
  /**
   * Adds one. @param othersForS seconds for which the others stay good; undefined: until they are deleted. Errors: resource_exhausted.
   */
  add(workspace: WorkspaceId, owner: SecretOwner, text: string, by: string, othersForS?: number): Promise<ListedSecret>;
  /** Errors: not_found. */
  remove(workspace: WorkspaceId, owner: SecretOwner, id: string, by: string): Promise<void>;
  /** See SealedThings. */
  resealSome(workspace: WorkspaceId, limit: number): Promise<number>;
}

/** Of one owner at a time. */
const MAX_SECRETS = 5;
const ID_BYTES = 6;
const TRIES = 3;

export function createSealedSecrets(pool: Pool, keys: KeyRing, clock: Clock): SealedSecrets {
  const placeOf = (owner: string, id: string): string => `${owner}#${id}`;
  const isGood = ({ expiresAt }: StoredSecret): boolean => expiresAt === undefined || expiresAt.getTime() > clock.wallMs();

  /** Between the sealing and the insert the key may have been rotated away: then it is sealed again. */
  async function insert(workspace: WorkspaceId, owner: SecretOwner, id: string, text: string, by: string, endMs: number | undefined): Promise<boolean> {
    for (let attempt = 1; ; attempt++) {
      const sealed: Sealed = await keys.seal(workspace, placeOf(owner, id), text);
      try {
        return await inTransaction(pool, async (client) => {
          const inserted = await insertSecret(client, workspace, { owner, id, sealed, by }, MAX_SECRETS, endMs, clock.wallMs());
          if (inserted)
            await recordAudit(client, { workspace, actor: by, ...wordsOf(owner, "add-secret"), detail: { secret: id, others_end: endMs !== undefined } });
          return inserted;
        });
      } catch (error) {
        if (!isForeignKeyViolation(error) || attempt >= TRIES) throw error;
      }
    }
  }

  return {
    list: async (workspace, owner) => (await listSecrets(pool, workspace, owner)).filter(isGood),
    async open(workspace, owner) {
      const good = (await listSecrets(pool, workspace, owner)).filter(isGood);
      return Promise.all(good.map(({ id, sealed }) => keys.open(workspace, placeOf(owner, id), sealed)));
    },
    async add(workspace, owner, text, by, othersForS) {
      const id = randomBytes(ID_BYTES).toString("hex");
      const endMs = othersForS === undefined ? undefined : clock.wallMs() + othersForS * 1000;
      if (!(await insert(workspace, owner, id, text, by, endMs)))
        throw new AppError("resource_exhausted", `there are ${MAX_SECRETS} secrets already`, { hint: "delete one that is no longer used" });
      return { id, createdAt: new Date(clock.wallMs()), createdBy: by, expiresAt: undefined };
    },
    async remove(workspace, owner, id, by) {
      const gone = await inTransaction(pool, async (client) => {
        const deleted = await deleteSecret(client, workspace, owner, id);
        if (deleted) await recordAudit(client, { workspace, actor: by, ...wordsOf(owner, "delete-secret"), detail: { secret: id } });
        return deleted;
      });
      if (!gone) throw new AppError("not_found", `there is no secret ${id}`);
    },
    async resealSome(workspace, limit) {
      const old = await secretsWithOldKeys(pool, workspace, limit);
      for (const { owner, id, sealed } of old) {
        const place = placeOf(owner, id);
        await replaceSecret(pool, workspace, owner, id, sealed, await keys.seal(workspace, place, await keys.open(workspace, place, sealed)));
      }
      return old.length;
    },
  };
}

/** As the audit log names it: `triggers:add-secret` of `trigger f/a/b`. */
function wordsOf(owner: SecretOwner, verb: string): Pick<AuditEvent, "action" | "target"> {
  const kind = owner.startsWith("hook:") ? "hook" : "trigger";
  return { action: `${kind}s:${verb}`, target: `${kind} ${owner.slice(kind.length + 1)}` };
}
