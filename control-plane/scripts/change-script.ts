import type { WorkspaceId } from "../../kernel/ids.ts";
import { recordAudit } from "../audit/audit-store.ts";
import type { Pool } from "../db/pools.ts";
import { inTransaction } from "../db/transaction.ts";
import type { Archived } from "./archived.ts";
import type { ExpectedVersion } from "./expected-version.ts";
import type { ScriptCache } from "./script-cache.ts";
import { ifFree, type Move, moveScript, setArchived } from "./script-moves-store.ts";

// Changes of a script that are no deploy, each with its row in the audit log.

export interface Archiving {
  readonly path: string;
  readonly isArchiving: boolean;
  readonly by: string;
  readonly expected: ExpectedVersion;
}

/** Archives a script, or takes one back. @returns undefined when there is none like that, or not with the expected version */
export async function archiveScript(
  pool: Pool,
  cache: ScriptCache,
  workspace: WorkspaceId,
  { path, isArchiving, by, expected }: Archiving,
): Promise<{ hash: string; archived: Archived | undefined } | undefined> {
  const changed = await inTransaction(pool, async (client) => {
    const done = await setArchived(client, workspace, path, isArchiving ? by : undefined, expected);
    const action = isArchiving ? "scripts:archive" : "scripts:unarchive";
    if (done !== undefined) await recordAudit(client, { workspace, actor: by, action, target: `script ${path}`, detail: { hash: done.hash } });
    return done;
  });
  if (changed !== undefined) cache.changed(workspace, path, changed.hash, changed.scriptId);
  return changed;
}

/** Gives a script another path. `taken`: that is not free. `gone`: it is not at the old one with this version any more. */
export async function relocateScript(pool: Pool, workspace: WorkspaceId, move: Move): Promise<"moved" | "gone" | "taken"> {
  const work = inTransaction(pool, async (client) => {
    if (!(await moveScript(client, workspace, move))) return "gone";
    const detail = { to: move.to, hash: move.newHash, before: move.hash };
    await recordAudit(client, { workspace, actor: move.by, action: "scripts:move", target: `script ${move.from}`, detail });
    return "moved";
  });
  return ifFree(work);
}
