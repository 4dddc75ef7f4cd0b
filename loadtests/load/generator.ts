import { arrivalTimesMs } from "./arrivals.ts";
import type { LoadPlan, LoadReport, SourceLoad, SourcePlan } from "./generator-messages.ts";
import { HttpClient } from "./http-client.ts";
import { Latencies } from "./latencies.ts";
import { monotonicUs, pause, untilUs } from "./monotonic.ts";
import { seededRandom, seedFor } from "./random.ts";
import { FATE, Tally } from "./tally.ts";
import { zipf } from "./zipf.ts";

const REPEAT_AFTER_MS = 50;
/** With several replicas, refused requests pile up for as long as nobody owns their workspace: they must not become a storm. */
const REPEAT_AT_MOST_MS = 300;
const LOOK_EVERY_MS = 20;
/** A request that is still refused after this long fails the run: the system is not merely busy. */
const GIVE_UP_AFTER_US = 120_000_000;
const HELD_BACK_PAUSE_MS = 2;

interface Counts {
  accepted: number;
  requests: number;
  repeated: number;
  firstUs: number;
  lastUs: number;
  readonly answers: Latencies;
  readonly lateness: Latencies;
}

interface Running {
  readonly plan: SourcePlan;
  /** Of its own: callers do not share connections, so one's flood must not queue up before another's request in here. */
  readonly client: HttpClient;
  readonly counts: Counts;
  /** Workspace of the next request, and the number under which its jobs are counted. */
  readonly next: () => { workspace: string; source: number };
}

/** One that is made and not sent yet: its jobs have the numbers from `first` on. */
interface Request {
  readonly dueUs: number;
  readonly first: number;
  readonly path: string;
  readonly body: string;
}

/** Sends what a plan says and knows the fate of each job. One to a process: nothing else may hold up its clock. */
export class Generator {
  readonly #plan: LoadPlan;
  /** For questions to the replicas themselves. */
  readonly #prober: HttpClient;
  readonly #fates = new Tally();
  readonly #open = new Set<Promise<void>>();
  #next = 0;
  #base = 0;
  #looking: Promise<void> | undefined;
  #accepted = 0;
  #underWay = 0;
  #ended = 0;
  #ceased = false;
  #failure: Error | undefined;

  constructor(plan: LoadPlan) {
    this.#plan = plan;
    this.#prober = new HttpClient(plan.token, 2);
  }

  /** Jobs that have ended, as the agents tell. */
  endedAre(jobs: number): void {
    this.#ended = jobs;
  }

  cease(): void {
    this.#ceased = true;
  }

