import { AppError } from "../../kernel/app-error.ts";
import type { Clock } from "../../kernel/clock.ts";
import { createJobIdGenerator } from "../../kernel/ids.ts";
import type { Pool } from "../db/pools.ts";
import type { Accepted } from "../scheduler/keyed-jobs.ts";
import { currentVersion } from "../scripts/find-script.ts";
import type { ScriptCache } from "../scripts/script-cache.ts";
import type { Workspace } from "../workspaces/workspace-store.ts";
import type { RunJobRequest } from "./contract.ts";
import { renewedJob } from "./enqueue.ts";
import { type JobKey, jobKey } from "./idempotency-key.ts";
import type { JobService, Requester } from "./job-service.ts";
import { createKeyStore } from "./key-store.ts";
import type { NewJob } from "./model.ts";
import { POLICY_LIMITS } from "./policy-contract.ts";

export interface NamedRequest {
  /** Stands for this one job alone. */
  readonly key: string;
  readonly createdBy: string;
  readonly request: RunJobRequest;
  /** See JobKey. */
  readonly isNew?: (() => boolean) | undefined;
}

/** Jobs that the platform itself starts for a workspace. */
export interface NamedJobs {
  /**
   * Accepts jobs, each under its key: the same key is the same job, whatever else the request says by then, for a week. In order; a job that cannot
   * be made is its error. Errors: unavailable when it is not known of all of them; with the same keys it may be asked again.
   * @param wanted also as `make` has made them
   */
  run(workspace: Workspace, wanted: readonly (NamedRequest | NewJob)[]): Promise<(Accepted | AppError)[]>;
  /** Makes jobs that are to be accepted soon; undefined for one that cannot be made now. Accepts nothing. */
  make(workspace: Workspace, wanted: readonly NamedRequest[]): Promise<(NewJob | undefined)[]>;
  /** Whether a request could be run now. Errors: those of JobService.run that are the request's own. */
  check(workspace: Workspace, request: RunJobRequest): Promise<void>;
  /** Names of the arguments that a deployed script takes; undefined: any. Errors: not_found. */
  argumentsOf(workspace: Workspace, script: string): Promise<ReadonlySet<string> | undefined>;
}

export interface NamedJobsDeps {
  readonly pool: Pool;
  readonly jobs: Pick<JobService, "make" | "acceptMade">;
  readonly scripts: ScriptCache;
  readonly clock: Clock;
}

const requester = (workspace: Workspace, label: string): Requester => ({ principal: { kind: "workspace", label }, workspace });

export function createNamedJobs({ pool, jobs, scripts, clock }: NamedJobsDeps): NamedJobs {
  const keys = createKeyStore(pool);
  const newJobId = createJobIdGenerator(() => clock.wallMs());
  const named = ({ key, isNew }: NamedRequest): JobKey => ({
    ...jobKey("named", key, 0, key, clock.wallMs() + POLICY_LIMITS.keyWindowS * 1000),
    isNew,
  });
  const make = (workspace: Workspace, wanted: NamedRequest, key = named(wanted)): Promise<NewJob> =>
    jobs.make(requester(workspace, wanted.createdBy), wanted.request, key);
  return {
    async run(workspace, wanted) {
      const made = await Promise.all(
        wanted.map(async (one) => {
          if ("job" in one) return renewedJob(one, newJobId(), clock.wallMs());
          const key = named(one);
          try {
            return await make(workspace, one, key);
          } catch (error) {
            // What cannot be made any more may have been made before.
            const known = (await keys.findKeys(workspace.id, [key.key], clock.wallMs())).get(key.key);
            return known === undefined ? AppError.from(error) : { id: known.id, created: false };
          }
        }),
      );
      const accepted = (await jobs.acceptMade(made.flatMap((one) => ("job" in one ? [one] : [])))).values();
      return made.map((one) => ("job" in one ? (accepted.next().value ?? new AppError("internal", "a job was lost on its way")) : one));
    },
    make: (workspace, wanted) => Promise.all(wanted.map((one) => make(workspace, one).catch(() => undefined))),
    async check(workspace, request) {
      await jobs.make(requester(workspace, ""), request, undefined);
    },
    async argumentsOf(workspace, script) {
      const { properties, additionalProperties } = (await currentVersion(pool, scripts, workspace.id, script)).schema;
      if (additionalProperties !== false || typeof properties !== "object" || properties === null) return undefined;
      return new Set(Object.keys(properties));
    },
  };
}
