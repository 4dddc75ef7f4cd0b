import { createHash } from "node:crypto";
import { z } from "zod";
import { AppError } from "../../kernel/app-error.ts";
import type { Clock } from "../../kernel/clock.ts";
import { asJobId, type JobId, type Token } from "../../kernel/ids.ts";
import type { Pool } from "../db/pools.ts";
import type { Caller } from "../http/authorize.ts";
import type { JobService } from "../jobs/job-service.ts";
import { POLICY_LIMITS } from "../jobs/policy-contract.ts";
import { type Checkpoint, findCheckpoints, listCheckpoints, type NewCheckpoint, writeCheckpoints } from "./checkpoint-store.ts";
import { type CheckpointsRequest, type TasksRequest, WORKFLOW_LIMITS } from "./contract.ts";

export interface WorkflowDeps {
  readonly pool: Pool;
  readonly jobs: Pick<JobService, "record" | "runKeyed">;
  readonly clock: Clock;
}

/** What is kept of a child job: which one it is, and what was asked for. */
const taskValue = z.object({ job: z.string(), asked: z.string() });

/** What scripts that are workflows have done, kept so that their next attempt need not do it again. */
export class Workflows {
  readonly #deps: WorkflowDeps;

  constructor(deps: WorkflowDeps) {
    this.#deps = deps;
  }

  /**
   * Remembers steps and sleeps of the running attempt. Errors: permission_denied for anybody but the job; failed_precondition when the attempt does not run any
   * more; already_exists for a name that stands for something else; out_of_range.
   */
  async remember(caller: Caller, id: JobId, { checkpoints }: CheckpointsRequest): Promise<void> {
    refuseTwins(checkpoints, "/checkpoints");
    const nowMs = this.#deps.clock.wallMs();
    const wanted = checkpoints.map((one, at): NewCheckpoint => {
      const value = one.kind === "step" ? valueText(one.value, at) : JSON.stringify({ until: nowMs + one.ms });
      return { kind: one.kind, name: one.name, value };
    });
    await this.#write(caller, id, attemptOf(caller, id), wanted);
  }

  /**
   * The jobs of a workflow's tasks: those that an earlier attempt has started, or new ones. Errors: as `remember`, and those of running a job; then none was
   * started that was not before.
   */
  async start(caller: Caller, id: JobId, { tasks }: TasksRequest): Promise<readonly JobId[]> {
    refuseTwins(tasks, "/tasks");
    const attempt = attemptOf(caller, id);
    const found = await findCheckpoints(
      this.#deps.pool,
      caller.workspace.id,
      id,
      tasks.map(({ name }) => name),
    );
    const before = new Map(found.map((one) => [one.name, one]));
    const ids = new Map<string, JobId>();
    for (const task of tasks) {
      const known = before.get(task.name);
      if (known !== undefined) ids.set(task.name, knownJob(known, digestOf(task.job)));
    }
    const fresh = tasks.filter(({ name }) => !ids.has(name));
    if (fresh.length > 0) {
      // The key finds a child whose row was not written any more. Longer than it lasts no attempt can be on its way between the two.
      const keyed = fresh.map(({ name, job }) => ({ request: { idempotency_window_s: POLICY_LIMITS.keyWindowS, ...job }, key: `${id} ${name}` }));
      const accepted = await this.#deps.jobs.runKeyed(caller, keyed, "task");
      fresh.forEach(({ name }, at) => {
        const child = accepted[at]?.id;
        if (child !== undefined) ids.set(name, child);
      });
      const wanted = fresh.map(({ name, job }) => ({ kind: "task" as const, name, value: JSON.stringify({ job: ids.get(name), asked: digestOf(job) }) }));
      await this.#write(caller, id, attempt, wanted);
    }
    return tasks.flatMap(({ name }) => ids.get(name) ?? []);
  }