  /** Resolves when every source is through and every request answered. @throws what no repetition can mend, such as a 400 */
  async run(): Promise<LoadReport> {
    const running = this.#plan.sources.map(
      (plan): Running => ({ plan, client: new HttpClient(this.#plan.token, this.#plan.connections), counts: newCounts(), next: targets(plan) }),
    );
    await Promise.all(running.map((source) => (source.plan.pace.kind === "open" ? this.#openLoop(source) : this.#closedLoop(source))));
    while (this.#open.size > 0) await Promise.all(this.#open);
    for (const client of [this.#prober, ...running.map((source) => source.client)]) client.close();
    if (this.#failure !== undefined) throw this.#failure;
    const sources = Object.fromEntries(running.map(({ plan, counts }) => [plan.source, reportOf(counts)]));
    return { sources, fates: this.#fates.toBytes(), acceptedJobs: this.#accepted };
  }

  async #openLoop(source: Running): Promise<void> {
    const { plan } = source;
    if (plan.pace.kind !== "open") return;
    for (const ms of arrivalTimesMs(plan.pace.arrivals, plan.forMs, seededRandom(plan.seed))) {
      const dueUs = Math.round(plan.startUs + ms * 1000);
      // What takes time before a request can be sent is done before its moment: it is no part of what is measured.
      const request = this.#make(source, dueUs);
      await untilUs(dueUs);
      if (this.#over) return;
      const sent = this.#sendUntilTaken(source, request);
      this.#open.add(sent);
      void sent.finally(() => this.#open.delete(sent));
    }
  }

  async #closedLoop(source: Running): Promise<void> {
    const { plan } = source;
    const { pace } = plan;
    if (pace.kind !== "closed") return;
    const endUs = plan.startUs + plan.forMs * 1000;
    const worker = async (): Promise<void> => {
      while (!this.#over && monotonicUs() < endUs) {
        if (this.#accepted + this.#underWay - this.#ended >= pace.backlog) await pause(HELD_BACK_PAUSE_MS);
        else await this.#sendUntilTaken(source, this.#make(source, Math.round(monotonicUs())));
      }
    };
    await untilUs(plan.startUs);
    await Promise.all(Array.from({ length: pace.requests }, worker));
  }

  get #over(): boolean {
    return this.#ceased || this.#failure !== undefined;
  }

  /** One request, repeated under new numbers while it is refused. Never rejects. */
  async #sendUntilTaken(source: Running, request: Request): Promise<void> {
    const { counts, plan } = source;
    const { dueUs } = request;
    const begunUs = monotonicUs();
    let taken = this.#sendOnce(source, request);
    counts.requests += 1;
    if (counts.firstUs === 0) counts.firstUs = dueUs;
    counts.lateness.recordUs(begunUs - dueUs);
    this.#underWay += plan.batch;
    try {
      for (let tries = 0; !(await taken); tries++) {
        if (this.#failure !== undefined) return;
        counts.repeated += 1;
        if (monotonicUs() - dueUs > GIVE_UP_AFTER_US) throw new Error("a request was refused for two minutes");
        await this.#beforeRepeat(tries);
        taken = this.#sendOnce(source, this.#make(source, dueUs));
      }
      const nowUs = monotonicUs();
      counts.lastUs = nowUs;
      if (dueUs >= this.#plan.measureFromUs) counts.answers.recordUs(nowUs - dueUs);
      counts.accepted += plan.batch;
      this.#accepted += plan.batch;
    } catch (error) {
      this.#failure ??= error instanceof Error ? error : new Error(String(error));
    } finally {
      this.#underWay -= plan.batch;
    }
  }

  /** A request under new numbers. */
  #make({ plan, next }: Running, dueUs: number): Request {
    const { workspace, source: number } = next();
    const first = this.#next;
    this.#next += plan.batch;
    const args = (at: number): string => `{"args":{"at":${dueUs},"n":${first + at},"s":${number},"sleep_ms":${plan.sleepMs}}`;
    const [path, body] =
      plan.batch === 1
        ? ["jobs", `{"script":"${plan.script}",${args(0).slice(1)}}`]
        : ["jobs/batch", `{"script":"${plan.script}","jobs":[${Array.from({ length: plan.batch }, (_, at) => `${args(at)}}`).join(",")}]}`];
    return { dueUs, first, path: `/api/v1/w/${workspace}/${path}`, body };
  }

  /** @returns true when it was accepted; false when it may be repeated */
  async #sendOnce({ plan, client }: Running, { first, path, body }: Request): Promise<boolean> {
    const answered = client.send("POST", this.#plan.bases[this.#base] ?? "", path, body, false);
    // Until there is an answer, nobody knows.
    for (let at = 0; at < plan.batch; at++) this.#fates.set(first + at, FATE.unknown);
    const answer = await answered.catch((error: unknown) => ({ status: 0, text: String(error) }));
    if (answer.status === 201) {
      for (let at = 0; at < plan.batch; at++) this.#fates.set(first + at, FATE.accepted);
      return true;
    }
    if (answer.status !== 0 && answer.status !== 503) throw new Error(`an enqueue was answered with ${answer.status}: ${answer.text.slice(0, 500)}`);
    return false;
  }

  /** With one replica a refusal means that it is busy. With several, what a balancer does: ask which of them is ready, then go there. */
  async #beforeRepeat(tries: number): Promise<void> {
    if (this.#plan.bases.length === 1) return pause(REPEAT_AFTER_MS);
    this.#looking ??= this.#findReady().finally(() => {
      this.#looking = undefined;
    });
    await this.#looking;
    if (tries > 0) await pause(Math.min(REPEAT_AT_MOST_MS, REPEAT_AFTER_MS * 2 ** (tries - 1)));
  }

  async #findReady(): Promise<void> {
    const { bases } = this.#plan;
    for (const endUs = monotonicUs() + GIVE_UP_AFTER_US; monotonicUs() < endUs && this.#failure === undefined; await pause(LOOK_EVERY_MS)) {
      for (const [number, base] of bases.entries()) {
        const { status } = await this.#prober.send("GET", base, "/readyz", undefined, false).catch(() => ({ status: 0 }));
        if (status !== 200) continue;
        this.#base = number;
        return;
      }
    }
  }
}

function newCounts(): Counts {
  return { accepted: 0, requests: 0, repeated: 0, firstUs: 0, lastUs: 0, answers: new Latencies(), lateness: new Latencies() };
}

function targets(plan: SourcePlan): Running["next"] {
  const { target } = plan;
  if (target.kind === "one") {
    const only = { workspace: target.workspace, source: plan.source };
    return () => only;
  }
  const rank = zipf(target.workspaces.length, target.exponent, seededRandom(seedFor(plan.seed, 1)));
  return () => {
    const drawn = rank();
    return { workspace: target.workspaces[drawn] ?? "", source: target.sources[drawn] ?? plan.source };
  };
}

function reportOf(counts: Counts): SourceLoad {
  return {
    acceptedJobs: counts.accepted,
    requests: counts.requests,
    repeatedRequests: counts.repeated,
    firstUs: counts.firstUs,
    lastAcceptedUs: counts.lastUs,
    answers: counts.answers.toText(),
    lateness: counts.lateness.toText(),
  };
}
