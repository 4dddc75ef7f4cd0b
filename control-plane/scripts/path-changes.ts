import type { WorkspaceId } from "../../kernel/ids.ts";
import { recordAudit } from "../audit/audit-store.ts";
import type { Pool } from "../db/pools.ts";
import { inTransaction, type Queryable } from "../db/transaction.ts";
import { type Current, ifFree, setArchived, type Versioned } from "./current-store.ts";
import type { ExpectedVersion } from "./expected-version.ts";

// Changes of scripts and flows that are no deploy, each with its row in the audit log.

export interface Archiving {
  readonly path: string;
  readonly isArchiving: boolean;
  readonly by: string;
  readonly expected: ExpectedVersion;
}

/** Archives something, or takes it back. @returns undefined when there is none like that, or not with the expected version */
export function archive(pool: Pool, kind: Versioned, workspace: WorkspaceId, { path, isArchiving, by, expected }: Archiving): Promise<Current | undefined> {
  return inTransaction(pool, async (client) => {
    const done = await setArchived(client, kind, workspace, path, isArchiving ? by : undefined, expected);
    const action = `${kind}s:${isArchiving ? "archive" : "unarchive"}`;
    if (done !== undefined) await recordAudit(client, { workspace, actor: by, action, target: `${kind} ${path}`, detail: { hash: done.hash } });
    return done;
  });
}

export interface Move {
  readonly from: string;
  readonly to: string;
  /** The version that is current. */
  readonly hash: string;
  /** The same under the new path. */
  readonly newHash: string;
  readonly by: string;
}

export type Moved = "moved" | "gone" | "taken";

/**
 * Gives something another path. `taken`: that is not free. `gone`: it is not at the old one with this version any more.
 * @param moveRows its rows, in a transaction; false when they are not there like that
 */
export function relocate(pool: Pool, kind: Versioned, workspace: WorkspaceId, move: Move, moveRows: (client: Queryable) => Promise<boolean>): Promise<Moved> {
  const work = inTransaction(pool, async (client) => {
    if (!(await moveRows(client))) return "gone";
    const detail = { to: move.to, hash: move.newHash, before: move.hash };
    await recordAudit(client, { workspace, actor: move.by, action: `${kind}s:move`, target: `${kind} ${move.from}`, detail });
    return "moved";
  });
  return ifFree(work);
}
