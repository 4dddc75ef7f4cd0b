import { exitOf } from "../../../kernel/exit.ts";
import type { Bundle } from "../../../proto/gen/millrace/agent/v1/job.ts";
import type { Executor } from "../../executor.ts";
import type { HostRoom } from "../../packing/host-room.ts";
import type { AttemptIo, AttemptOutcome, RunningAttempt } from "../../runner/attempt-types.ts";

/** One attempt in the hands of a test. */
export class TestAttempt implements RunningAttempt {
  readonly bundle: Bundle;
  readonly io: AttemptIo;
  readonly done: Promise<AttemptOutcome>;
  cancelled: string | undefined;
  fenced: string | undefined;
  /** It goes on after a cancel, as a script may until its grace is over. */
  ignoresCancel = false;
  /** Its processes outlive the kill, until the test ends it. */
  diesSlowly = false;
  #resolve: (outcome: AttemptOutcome) => void = () => undefined;

  constructor(bundle: Bundle, io: AttemptIo) {
    this.bundle = bundle;
    this.io = io;
    this.done = new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  end(outcome: Partial<AttemptOutcome> = {}): void {
    this.#resolve({ exit: exitOf("succeeded"), resultJson: "null", startedAtUs: 1, finishedAtUs: 2, ...outcome });
  }

  cancel(reason: string): void {
    this.cancelled = reason;
    if (!this.ignoresCancel) this.end({ exit: exitOf("cancelled", reason) });
  }

  fence(reason: string): void {
    this.fenced = reason;
    if (!this.diesSlowly) this.end({ exit: exitOf("fenced", reason) });
  }
}

/** Runs nothing: hands every attempt to the test. For tests. */
export class TestExecutor implements Executor {
  runtimes = [{ language: "bash", version: "5" }];
  readonly sandbox = { level: 0, reasons: ["test"] };
  readonly attempts: TestAttempt[] = [];
  /** For agents that pack their jobs. */
  host: HostRoom | undefined;
  /** What a trial sandbox finds. */
  fault: string | undefined;
  /** Ends what comes from now on at once. */
  endsAtOnce = false;
  #waiters: (() => void)[] = [];

  readonly probe = (): Promise<string | undefined> => Promise.resolve(this.fault);

  readonly startAttempt = (bundle: Bundle, io: AttemptIo): RunningAttempt => {
    const attempt = new TestAttempt(bundle, io);
    this.attempts.push(attempt);
    if (this.endsAtOnce) attempt.end();
    for (const resolve of this.#waiters.splice(0)) resolve();
    return attempt;
  };

  /** The n-th attempt (from 0), once it was started. */
  async attempt(index: number): Promise<TestAttempt> {
    for (;;) {
      const attempt = this.attempts[index];
      if (attempt !== undefined) return attempt;
      await new Promise<void>((resolve) => {
        this.#waiters.push(resolve);
      });
    }
  }
}
