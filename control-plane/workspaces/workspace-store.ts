import { asWorkspaceId, type WorkspaceId } from "../../kernel/ids.ts";
import { WITHOUT_NUL } from "../../kernel/storable-text.ts";
import type { Pool } from "../db/pools.ts";

export interface Workspace {
  readonly id: WorkspaceId;
  readonly name: string;
}

/** Workspaces by name and by number. Names do not change and workspaces are not deleted yet: what is cached stays true. */
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

  function remember(row: { id: string; name: string } | undefined): Workspace | undefined {
    if (row === undefined) return undefined;
    if (byId.size >= MAX_CACHED) {
      byId.clear();
      byName.clear();
    }
    const workspace = { id: asWorkspaceId(row.id), name: row.name };
    byName.set(workspace.name, workspace);
    byId.set(workspace.id, workspace);
    return workspace;
  }

  async function find(column: "id" | "name", value: string): Promise<Workspace | undefined> {
    if (!WITHOUT_NUL.check(value)) return undefined;
    const { rows } = await pool.query<{ id: string; name: string }>(`SELECT id::text, name FROM workspace WHERE ${column} = $1`, [value]);
    return remember(rows[0]);
  }

  return {
    byName: async (name) => byName.get(name) ?? (await find("name", name)),
    nameOf: (id) => byId.get(id)?.name,
    loadName: async (id) => (byId.get(id) ?? (await find("id", id)))?.name,
    async ensure(name) {
      await pool.query("INSERT INTO workspace (name) VALUES ($1) ON CONFLICT DO NOTHING", [name]);
      const workspace = byName.get(name) ?? (await find("name", name));
      if (workspace === undefined) throw new Error(`workspace ${name} is not there after it was made`);
      return workspace;
    },
  };
}
