import { randomBytes } from "node:crypto";
import { AppError } from "../../kernel/app-error.ts";
import type { WorkspaceId } from "../../kernel/ids.ts";
import { LruMap } from "../../kernel/lru-map.ts";
import { recordAudit } from "../audit/audit-store.ts";
import type { Pool } from "../db/pools.ts";
import { inTransaction, type Queryable } from "../db/transaction.ts";
import { KEY_BYTES, open, seal } from "./envelope.ts";
import { findKey, insertKey, keysOfMasters, newestKey, rewrapKey, type StoredKey } from "./key-store.ts";
import type { MasterKey, MasterKeys } from "./master-keys.ts";

/** A text that is sealed, and the version of the workspace's key that did it. */
export interface Sealed {
  readonly bytes: Buffer;
  readonly keyVersion: number;
}

/**
 * Seals and opens secrets of workspaces. The version and the place are bound into each: a row that was copied to another path or workspace does
 * not open. Errors of all: failed_precondition when this replica lacks the master key.
 */
export interface KeyRing {
  seal(workspace: WorkspaceId, path: string, text: string): Promise<Sealed>;
  open(workspace: WorkspaceId, path: string, sealed: Sealed): Promise<string>;
  /** Makes a new key, with which everything is sealed from now on. @returns its version */
  rotate(workspace: WorkspaceId, by: string): Promise<number>;
  /** Seals data keys anew that were sealed by an older master key. @returns how many; 0 when none is left. Errors: why the rest cannot be opened */
  rewrap(limit: number): Promise<number>;
}

/** Open keys that are kept; 32 bytes each, and what a Map needs. */
const MAX_OPEN = 20_000;

export function createKeyRing(pool: Pool, masters: MasterKeys): KeyRing {
  const opened = new LruMap<string, Buffer>(MAX_OPEN);

  function openKey(stored: StoredKey): Buffer {
    const name = `${stored.workspace}/${stored.version}`;
    const known = opened.get(name);
    if (known !== undefined) return known;
    const key = unwrap(masters, stored);
    opened.set(name, key);
    return key;
  }

  async function make(client: Queryable, workspace: WorkspaceId, version: number): Promise<void> {
    const master = masters[0];
    if (master === undefined) throw noKey("this replica has no master key");
    // When another replica was quicker, its key is the newest one.
    await insertKey(client, wrap(master, workspace, version, randomBytes(KEY_BYTES)));
  }

  async function newest(workspace: WorkspaceId): Promise<StoredKey> {
    const known = await newestKey(pool, workspace);
    if (known !== undefined) return known;
    await make(pool, workspace, 1);
    const made = await newestKey(pool, workspace);
    if (made === undefined) throw new AppError("internal", "the key of the workspace is not there after it was made");
    return made;
  }

  return {
    async seal(workspace, path, text) {
      const stored = await newest(workspace);
      return { bytes: seal(openKey(stored), valuePlace(workspace, path, stored.version), Buffer.from(text)), keyVersion: stored.version };
    },
    async open(workspace, path, { bytes, keyVersion }) {
      const known = opened.get(`${workspace}/${keyVersion}`);
      const stored = known === undefined ? await findKey(pool, workspace, keyVersion) : undefined;
      const key = known ?? (stored === undefined ? undefined : openKey(stored));
      if (key === undefined) throw new AppError("internal", `key ${keyVersion} of the workspace is not in the database`);
      return open(key, valuePlace(workspace, path, keyVersion), bytes).toString("utf8");
    },
    async rotate(workspace, by) {
      const version = ((await newestKey(pool, workspace))?.version ?? 0) + 1;
      await inTransaction(pool, async (client) => {
        await make(client, workspace, version);
        await recordAudit(client, { workspace, actor: by, action: "secrets:rotate", target: "secrets", detail: { version } });
      });
      return (await newest(workspace)).version;
    },
    async rewrap(limit) {
      const [master, ...older] = masters;
      if (master === undefined || older.length === 0) return 0;
      const old = await keysOfMasters(
        pool,
        older.map(({ id }) => id),
        limit,
      );
      let done = 0;
      let failure: unknown;
      for (const key of old) {
        try {
          await rewrapKey(pool, wrap(master, key.workspace, key.version, openKey(key)), key.masterId);
          done += 1;
        } catch (error) {
          failure = error;
        }
      }
      // One that cannot be opened keeps nobody else's from it.
      if (done === 0 && failure !== undefined) throw failure;
      return done;
    },
  };
}

function wrap(master: MasterKey, workspace: WorkspaceId, version: number, key: Buffer): StoredKey {
  return { workspace, version, masterId: master.id, wrapped: seal(master.key, keyPlace(workspace, version), key) };
}

function unwrap(masters: MasterKeys, { workspace, version, masterId, wrapped }: StoredKey): Buffer {
  const master = masters.find(({ id }) => id === masterId);
  if (master === undefined) throw noKey(`the secrets of this workspace need the master key ${masterId}, which this replica does not have`);
  return open(master.key, keyPlace(workspace, version), wrapped);
}

function noKey(message: string): AppError {
  return new AppError("failed_precondition", message, { hint: "set MILLRACE_MASTER_KEY to the same keys at all replicas" });
}

const keyPlace = (workspace: WorkspaceId, version: number): string[] => ["key", workspace, String(version)];
const valuePlace = (workspace: WorkspaceId, path: string, version: number): string[] => ["value", workspace, path, String(version)];
