import { messageOf } from "../../kernel/app-error.ts";
import type { WorkspaceId } from "../../kernel/ids.ts";
import type { Service } from "../../kernel/service.ts";
import type { Pool } from "../db/pools.ts";
import type { Log } from "../telemetry/log.ts";
import { changedQuotas, type WorkspaceQuotas } from "./quota-store.ts";

/** What holds for workspaces without quotas of their own, and for those who have no token. Undefined: no limit. */
export interface InstanceLimits extends WorkspaceQuotas {
  /** From one address. */
  readonly anonymousPerS: number | undefined;
}

const LOOK_EVERY_MS = 1000;

/** The quotas of all workspaces, in memory. A change is seen within a second or two; while the database is away they stay as they were. */
export class Quotas implements Service {
  readonly #pool: Pool;
  readonly #log: Log;
  readonly instance: InstanceLimits;
  readonly #own = new Map<WorkspaceId, WorkspaceQuotas>();
  #since = "0";
  #timer: NodeJS.Timeout | undefined;
  #looking = false;

  constructor(pool: Pool, log: Log, instance: InstanceLimits) {
    this.#pool = pool;
    this.#log = log;
    this.instance = instance;
  }

  async start(): Promise<void> {
    await this.look();
    this.#timer = setInterval(() => void this.#lookAgain(), LOOK_EVERY_MS);
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
  }

  /** What is to be kept to. */
  of<Name extends keyof WorkspaceQuotas>(workspace: WorkspaceId, name: Name): number | undefined {
    return this.#own.get(workspace)?.[name] ?? this.instance[name];
  }

  async look(): Promise<void> {
    const { changed, next } = await changedQuotas(this.#pool, this.#since);
    for (const [workspace, quotas] of changed) this.#own.set(workspace, quotas);
    this.#since = next;
  }

  async #lookAgain(): Promise<void> {
    if (this.#looking) return;
    this.#looking = true;
    await this.look().catch((error: unknown) =>
      this.#log.warn({ event: "quotas.not_read", error: messageOf(error) }, "quotas could not be read, they stay as they were"),
    );
    this.#looking = false;
  }
}
