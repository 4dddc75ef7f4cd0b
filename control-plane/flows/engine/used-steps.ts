import { messageOf } from "../../../kernel/app-error.ts";
import type { JobId } from "../../../kernel/ids.ts";
import type { JobRef } from "../../jobs/model.ts";
import type { FlowHost } from "../../scheduler/flow-port.ts";
import { moduleAt } from "../core/place.ts";
import type { FlowCatalogue } from "./engine-deps.ts";
import type { FlowRunStore } from "./flow-run-store.ts";

/** What an owner before left behind, or what failed, is found this soon. */
const LOOK_EVERY_MS = 60_000;
const PAGE = 100;
/** Events of a log, and jobs, that are worked on at a time. */
const EVENTS = 1000;
const MOST_JOBS = 500;
/** Kept results whose time is over, of all workspaces, in one look. */
const MOST_FORGOTTEN = 5000;

type Store = Pick<FlowRunStore, "used" | "source" | "events" | "deleteUsed" | "forgetKept">;

/**
 * Deletes what steps with `delete_after_use` have left, once their run has ended: their results, arguments and output. That it is to be done is written
 * with the end, so that no crash can make it forgotten. Also lets go of kept results whose time is over.
 */
export class UsedSteps {
  readonly #host: FlowHost;
  readonly #store: Store;
  readonly #catalogue: Pick<FlowCatalogue, "loadFlow">;
  #timer: NodeJS.Timeout | undefined;
  #looking = false;
  #again = false;

  constructor(host: FlowHost, store: Store, catalogue: Pick<FlowCatalogue, "loadFlow">) {
    this.#host = host;
    this.#store = store;
    this.#catalogue = catalogue;
  }

  start(): void {
    this.#timer ??= setInterval(() => void this.look(), LOOK_EVERY_MS).unref();
    void this.look();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** Never rejects. */
  async look(): Promise<void> {
    this.#again = true;
    if (this.#looking) return;
    this.#looking = true;
    try {
      while (this.#again) {
        this.#again = false;
        for (const run of await this.#store.used(this.#host.shards(), PAGE)) await this.#delete(run);
        await this.#store.forgetKept(MOST_FORGOTTEN);
      }
    } catch (error) {
      this.#host.log.warn({ event: "flow.delete_failed", error: messageOf(error) }, "results of steps could not be deleted, will be tried again");
    } finally {
      this.#looking = false;
    }
  }

  async #delete(run: JobRef): Promise<void> {
    const jobs = await this.#jobsOf(run);
    for (let from = MOST_JOBS; from < jobs.length; from += MOST_JOBS) await this.#store.deleteUsed(run, jobs.slice(from, from + MOST_JOBS), false);
    await this.#store.deleteUsed(run, jobs.slice(0, MOST_JOBS), true);
  }

  async #jobsOf(run: JobRef): Promise<JobId[]> {
    const source = await this.#store.source(run.workspace, run.id);
    // Its day has gone, and its steps with it.
    if (source === undefined) return [];
    const { definition } = await this.#catalogue.loadFlow(run.workspace, source);
    const jobs: JobId[] = [];
    for (let after = 0; ; ) {
      const rows = await this.#store.events(run.workspace, run.id, after, EVENTS);
      for (const event of rows.flatMap(({ events }) => events))
        if (event.kind === "started" && moduleAt(definition, event.place)?.deleteAfterUse === true) jobs.push(event.job);
      after = rows.at(-1)?.seq ?? after;
      if (rows.length === 0) return jobs;
    }
  }
}
