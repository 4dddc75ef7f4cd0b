import type { WorkspaceId } from "../../kernel/ids.ts";
import { recordAudit } from "../audit/audit-store.ts";
import { inTransaction } from "../db/transaction.ts";
import type { Archiving } from "../scripts/change-script.ts";
import { ifFree, type Move } from "../scripts/script-moves-store.ts";
import type { FlowDeployer } from "./deploy.ts";
import { moveFlow, setFlowArchived } from "./flow-moves-store.ts";
import type { CurrentFlow } from "./flow-store.ts";

// Changes of a flow that are no deploy, each with its row in the audit log.

/** Archives a flow, or takes one back. @returns undefined when there is none like that, or not with the expected version */
export async function archiveFlow(
  { pool, cache }: Pick<FlowDeployer, "pool" | "cache">,
  workspace: WorkspaceId,
  { path, isArchiving, by, expected }: Archiving,
): Promise<CurrentFlow | undefined> {
  const changed = await inTransaction(pool, async (client) => {
    const done = await setFlowArchived(client, workspace, path, isArchiving ? by : undefined, expected);
    const action = isArchiving ? "flows:archive" : "flows:unarchive";
    if (done !== undefined) await recordAudit(client, { workspace, actor: by, action, target: `flow ${path}`, detail: { hash: done.hash } });
    return done;
  });
  if (changed !== undefined) cache.changed(workspace, path);
  return changed;
}

/** Gives a flow another path. `taken`: that is not free. `gone`: it is not at the old one with this version any more. */
export async function relocateFlow(
  { pool, cache }: Pick<FlowDeployer, "pool" | "cache">,
  workspace: WorkspaceId,
  move: Move,
): Promise<"moved" | "gone" | "taken"> {
  const work = inTransaction(pool, async (client) => {
    if (!(await moveFlow(client, workspace, move))) return "gone";
    const detail = { to: move.to, hash: move.newHash, before: move.hash };
    await recordAudit(client, { workspace, actor: move.by, action: "flows:move", target: `flow ${move.from}`, detail });
    return "moved";
  });
  const outcome = await ifFree(work);
  for (const path of [move.from, move.to]) cache.changed(workspace, path);
  return outcome;
}
