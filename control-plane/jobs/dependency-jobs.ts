import type { Clock } from "../../kernel/clock.ts";
import type { Exit } from "../../kernel/exit.ts";
import type { JobId } from "../../kernel/ids.ts";
import type { Pool } from "../db/pools.ts";
import { askOwner } from "../scheduler/cluster/ask-owner.ts";
import type { OwnerDirectory } from "../scheduler/cluster/owner-directory.ts";
import type { ScriptVersion } from "../scripts/script-store.ts";
import type { Workspace } from "../workspaces/workspace-store.ts";
import { dependenciesJob } from "./enqueue.ts";
import { jobKey } from "./idempotency-key.ts";
import type { JobEvents } from "./job-events.ts";
import { readJob, readResult } from "./job-store.ts";
import { POLICY_LIMITS } from "./policy-contract.ts";

export interface DependencyJobsDeps {
  readonly pool: Pool;
  readonly owners: OwnerDirectory;
  readonly clock: Clock;
  readonly newJobId: () => JobId;
  readonly events: JobEvents;
}

/** How a job ended, with its result as JSON text. */
export interface JobOutcome {
  readonly exit: Pick<Exit, "reason" | "message">;
  readonly resultJson: string;
}

/** Jobs that find out what a version depends on: kind `dependencies`. */
export interface DependencyJobs {
  /** Accepts the job of one round; asked again, also by another replica, it finds the same job. Errors: unavailable. */
  ask(workspace: Workspace["id"], version: ScriptVersion, round: number): Promise<JobId>;
  /** Its end; `alive` before that, `gone` when it is no longer in history. */
  outcome(workspace: Workspace["id"], id: JobId): Promise<JobOutcome | "alive" | "gone">;
  /** Resolves with the notice of its end, or after `ms`. */
  ended(id: JobId, ms: number, signal: AbortSignal): Promise<boolean>;
}

export function createDependencyJobs({ pool, owners, clock, newJobId, events }: DependencyJobsDeps): DependencyJobs {
  return {
    async ask(workspace, version, round) {
      const expiresAtMs = clock.wallMs() + POLICY_LIMITS.keyWindowS * 1000;
      const key = jobKey("lock", version.hash, round, "", expiresAtMs);
      const context = { workspace: { id: workspace, name: "" }, createdBy: version.createdBy, clock, newJobId, key };
      const job = dependenciesJob(context, version);
      const [accepted] = await askOwner(owners, clock, job.job.shard, (owner) => owner.enqueue([job]));
      return accepted?.id ?? job.job.id;
    },

    async outcome(workspace, id) {
      const record = await readJob(pool, workspace, id);
      if (record === undefined) return "gone";
      if (record.done === undefined) return "alive";
      const { reason, message = "" } = record.done;
      return { exit: { reason, message }, resultJson: (await readResult(pool, workspace, id)) ?? "null" };
    },

    ended: (id, ms, signal) => events.ended(id, ms, signal),
  };
}
