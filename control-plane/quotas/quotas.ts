import type { WorkspaceId } from "../../kernel/ids.ts";
import type { Watched } from "../db/change-watch.ts";
import type { Pool } from "../db/pools.ts";
import { changedQuotas, hasChangedQuotas, type WorkspaceQuotas } from "./quota-store.ts";

/** What holds for workspaces without quotas of their own, and for those who have no token. Undefined: no limit. */
export interface InstanceLimits extends WorkspaceQuotas {
  /** From one address. */
  readonly anonymousPerS: number | undefined;
}

/** The quotas of all workspaces, in memory. While the database is away they stay as they were. */
export class Quotas implements Watched {
  readonly name = "quotas";
  readonly isNew = hasChangedQuotas;
  readonly instance: InstanceLimits;
  readonly #pool: Pool;
  readonly #own = new Map<WorkspaceId, WorkspaceQuotas>();
  #since = "0";

  constructor(pool: Pool, instance: InstanceLimits) {
    this.#pool = pool;
    this.instance = instance;
  }

  /** What is to be kept to. */
  of<Name extends keyof WorkspaceQuotas>(workspace: WorkspaceId, name: Name): number | undefined {
    return this.#own.get(workspace)?.[name] ?? this.instance[name];
  }

  since(): string {
    return this.#since;
  }

  /** Errors: those of the database. */
  async read(): Promise<void> {
    const { changed, next } = await changedQuotas(this.#pool, this.#since);
    for (const [workspace, quotas] of changed) this.#own.set(workspace, quotas);
    this.#since = next;
  }
}
