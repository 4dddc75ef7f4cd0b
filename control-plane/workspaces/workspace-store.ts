import { asWorkspaceId, type WorkspaceId } from "../../kernel/ids.ts";
import { WITHOUT_NUL } from "../../kernel/storable-text.ts";
import type { Pool } from "../db/pools.ts";
import { insertWorkspace } from "./workspace-names-store.ts";

export interface Workspace {
  readonly id: WorkspaceId;
  readonly name: string;
}

/**
 * Workspaces by name and by number. A name that a workspace has had means it for ever, and workspaces are not deleted yet: what is cached stays true.
 * A name that is given out may be a former one.
 */
export interface Workspaces {
  byName(name: string): Promise<Workspace | undefined>;
  nameOf(id: WorkspaceId): string | undefined;
  loadName(id: WorkspaceId): Promise<string | undefined>;
  /** Makes the workspace unless there is one of that name. */
  ensure(name: string): Promise<Workspace>;
}

const MAX_CACHED = 100_000;

export function createWorkspaces(pool: Pool): Workspaces {
  const byName = new Map<string, Workspace>();
  const byId = new Map<WorkspaceId, Workspace>();

  function remember(row: { id: string; name: string } | undefined, asked?: string): Workspace | undefined {
    if (row === undefined) return undefined;
    if (byId.size >= MAX_CACHED || byName.size >= MAX_CACHED) {
      byId.clear();
      byName.clear();
    }
    const workspace = { id: asWorkspaceId(row.id), name: row.name };
    byName.set(asked ?? workspace.name, workspace);
    byId.set(workspace.id, workspace);
    return workspace;
  }

  async function findByName(name: string): Promise<Workspace | undefined> {
    if (!WITHOUT_NUL.check(name)) return undefined;
    const { rows } = await pool.query<{ id: string; name: string }>(
      `SELECT id::text, name FROM workspace WHERE name = $1
       UNION ALL SELECT w.id::text, w.name FROM workspace_former_name f JOIN workspace w ON w.id = f.workspace_id WHERE f.name = $1 LIMIT 1`,
      [name],
    );
    return remember(rows[0], name);
  }

  async function findById(id: WorkspaceId): Promise<Workspace | undefined> {
    const { rows } = await pool.query<{ id: string; name: string }>("SELECT id::text, name FROM workspace WHERE id = $1", [id]);
    return remember(rows[0]);
  }

  return {
    byName: async (name) => byName.get(name) ?? (await findByName(name)),
    nameOf: (id) => byId.get(id)?.name,
    loadName: async (id) => (byId.get(id) ?? (await findById(id)))?.name,
    async ensure(name) {
      await insertWorkspace(pool, name);
      const workspace = byName.get(name) ?? (await findByName(name));
      if (workspace === undefined) throw new Error(`workspace ${name} is not there after it was made`);
      return workspace;
    },
  };
}
