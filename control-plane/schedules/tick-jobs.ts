import { AppError, messageOf } from "../../kernel/app-error.ts";
import type { JobId, WorkspaceId } from "../../kernel/ids.ts";
import type { Pool } from "../db/pools.ts";
import type { RunJobRequest } from "../jobs/contract.ts";
import type { JobEvents } from "../jobs/job-events.ts";
import { readJobs } from "../jobs/job-store.ts";
import type { NewJob } from "../jobs/model.ts";
import type { NamedJobs, NamedRequest } from "../jobs/named-jobs.ts";
import type { Workspace, Workspaces } from "../workspaces/workspace-store.ts";
import type { Ended, StartOutcome, Target } from "./model.ts";
import { readArgs, readSettings } from "./schedule-codec.ts";

/** A job that a schedule wants. The same key is the same job, whatever else has changed meanwhile. */
export interface WantedJob {
  readonly key: string;
  readonly createdBy: string;
  readonly target: Target;
  readonly argsJson: string;
  readonly settingsJson: string;
  /** True while there is no job of that key, so that none has to be looked for. */
  readonly isNew?: (() => boolean) | undefined;
  /** As `make` has made it. */
  readonly made?: NewJob | undefined;
}

/** Jobs as schedules use them. */
export interface TickJobs {
  /** Makes jobs of one workspace that are started soon, in order; undefined for one that cannot be made now. Errors: those of looking for the workspace. */
  make(workspace: WorkspaceId, wanted: readonly WantedJob[]): Promise<(NewJob | undefined)[]>;
  /** Starts jobs of one workspace; outcomes in order. */
  start(workspace: WorkspaceId, wanted: readonly WantedJob[]): Promise<StartOutcome[]>;
  /** The ends of those that have ended. */
  ends(workspace: WorkspaceId, ids: readonly JobId[]): Promise<ReadonlyMap<JobId, Ended>>;
  /** Calls back when the job ends; may be forgotten by a replica that dies, so that one has to look now and then. @returns ends the subscription */
  onEnd(id: JobId, then: () => void): () => void;
  /** Names of arguments that a script takes; undefined: any. Errors: not_found. */
  argumentsOf(workspace: WorkspaceId, script: string): Promise<ReadonlySet<string> | undefined>;
}

export interface TickJobsDeps {
  readonly pool: Pool;
  readonly jobs: Pick<NamedJobs, "run" | "make" | "argumentsOf">;
  readonly events: Pick<JobEvents, "on">;
  readonly workspaces: Pick<Workspaces, "loadName">;
}

/** What can pass by itself. */
const PASSING: ReadonlySet<string> = new Set(["unavailable", "deadline_exceeded", "internal", "cancelled", "resource_exhausted"]);

export function createTickJobs({ pool, jobs, events, workspaces }: TickJobsDeps): TickJobs {
  const load = async (id: WorkspaceId): Promise<Workspace> => {
    const name = await workspaces.loadName(id);
    if (name === undefined) throw new AppError("not_found", "the workspace is gone");
    return { id, name };
  };
  const named = ({ key, createdBy, isNew, ...request }: WantedJob): NamedRequest => ({ key, createdBy, isNew, request: requestOf(request) });
  return {
    make: async (id, wanted) => jobs.make(await load(id), wanted.map(named)),
    async start(id, wanted) {
      try {
        const accepted = await jobs.run(
          await load(id),
          wanted.map((one) => one.made ?? named(one)),
        );
        return accepted.map((one): StartOutcome => (one instanceof AppError ? outcomeOf(one) : { kind: "started", job: one.id }));
      } catch (error) {
        const outcome = outcomeOf(AppError.from(error));
        return wanted.map(() => outcome);
      }
    },
    async ends(id, ids) {
      const records = await readJobs(pool, id, ids);
      return new Map(
        records.flatMap(({ id: job, status, done }): [JobId, Ended][] =>
          done === undefined || status === "queued" || status === "running" ? [] : [[job, { outcome: status, message: done.message ?? done.reason }]],
        ),
      );
    },
    onEnd: (id, then) =>
      events.on(id, (change) => {
        if (change === "ended") then();
      }),
    argumentsOf: async (id, script) => jobs.argumentsOf(await load(id), script),
  };
}

/** The request of a run, as people would send it. */
export function requestOf({ target, argsJson, settingsJson }: Pick<WantedJob, "target" | "argsJson" | "settingsJson">): RunJobRequest {
  return { ...readSettings(settingsJson), [target.kind]: target.path, args: readArgs(argsJson) };
}

function outcomeOf(error: AppError): StartOutcome {
  return { kind: PASSING.has(error.code) ? "unknown" : "refused", message: messageOf(error) };
}
