import { join } from "node:path";
import { pino } from "pino";
import { realClock } from "../../../kernel/clock.ts";
import type { Finished } from "../../../proto/gen/millrace/agent/v1/job.ts";
import type { AttemptKey } from "../../journal/attempt-key.ts";
import { Journal } from "../../journal/journal.ts";
import { LogShipper } from "../../logs/log-shipper.ts";
import type { AttemptOutcome, AttemptRoom } from "../../runner/attempt-types.ts";
import { Attempts, type AttemptsOptions } from "../attempts.ts";
import { Results } from "../results.ts";
import type { StartGate } from "../start-gate.ts";

const log = pino({ level: "silent" });

export interface OpenAttempts {
  readonly attempts: Attempts;
  readonly results: Results;
  readonly shipper: LogShipper;
}

/** Attempts of an agent with one slot, with a journal and logs in the folder. For tests. */
export function openAttempts(folder: string, options: Pick<AttemptsOptions, "startAttempt"> & Partial<AttemptsOptions>): OpenAttempts {
  const journal = Journal.open(join(folder, "results"), log);
  const shipper = new LogShipper({ folder: join(folder, "logs"), clock: realClock, log, onReady: () => undefined });
  const results = new Results({ journal, shipper, log, onReady: () => undefined });
  const heard = { onReceived: () => undefined, onStarted: () => undefined };
  return { attempts: new Attempts({ slots: 1, shipper, results, clock: realClock, log, ...heard, ...options }), results, shipper };
}

/** What has ended, as it would be sent. */
export const endsOf = (results: Results): Finished[] => results.take(1_000_000, true).finished;

/** Lets in those that are named, and remembers who has left. */
export class TestGate implements StartGate {
  readonly admits = new Set<string>();
  readonly left: [string, boolean][] = [];
  /** Whom it lets in when one leaves. */
  readonly makesWayFor = new Map<string, string>();
  readonly room: AttemptRoom = { limitBytes: () => undefined, hold: () => undefined };

  arrive(): void {}

  mayStart(key: AttemptKey): boolean {
    return this.admits.has(key);
  }

  roomOf(): AttemptRoom {
    return this.room;
  }

  leave(key: AttemptKey, outcome?: AttemptOutcome): void {
    this.left.push([key, outcome !== undefined]);
    const next = this.makesWayFor.get(key);
    if (next !== undefined) this.admits.add(next);
  }
}
