// Whether a workspace may start more jobs. This is on the path of every enqueue: without quotas it is two look-ups in maps, with them a few more and
// no statement. How much waits, and how much is stored, is known from a look some time ago and what was let in since; only before a refusal
// is the queue counted again.
import { AppError } from "../../kernel/app-error.ts";
import type { Clock } from "../../kernel/clock.ts";
import type { WorkspaceId } from "../../kernel/ids.ts";
import { LruMap } from "../../kernel/lru-map.ts";
import type { Pool } from "../db/pools.ts";
import type { Buckets } from "./buckets.ts";
import { countQueued } from "./quota-store.ts";
import type { Quotas } from "./quotas.ts";
import { storedBytes, thinnedDays } from "./usage-store.ts";

export interface JobAdmissionParts {
  readonly pool: Pool;
  readonly quotas: Quotas;
  readonly buckets: Buckets;
  readonly clock: Clock;
}

interface Measured {
  readonly value: number;
  readonly atMs: number;
}

/** A queue that was counted is believed for so long, with what was let in since. */
const COUNTED_FOR_MS = 2000;
/** What is refused looks at the queue itself this often at most. */
const COUNT_AGAIN_MS = 100;
const STORAGE_FOR_MS = 60_000;
const QUEUE_RETRY_S = 5;
const STORAGE_RETRY_S = 3600;
const MINUTE_S = 60;
const MAX_WORKSPACES = 20_000;

export class JobAdmission {
  readonly #parts: JobAdmissionParts;
  readonly #queued = new LruMap<WorkspaceId, Measured & { readonly since: number }>(MAX_WORKSPACES);
  readonly #stored = new LruMap<WorkspaceId, Measured>(MAX_WORKSPACES);
  readonly #counting = new Map<WorkspaceId, Promise<void>>();

  constructor(parts: JobAdmissionParts) {
    this.#parts = parts;
  }

  /**
   * Lets jobs of a workspace in, or does not. Several at once are let in together or not at all.
   * Errors: resource_exhausted, with the seconds after which they may be.
   * @returns undefined when nothing has to be waited for
   */
  admit(workspace: WorkspaceId, jobs: number): Promise<void> | undefined {
    const { quotas } = this.#parts;
    const maxQueued = quotas.of(workspace, "maxQueued");
    const maxStorage = quotas.of(workspace, "maxStorageBytes");
    if (maxQueued === undefined && maxStorage === undefined) return this.#takeMinute(workspace, jobs);
    return this.#admitMeasured(workspace, jobs, maxQueued, maxStorage);
  }

  async #admitMeasured(workspace: WorkspaceId, jobs: number, maxQueued: number | undefined, maxStorage: number | undefined): Promise<void> {
    if (maxStorage !== undefined) await this.#checkStorage(workspace, maxStorage);
    if (maxQueued !== undefined) await this.#reserve(workspace, jobs, maxQueued);
    try {
      this.#takeMinute(workspace, jobs);
    } catch (error) {
      if (maxQueued !== undefined) this.#add(workspace, -jobs);
      throw error;
    }
  }

  #takeMinute(workspace: WorkspaceId, jobs: number): undefined {
    const perMinute = this.#parts.quotas.of(workspace, "jobsPerMinute");
    if (perMinute === undefined) return undefined;
    const { ok, resetS } = this.#parts.buckets.take(`jobs ${workspace}`, { perS: perMinute / MINUTE_S, size: perMinute }, jobs);
    if (!ok) throw overQuota(`the workspace may start ${perMinute} jobs per minute`, resetS);
    return undefined;
  }

  /** Others look at the queue in the same moment: who finds room takes it at once. */
  async #reserve(workspace: WorkspaceId, jobs: number, most: number): Promise<void> {
    const fits = (): boolean => {
      const known = this.#queued.get(workspace);
      return known !== undefined && known.value + known.since + jobs <= most;
    };
    const age = this.#parts.clock.monotonicMs() - (this.#queued.get(workspace)?.atMs ?? Number.NEGATIVE_INFINITY);
    if (age > COUNTED_FOR_MS || (!fits() && age > COUNT_AGAIN_MS)) await this.#count(workspace, most);
    if (!fits()) throw overQuota(`the workspace may have ${most} jobs waiting`, QUEUE_RETRY_S);
    this.#add(workspace, jobs);
  }

  #add(workspace: WorkspaceId, jobs: number): void {
    const known = this.#queued.get(workspace);
    if (known !== undefined) this.#queued.set(workspace, { ...known, since: known.since + jobs });
  }

  /** Callers that come meanwhile share one look. */
  #count(workspace: WorkspaceId, most: number): Promise<void> {
    const underWay = this.#counting.get(workspace);
    if (underWay !== undefined) return underWay;
    const { pool, clock } = this.#parts;
    const before = this.#queued.get(workspace)?.since ?? 0;
    const counting = countQueued(pool, workspace, most + 1)
      .then((value) => {
        // What was let in while it was counted may be in the count or not: it is taken as missing.
        const since = Math.max(0, (this.#queued.get(workspace)?.since ?? 0) - before);
        this.#queued.set(workspace, { value, since, atMs: clock.monotonicMs() });
      })
      .finally(() => this.#counting.delete(workspace));
    this.#counting.set(workspace, counting);
    return counting;
  }

  async #checkStorage(workspace: WorkspaceId, most: number): Promise<void> {
    const { pool, clock } = this.#parts;
    let known = this.#stored.get(workspace);
    if (known === undefined || clock.monotonicMs() - known.atMs > STORAGE_FOR_MS) {
      known = { value: await storedBytes(pool, workspace, await thinnedDays(pool)), atMs: clock.monotonicMs() };
      this.#stored.set(workspace, known);
    }
    if (known.value >= most) throw overQuota(`the workspace keeps ${known.value} bytes of output and results, and may keep ${most}`, STORAGE_RETRY_S);
  }
}

/** @param resetS seconds after which it may work again */
export function overQuota(message: string, resetS: number): AppError {
  return new AppError("resource_exhausted", message, { retryAfterS: Math.max(1, Math.ceil(resetS)), hint: "wait, or ask the operator for more" });
}
