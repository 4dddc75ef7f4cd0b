import { messageOf } from "../../kernel/app-error.ts";
import { exitOf } from "../../kernel/exit.ts";
import type { JobPayload } from "../jobs/model.ts";
import type { AgentPort } from "./agent-port.ts";
import { buildBundle, loadBundle } from "./bundles.ts";
import type { RunningJob } from "./core/model.ts";
import type { Shards } from "./core/shards-core.ts";
import type { Endings } from "./endings.ts";
import type { OwnerDeps } from "./owner-deps.ts";

/** An agent that does not confirm an assignment after this many copies does not get it. */
const MAX_SENDS = 5;
/** Bundles that are read at the same time. */
const LOOK_UPS = 8;

/**
 * The way of an attempt to its agent, from the commit of its claim to the agent's confirmation: its bundle, with a payload that may have to be
 * read first, and copies for an agent that does not confirm.
 */
export class Sending {
  readonly #deps: OwnerDeps;
  readonly #endings: Endings;
  readonly #wake: () => void;
  /** Claims that are committed and wait for their payload. */
  #unsent: RunningJob[] = [];
  #loading = false;

  constructor(deps: OwnerDeps, endings: Endings, wake: () => void) {
    this.#deps = deps;
    this.#endings = endings;
    this.#wake = wake;
  }

  /** The claim is committed: the agent gets it. @param payload undefined: it has to be read */
  claimed(running: RunningJob, payload: JobPayload | undefined): void {
    const bundle = payload === undefined ? undefined : buildBundle(this.#deps.source, this.#deps.limits, running, payload);
    if (bundle === undefined) {
      this.#unsent.push(running);
      this.#wake();
    } else this.#send(running, bundle);
  }

  #send(running: RunningJob, bundle: Parameters<AgentPort["assign"]>[1]): void {
    const { state, agents, clock, metrics, owns } = this.#deps;
    const session = state.agents.get(running.agent)?.session;
    if (running.phase === "ending") return;
    // Of a shard that is being handed over: its next owner may have recorded the end already, and the agent would not know the copy for one.
    if (running.sentAtMs > 0 && !owns(running.job.shard)) return;
    // Cancelled while it was being claimed: the agent need not hear of it. (It acts on a frame's cancellations before its new work.)
    const unwanted = running.cancel !== undefined && running.sends === 0;
    if (session === undefined || unwanted || !agents.assign(session, bundle)) {
      if (running.sends === 0) this.#endings.giveBack(running);
      return;
    }
    if (running.sends === 0) metrics.dispatched(clock.wallMs() - running.job.dueAtMs);
    running.sentAtMs = clock.monotonicMs();
    running.sends += 1;
    if (running.cancel !== undefined) agents.cancel(session, { id: running.job.id, token: running.token, reason: running.cancel.reason, fenced: false });
  }

  /** Jobs whose payload is no longer in memory, and those that were not confirmed: read in one query, then sent. */
  sendUnsent(): void {
    if (this.#unsent.length > 0 && !this.#loading) void this.#loadAndSend();
  }

  /** The shards were given to another owner. */
  forget(shards: Shards): void {
    this.#unsent = this.#unsent.filter((running) => !shards.has(running.job.shard));
  }

  async #loadAndSend(): Promise<void> {
    this.#loading = true;
    const batch = this.#unsent.splice(0, 500);
    try {
      const payloads = await this.#deps.store.payloads(batch.map((running) => running.job));
      // Several at a time: one that has to look up variables must not hold up the rest.
      const left = batch.values();
      const sendOn = async (): Promise<void> => {
        for (const running of left) await this.#sendLoaded(running, payloads.get(running.job.id));
      };
      await Promise.all(Array.from({ length: LOOK_UPS }, sendOn));
    } catch (error) {
      this.#deps.log.error({ event: "job.load_failed", jobs: batch.length, error: messageOf(error) }, "payloads could not be read");
      for (const running of batch) this.#tryLater(running);
    } finally {
      this.#loading = false;
      if (this.#unsent.length > 0) this.#wake();
    }
  }

  async #sendLoaded(running: RunningJob, payload: JobPayload | undefined): Promise<void> {
    try {
      if (payload === undefined) {
        this.#endings.force(running, exitOf("sandbox_error", "the job's payload is no longer in the database"));
        return;
      }
      const loaded = await loadBundle(this.#deps.source, this.#deps.limits, running, payload);
      if (loaded.kind === "bundle") this.#send(running, loaded.bundle);
      else this.#endings.force(running, exitOf("input_missing", loaded.message));
    } catch (error) {
      this.#deps.log.error({ event: "job.bundle_failed", jobId: running.job.id, error: messageOf(error) }, "the bundle of a job could not be made");
      this.#tryLater(running);
    }
  }

  /** The next attempt to send it comes with a tick, as for one that was not confirmed. */
  #tryLater(running: RunningJob): void {
    if (running.sentAtMs === 0) running.sentAtMs = this.#deps.clock.monotonicMs();
  }

  /**
   * An assignment that was not confirmed. The stream is reliable: as long as earlier frames have not left, sending another copy would
   * only add to them. An agent that keeps ignoring it loses it.
   */
  again(running: RunningJob, nowMs: number): void {
    const session = this.#deps.state.agents.get(running.agent)?.session;
    if (session !== undefined && this.#deps.agents.isBehind(session)) return;
    running.sentAtMs = nowMs;
    if (running.sends < MAX_SENDS) this.#unsent.push(running);
    else {
      if (session !== undefined)
        this.#deps.agents.cancel(session, { id: running.job.id, token: running.token, reason: "it was never confirmed", fenced: true });
      this.#endings.giveBack(running);
    }
  }
}
