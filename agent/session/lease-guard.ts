import type { Clock } from "../../kernel/clock.ts";
import { confirmLease, type Instant, type Lease, type LeaseLimits, type LeaseVerdict, leaseLeftMs, lookAtLease, newLease } from "./lease.ts";

/** Keepalives whose echo is still awaited; more than that many unanswered ones are past any lease. */
const REMEMBERED_KEEPALIVES = 64;

/** Holds the lease of this agent: reads the clocks and remembers when what was sent. */
export class LeaseGuard {
  readonly #clock: Clock;
  #lease: Lease;
  #sent: Instant[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#lease = newLease(this.#now());
  }

  /** Looks at the clocks: call it on a timer, and before anything leaves the agent. */
  look(limits: LeaseLimits): LeaseVerdict {
    const looked = lookAtLease(this.#lease, this.#now(), limits);
    this.#lease = looked.lease;
    return looked.verdict;
  }

  /** How long the lease still lasts; undefined before the first session. */
  leftMs(selfFenceMs: number): number | undefined {
    return leaseLeftMs(this.#lease, this.#now(), selfFenceMs);
  }

  /** Notes that a Hello or keepalive goes out now, and returns the number that the server echoes. */
  noteSent(): number {
    const now = this.#now();
    this.#sent.push(now);
    if (this.#sent.length > REMEMBERED_KEEPALIVES) this.#sent.shift();
    return now.monotonicMs;
  }

  /** The server has echoed this number. False for numbers that this process did not send. */
  confirm(sentAtMs: number): boolean {
    const sent = this.#sent.find((instant) => instant.monotonicMs === sentAtMs);
    if (sent === undefined) return false;
    this.#lease = confirmLease(this.#lease, sent);
    this.#sent = this.#sent.filter((instant) => instant.monotonicMs > sentAtMs);
    return true;
  }

  #now(): Instant {
    return { monotonicMs: this.#clock.monotonicMs(), wallMs: this.#clock.wallMs() };
  }
}
