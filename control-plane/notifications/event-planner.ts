import { createHash } from "node:crypto";
import { AppError } from "../../kernel/app-error.ts";
import type { Clock } from "../../kernel/clock.ts";
import { type JobId, parseJobId, type WorkspaceId } from "../../kernel/ids.ts";
import type { Pool } from "../db/pools.ts";
import type { FlowRunView } from "../flows/runs/contract.ts";
import type { JobView } from "../jobs/contract.ts";
import { readJobs } from "../jobs/job-store.ts";
import { presentJob } from "../jobs/present.ts";
import type { Log } from "../telemetry/log.ts";
import { type EventKind, HOOK_LIMITS } from "./contract.ts";
import { type EventNoteRow, type NewDelivery, takeNotes } from "./event-store.ts";
import { activeHooks, type StoredHook } from "./hook-store.ts";

export interface PlannerDeps {
  readonly pool: Pool;
  readonly clock: Clock;
  readonly log: Log;
  readonly workspaceName: (workspace: WorkspaceId) => Promise<string | undefined>;
  /** Errors: not_found for what is no run of a flow. */
  readonly runOf: (workspace: WorkspaceId, flow: JobId) => Promise<FlowRunView>;
}

/** Something that hooks are told. */
interface Happening {
  /** The receiver's key: the same for the same happening. */
  readonly id: string;
  readonly kind: EventKind;
  /** Of what it is about; empty for inline code. */
  readonly path: string;
  readonly data: unknown;
}

const BATCH = 200;

/** Turns notes of what happened into deliveries to hooks. */
export class EventPlanner {
  readonly #deps: PlannerDeps;

  constructor(deps: PlannerDeps) {
    this.#deps = deps;
  }

  /** Works off all notes. Safe to be broken off: what was not committed is done again, with the same ids. */
  async plan(): Promise<void> {
    const { pool, clock, log } = this.#deps;
    for (let taken = BATCH; taken === BATCH; ) {
      const done = await takeNotes(pool, BATCH, HOOK_LIMITS.waiting, clock.wallMs(), (notes) => this.#deliveries(notes));
      if (done.dropped > 0)
        log.warn({ event: "hooks.overfull", deliveries: done.dropped }, "hooks that have too many deliveries waiting are not told of what happens now");
      taken = done.taken;
    }
  }

  async #deliveries(notes: readonly EventNoteRow[]): Promise<NewDelivery[]> {
    const workspaces = [...new Set(notes.map(({ workspace }) => workspace))];
    const hooks = await activeHooks(this.#deps.pool, workspaces);
    const deliveries: NewDelivery[] = [];
    for (const workspace of workspaces) {
      const own = hooks.filter((hook) => hook.workspace === workspace);
      if (own.length === 0) continue;
      const name = (await this.#deps.workspaceName(workspace)) ?? "";
      const ofWorkspace = notes.filter((note) => note.workspace === workspace);
      for (const happening of await this.#happenings(workspace, name, ofWorkspace)) deliveries.push(...this.#told(happening, workspace, name, own));
    }
    return deliveries;
  }

  #told({ id, kind, path, data }: Happening, workspace: WorkspaceId, name: string, hooks: readonly StoredHook[]): NewDelivery[] {
    const timestamp = new Date(this.#deps.clock.wallMs()).toISOString();
    const payload = JSON.stringify({ type: kind, timestamp, workspace: name, data });
    return hooks
      .filter((hook) => hook.events.includes(kind) && path.startsWith(hook.pathPrefix))
      .map((hook) => ({ workspace, hook: hook.path, event: id, kind, payload }));
  }

  async #happenings(workspace: WorkspaceId, name: string, notes: readonly EventNoteRow[]): Promise<Happening[]> {
    // A run that has moved often is looked at once.
    const distinct = new Map(notes.map((note) => [`${note.kind} ${note.id} ${note.data ?? ""}`, note]));
    const jobNotes = [...distinct.values()].flatMap((note) => {
      const job = parseJobId(note.id);
      return job === undefined ? [] : [{ ...note, job }];
    });
    const records = await readJobs(this.#deps.pool, workspace, [...new Set(jobNotes.map(({ job }) => job))]);
    const jobs = new Map(records.map((record) => [record.id, presentJob(name, record, undefined)]));
    const happenings: Happening[] = [];
    for (const note of jobNotes) {
      const job = jobs.get(note.job);
      if (job === undefined) continue;
      if (note.kind === "ended") happenings.push(...endOf(job));
      else if (note.kind === "lost") happenings.push(lossOf(job, note.data ?? ""));
      else if (note.kind === "flow") happenings.push(...(await this.#wanted(workspace, job, note.job)));
    }
    for (const note of notes) if (note.kind === "schedule.missed") happenings.push(toldOf(note.kind, note));
    return happenings;
  }

  /** Steps of a run that wait for people at this moment. */
  async #wanted(workspace: WorkspaceId, job: JobView, id: JobId): Promise<Happening[]> {
    if (job.finished_at !== undefined) return [];
    try {
      const { steps } = await this.#deps.runOf(workspace, id);
      return steps
        .filter(({ status }) => status === "suspended")
        .map((step) => ({
          id: `approval_${id}_${createHash("sha256").update(step.step).digest("hex").slice(0, 16)}`,
          kind: "approval.wanted",
          path: pathOf(job),
          data: { job, step },
        }));
    } catch (error) {
      if (AppError.from(error).code === "not_found") return [];
      throw error;
    }
  }
}

const pathOf = ({ script, flow }: JobView): string => flow ?? script ?? "";

/** None for a job that has not ended after all, and for what is part of another one. */
function endOf(job: JobView): Happening[] {
  const { status } = job;
  if (job.kind === "step" || job.kind === "dependencies") return [];
  if (status !== "succeeded" && status !== "failed" && status !== "cancelled") return [];
  return [{ id: `job_${job.id}`, kind: `job.${status}`, path: pathOf(job), data: { job } }];
}

function lossOf(job: JobView, attempt: string): Happening {
  return { id: `lost_${job.id}_${attempt}`, kind: "attempt.lost", path: pathOf(job), data: { job, attempt: Number(attempt) } };
}

function toldOf(kind: EventKind, { id, data }: EventNoteRow): Happening {
  const told: unknown = JSON.parse(data ?? "{}");
  const path = typeof told === "object" && told !== null && "path" in told && typeof told.path === "string" ? told.path : "";
  return { id, kind, path, data: typeof told === "object" && told !== null && "data" in told ? told.data : {} };
}
