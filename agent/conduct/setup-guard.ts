import type { Logger } from "pino";
import { messageOf } from "../../kernel/app-error.ts";
import type { Clock } from "../../kernel/clock.ts";
import { errorResult, exitOf } from "../../kernel/exit.ts";
import type { Bundle } from "../../proto/gen/millrace/agent/v1/job.ts";
import type { AttemptOutcome } from "../runner/attempt-types.ts";
import type { StartAttempt } from "../session/attempts.ts";
import type { Conduct } from "./conduct.ts";
import { whenEnded } from "./when-ended.ts";

export interface SetupGuardOptions {
  readonly conduct: Conduct;
  readonly clock: Clock;
  readonly log: Logger;
  /** Makes a sandbox for nothing. Resolves with what is wrong, or undefined. */
  readonly probe: () => Promise<string | undefined>;
  /** Called at each failure, before the job goes back: it may be the disk. */
  readonly lookAtDisk?: () => void;
  /** Before the second trial; doubles up to sixteen times as much. */
  readonly probeAfterMs?: number;
}

/** After this many set-up failures within the window a trial says whose fault it is. */
const FAILURES = 3;
const WINDOW_MS = 5 * 60_000;
const PROBE_AFTER_MS = 30_000;
const MAX_DOUBLINGS = 4;
/** A job whose set-up has failed in this many attempts fails: it may be what makes set-ups fail. */
const HAND_BACK_UNTIL_ATTEMPT = 5;

/**
 * Jobs whose sandbox could not be made never ran: they are handed back, so that another agent takes them. An agent on which that happens again and
 * again takes no more (quarantine), tries by itself whether a sandbox can be made, and comes back when one can. The first trial is made at once: jobs
 * that ask for what cannot be (an address that does not exist) must not be able to stop an agent that is well.
 */
export class SetupGuard {
  readonly #options: SetupGuardOptions;
  #failedAtMs: number[] = [];
  #probes = 0;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: SetupGuardOptions) {
    this.#options = options;
  }

  /** The same executor, watched. */
  watch(start: StartAttempt): StartAttempt {
    return whenEnded(start, (outcome, bundle) => this.#judge(bundle, outcome));
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  #judge(bundle: Bundle, outcome: AttemptOutcome): AttemptOutcome {
    if (outcome.exit.reason !== "sandbox_error" || outcome.startedAtUs !== 0) return outcome;
    this.#options.lookAtDisk?.();
    this.#failed(outcome.exit.message);
    // On a full disk no job is at fault.
    if (bundle.attempt >= HAND_BACK_UNTIL_ATTEMPT && !this.#options.conduct.isHindered("disk_pressure")) return outcome;
    const exit = exitOf("fenced", `handed back, its sandbox could not be made: ${outcome.exit.message}`);
    return { ...outcome, exit, resultJson: errorResult("Fenced", exit.message) };
  }

  #failed(message: string): void {
    const { conduct, clock, log } = this.#options;
    const nowMs = clock.monotonicMs();
    this.#failedAtMs = [...this.#failedAtMs.filter((atMs) => nowMs - atMs < WINDOW_MS), nowMs].slice(-FAILURES);
    log.warn({ event: "sandbox.setup_failed", error: message, failures: this.#failedAtMs.length }, "a sandbox could not be made");
    if (this.#failedAtMs.length < FAILURES || conduct.isHindered("quarantined")) return;
    log.error({ event: "agent.quarantined", error: message }, "sandboxes fail again and again: no new jobs until one can be made");
    conduct.hinder("quarantined", `${FAILURES} sandboxes in a row of minutes could not be made: ${message}`);
    this.#probes = 0;
    void this.#tryAgain();
  }

  #schedule(): void {
    if (this.#closed) return;
    const waitMs = (this.#options.probeAfterMs ?? PROBE_AFTER_MS) * 2 ** Math.min(this.#probes, MAX_DOUBLINGS);
    this.#probes += 1;
    this.#timer = setTimeout(() => void this.#tryAgain(), waitMs);
  }

  async #tryAgain(): Promise<void> {
    const { conduct, log, probe } = this.#options;
    const fault = await probe().catch((error: unknown) => messageOf(error));
    if (fault === undefined) {
      log.info({ event: "agent.released" }, "a sandbox can be made again: jobs are taken");
      this.#failedAtMs = [];
      conduct.clear("quarantined");
      return;
    }
    log.warn({ event: "agent.still_quarantined", error: fault }, "a sandbox still cannot be made");
    // Closed meanwhile: nobody wants to know.
    if (this.#closed) return;
    conduct.hinder("quarantined", fault);
    this.#schedule();
  }
}