  /** What a job has done so far, as JSON text: values as the script wrote them. Errors: not_found. */
  async page(caller: Caller, id: JobId, after: number): Promise<string> {
    await this.#deps.jobs.record(caller, id);
    const { checkpoints, more } = await listCheckpoints(this.#deps.pool, caller.workspace.id, id, after);
    const nowMs = this.#deps.clock.wallMs();
    const texts = checkpoints.map((one) => checkpointText(one, nowMs));
    return `{"checkpoints":[${texts.join(",")}]${more ? `,"next_after":${checkpoints.at(-1)?.seq ?? after}` : ""}}`;
  }

  async #write(caller: Caller, id: JobId, attempt: Token, wanted: readonly NewCheckpoint[]): Promise<void> {
    const written = await writeCheckpoints(this.#deps.pool, caller.workspace.id, id, attempt, wanted);
    switch (written.kind) {
      case "written":
        return;
      case "stale":
        throw new AppError("failed_precondition", "this attempt does not run any more");
      case "busy":
        throw new AppError("unavailable", "other requests of this job were faster: send one at a time", { retryAfterS: 1 });
      case "taken":
        throw taken(written.name);
      case "full":
        throw new AppError(
          "out_of_range",
          `a job has at most ${WORKFLOW_LIMITS.checkpoints} steps, tasks and sleeps, and ${WORKFLOW_LIMITS.totalBytes} bytes of results of steps`,
          {
            hint: "let steps give less, such as the address of what they made; put parts of the work into tasks, which are jobs of their own",
          },
        );
    }
  }
}

/** Errors: permission_denied for anybody but the job itself. */
function attemptOf({ principal }: Caller, id: JobId): Token {
  if (principal.job?.id !== id) throw new AppError("permission_denied", "only the job itself says what it has done, with its own token");
  return principal.job.attempt;
}

function refuseTwins(wanted: readonly { readonly name: string }[], pointer: string): void {
  const names = new Set<string>();
  for (const [at, { name }] of wanted.entries()) {
    if (names.has(name))
      throw new AppError("invalid_argument", `the name ${name} comes twice`, { fields: [{ pointer: `${pointer}/${at}/name`, message: "comes twice" }] });
    names.add(name);
  }
}

/** Errors: out_of_range for too much of it. */
function valueText(value: unknown, at: number): string {
  const text = JSON.stringify(value ?? null);
  if (Buffer.byteLength(text) > WORKFLOW_LIMITS.valueBytes)
    throw new AppError("out_of_range", `what a step gives is larger than ${WORKFLOW_LIMITS.valueBytes} bytes of JSON`, {
      fields: [{ pointer: `/checkpoints/${at}/value`, message: "is too large" }],
      hint: "let it give the address of what it made",
    });
  return text;
}

/** The job of a task that is known. Errors: already_exists when the name stands for something else. */
function knownJob(known: Checkpoint, asked: string): JobId {
  const value = known.kind === "task" ? taskValue.parse(JSON.parse(known.value)) : undefined;
  if (value?.asked !== asked) throw taken(known.name);
  return asJobId(value.job);
}

function digestOf(job: TasksRequest["tasks"][number]["job"]): string {
  return createHash("sha256").update(JSON.stringify(job)).digest("hex").slice(0, 32);
}

function taken(name: string): AppError {
  return new AppError(
    "already_exists",
    `"${name}" was something else before: another kind of step, another result, or a task with another script or other arguments`,
    {
      hint: "a workflow must do the same at every attempt: put what may differ (time, chance, what it reads) into steps, and give steps names",
    },
  );
}

function checkpointText({ seq, kind, name, attempt, atMs, value }: Checkpoint, nowMs: number): string {
  const head = JSON.stringify({ seq, kind, name, attempt, at: new Date(atMs).toISOString() }).slice(0, -1);
  switch (kind) {
    case "step":
      return `${head},"value":${value}}`;
    case "task":
      return `${head},"job":${JSON.stringify(taskValue.parse(JSON.parse(value)).job)}}`;
    case "sleep":
      return `${head},"remaining_ms":${Math.max(0, Math.ceil(sleepValue.parse(JSON.parse(value)).until - nowMs))}}`;
  }
}

const sleepValue = z.object({ until: z.number() });
