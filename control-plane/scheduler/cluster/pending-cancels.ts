import { background } from "../../../kernel/background.ts";
import type { Log } from "../../telemetry/log.ts";
import type { Owner } from "../owner.ts";
import type { StoredRunning } from "../owner-store.ts";
import type { PendingCancel } from "./peers.ts";

const MAX_KEPT = 10_000;

/** Cancellations that came with shards, until their attempts are loaded: word and tables may come in either order. */
export class PendingCancels {
  readonly #kept = new Map<string, PendingCancel>();
  readonly #log: Log;

  constructor(log: Log) {
    this.#log = log;
  }

  /** @param owner what is loaded already is cancelled at once */
  add(cancels: readonly PendingCancel[], owner: Owner | undefined): void {
    if (this.#kept.size + cancels.length > MAX_KEPT) this.#kept.clear();
    for (const cancel of cancels) {
      const running = owner?.state.running.get(cancel.id);
      if (owner !== undefined && running?.token === cancel.token) this.#cancel(owner, running.job, cancel.reason);
      else this.#kept.set(cancel.token, cancel);
    }
  }

  loaded(running: readonly StoredRunning[], owner: Owner): void {
    for (const { job, token } of running) {
      const cancel = this.#kept.get(token);
      if (cancel === undefined) continue;
      this.#kept.delete(token);
      this.#cancel(owner, job, cancel.reason);
    }
  }

  #cancel(owner: Owner, job: Parameters<Owner["cancel"]>[0], reason: string): void {
    background(this.#log, "cancel after a hand-over", owner.cancel(job, reason));
  }
}
