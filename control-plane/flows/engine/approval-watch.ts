import { messageOf } from "../../../kernel/app-error.ts";
import type { FlowHost } from "../../scheduler/flow-port.ts";
import type { FlowRunStore, StoredApproval } from "./flow-run-store.ts";

/** Answers that other replicas took in are found this soon; those of this one at once. */
const LOOK_EVERY_MS = 700;
const TAKE_AGAIN_MS = 30_000;
const PAGE = 200;

/**
 * Answers of people become events here. They stand in a table until their event is committed, so that whoever was told that an answer was
 * taken can rely on it, whichever replica took it and whoever owns the flow by then.
 */
export class ApprovalWatch {
  readonly #host: FlowHost;
  readonly #store: Pick<FlowRunStore, "approvals" | "dropApprovals">;
  readonly #take: (approval: StoredApproval) => void;
  /** Handed over, with the moment (monotonic): if they are still there long after, their flow was thrown out of memory in between. */
  #taken = new Map<string, number>();
  #timer: NodeJS.Timeout | undefined;
  #looking = false;

  constructor(host: FlowHost, store: Pick<FlowRunStore, "approvals" | "dropApprovals">, take: (approval: StoredApproval) => void) {
    this.#host = host;
    this.#store = store;
    this.#take = take;
  }

  start(): void {
    this.#timer ??= setInterval(() => void this.look(), LOOK_EVERY_MS);
    void this.look();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** Never rejects. */
  async look(): Promise<void> {
    // Nobody can have been asked while no flow runs.
    if (this.#looking || this.#host.flows().length === 0) return;
    this.#looking = true;
    try {
      const found = await this.#store.approvals(this.#host.shards(), PAGE);
      // Perhaps late: their shards may have gone to another owner since, who runs them. The table knows.
      const late = found.filter(({ flow }) => this.#host.running(flow.id) === undefined);
      if (late.length > 0) await this.#store.dropApprovals(late.map(({ number }) => number));
      const nowMs = this.#host.clock.monotonicMs();
      const taken = new Map<string, number>();
      for (const approval of found) {
        const takenAtMs = this.#taken.get(approval.number);
        const again = takenAtMs === undefined || nowMs - takenAtMs > TAKE_AGAIN_MS;
        taken.set(approval.number, again ? nowMs : takenAtMs);
        if (again && !late.includes(approval)) this.#take(approval);
      }
      this.#taken = taken;
    } catch (error) {
      this.#host.log.warn({ event: "flow.approvals_failed", error: messageOf(error) }, "answers of people could not be read, will be tried again");
    } finally {
      this.#looking = false;
    }
  }
}
