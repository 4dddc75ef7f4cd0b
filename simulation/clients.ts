import { jobKey } from "../control-plane/jobs/idempotency-key.ts";
import { type NewJob, shardOf } from "../control-plane/jobs/model.ts";
import { AppError } from "../kernel/app-error.ts";
import { asWorkspaceId, type JobId, type WorkspaceId } from "../kernel/ids.ts";
import { limitsOf } from "./limited-jobs.ts";
import type { ModelStore } from "./model-store.ts";
import { type AskedJob, jobOf, makeJob, type NewJobOptions, UNSERVED } from "./new-jobs.ts";
import type { Oracle } from "./oracle.ts";
import type { Dice } from "./plan.ts";
import { pick } from "./random.ts";
import type { SimulatedReplica } from "./simulated-replica.ts";
import type { Process, VirtualTime } from "./virtual-time.ts";

/** Of different shards, spread over the replicas. */
export const WORKSPACES = ["1", "2", "3", "4"];
/** How long a key counts: longer than any run. */
const KEY_MS = 24 * 3_600_000;

interface ClientsOptions {
  readonly time: VirtualTime;
  readonly random: () => number;
  /** Where the clients live. */
  readonly process: Process;
  readonly replicas: readonly SimulatedReplica[];
  readonly store: ModelStore;
  readonly oracle: Oracle;
  /** The longest that a script runs. */
  readonly longestMs: number;
}

/** Who asks the replicas for something. */
export class Clients {
  readonly #options: ClientsOptions;
  #made = 0;
  #keys = 0;

  constructor(options: ClientsOptions) {
    this.#options = options;
  }

  /** @param limited what limits the jobs: a number in [0, 1) that chooses, or undefined for nothing */
  enqueue({ count, dice, limited }: { count: number; dice: Dice; limited?: number }): string {
    const replica = this.#someReplica(dice[3]);
    if (replica === undefined) return "nobody";
    const { process } = replica;
    const workspace = asWorkspaceId(pick(WORKSPACES, dice[1]) ?? "1");
    process.after(0, () => {
      const jobs = Array.from({ length: count }, () => {
        const limits = limited === undefined ? undefined : limitsOf(this.#options.random, workspace, limited);
        return this.#newJob(process, workspace, { language: dice[2] < 0.8 ? "bash" : "python3", limits });
      });
      this.#send(replica, workspace, jobs);
    });
    return `${count} jobs of workspace ${workspace} to ${replica.name}`;
  }

  /** Jobs of a directed world, asked for of this replica. @returns their ids, before anything has become of them */
  put(replica: SimulatedReplica, workspace: WorkspaceId, wanted: readonly Pick<AskedJob, "settings" | "args" | "timeoutMs" | "limits">[]): JobId[] {
    const { process } = replica;
    const jobs = wanted.map((job) => {
      this.#made += 1;
      return this.#told(jobOf({ ...job, number: this.#made, workspace, wallMs: process.clock.wallMs(), language: "bash", prio: 4 }));
    });
    process.after(0, () => this.#send(replica, workspace, jobs));
    return jobs.map(({ job }) => job.id);
  }

  /** Of each workspace a job for a later moment, and one that nobody can run and that expires then. */
  probe(inS: number): void {
    const args = { runMs: 10, mode: "success" } as const;
    for (const workspace of WORKSPACES.map(asWorkspaceId)) {
      const replica = this.#someReplica(this.#options.random());
      if (replica === undefined) continue;
      const { process } = replica;
      const make = (language: string, settings: AskedJob["settings"]): NewJob => {
        this.#made += 1;
        const wanted = { settings, args, timeoutMs: undefined, limits: undefined, language, prio: 4 };
        return this.#told(jobOf({ ...wanted, number: this.#made, workspace, wallMs: process.clock.wallMs() }));
      };
      process.after(0, () => this.#send(replica, workspace, [make("bash", { delay_s: inS }), make(UNSERVED, { queue_ttl_s: inS })]));
    }
  }

  cancelAny(dice: Dice): string {
    const { store, oracle } = this.#options;
    const { pending } = store;
    const id = pick(dice[2] < 0.5 && pending.size > 0 ? [...pending.keys()] : [...oracle.acknowledged], 1 - dice[0] * dice[0]);
    const replica = this.#someReplica(dice[1]);
    return id === undefined || replica === undefined ? "nothing" : this.cancel(replica, id);
  }

  cancel(replica: SimulatedReplica, id: JobId): string {
    const { stories } = this.#options.oracle;
    const workspace = stories.workspaceOf(id);
    if (workspace === undefined) return "nothing";
    stories.cancelAsked(id);
    replica.process.after(0, () => {
      replica
        .ask(shardOf(workspace), (owner) => owner.cancel({ id, workspace }, "no longer wanted"))
        .then(
          (answer) => stories.cancelAnswered(id, answer),
          () => undefined,
        );
    });
    return `${id.slice(-4)} at ${replica.name}`;
  }

  /** Some clients send the same request under a key at once and again, to whoever answers; now and then one changes the request. */
  enqueueKeyed(dice: Dice): string {
    const { process, random } = this.#options;
    if (this.#keys === 0 || dice[0] < 0.4) this.#keys += 1;
    const number = Math.max(1, this.#keys - Math.floor(dice[1] * 3));
    const copies = 1 + Math.floor(dice[2] * 4);
    for (let copy = 0; copy < copies; copy++) process.after(copy * dice[3] * 30, () => this.#sendKeyed(number, random() < 0.1 ? "other" : "same", 5));
    return `${copies} requests under key ${number}`;
  }

  #sendKeyed(number: number, body: string, tries: number): void {
    const { random, oracle, process: ours } = this.#options;
    const replica = this.#someReplica(random());
    const again = (error: unknown): void => {
      if (tries > 1 && AppError.from(error).code !== "already_exists") ours.after(200 + random() * 5000, () => this.#sendKeyed(number, body, tries - 1));
    };
    if (replica === undefined) {
      again(new AppError("unavailable", "there is no replica"));
      return;
    }
    const { process } = replica;
    const workspace = asWorkspaceId(WORKSPACES[number % WORKSPACES.length] ?? "1");
    process.after(0, () => {
      // Every third one is a batch of two.
      const keys = Array.from({ length: number % 3 === 0 ? 2 : 1 }, (_, at) => jobKey("batch", String(number), at, body, process.clock.wallMs() + KEY_MS));
      const jobs = keys.map((key) => this.#newJob(process, workspace, { language: "bash", key }));
      replica
        .ask(shardOf(workspace), (owner) => owner.enqueue(jobs))
        .then((accepted) => {
          oracle.acknowledge(accepted.map(({ id }) => id));
          for (const [at, { id }] of accepted.entries()) oracle.stories.keyAnswered(`${number}/${at}`, { id, body });
        }, again);
    });
  }

  #send(replica: SimulatedReplica, workspace: WorkspaceId, jobs: readonly NewJob[]): void {
    replica
      .ask(shardOf(workspace), (owner) => owner.enqueue(jobs))
      .then(
        () => this.#options.oracle.acknowledge(jobs.map(({ job }) => job.id)),
        () => undefined,
      );
  }

  /** One that could answer, if there is one. */
  #someReplica(dice: number): SimulatedReplica | undefined {
    return pick(
      this.#options.replicas.filter((replica) => replica.isOpen),
      dice,
    );
  }

  #newJob(process: Process, workspace: WorkspaceId, wanted: Pick<NewJobOptions, "language" | "key" | "limits">): NewJob {
    const { random, time, longestMs } = this.#options;
    this.#made += 1;
    const wallMs = process.clock.wallMs();
    return this.#told(makeJob({ random, number: this.#made, workspace, wallMs, nowMs: time.nowMs, longestMs, ...wanted }));
  }

  /** The oracle knows of every job. */
  #told(made: NewJob): NewJob {
    const { stories, limits } = this.#options.oracle;
    stories.made(made);
    limits.made(made);
    return made;
  }
}
