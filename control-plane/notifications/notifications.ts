import { messageOf } from "../../kernel/app-error.ts";
import type { Clock } from "../../kernel/clock.ts";
import type { Service } from "../../kernel/service.ts";
import type { Changes } from "../db/change-watch.ts";
import type { NotesWantedOf } from "../jobs/event-notes.ts";
import type { Log } from "../telemetry/log.ts";
import { HOOK_LIMITS } from "./contract.ts";
import type { Deliverer } from "./deliverer.ts";
import { HAS_DUE_DELIVERIES } from "./delivery-store.ts";
import type { EventPlanner } from "./event-planner.ts";
import { HAS_NOTES } from "./event-store.ts";
import type { WantedEvents } from "./wanted-events.ts";

export interface NotificationParts {
  readonly wanted: WantedEvents;
  readonly planner: EventPlanner;
  readonly deliverer: Deliverer;
  readonly changes: Changes;
  readonly clock: Clock;
  readonly log: Log;
}

/** A note is committed some milliseconds after somebody has asked whether it is wanted. */
const LOOK_SOON_MS = 50;
const HOUR_MS = 60 * 60 * 1000;
const DAY_MS = 24 * HOUR_MS;

/** Tells hooks what happens. Every replica does, when there is something to tell or to send; they share the work by locks on rows. */
export class Notifications implements Service {
  readonly #parts: NotificationParts;
  #dropping: NodeJS.Timeout | undefined;
  #unwatch: (() => void)[] = [];
  #soon: NodeJS.Timeout | undefined;
  #looking: Promise<void> | undefined;
  #sending: Promise<void> | undefined;
  #sendAgain = false;
  #stopped = false;

  constructor(parts: NotificationParts) {
    this.#parts = parts;
    parts.deliverer.onSent(() => {
      this.#sendAgain = true;
      this.#sending ??= this.#sendMore().finally(() => {
        this.#sending = undefined;
      });
    });
  }

  async start(): Promise<void> {
    const { wanted, changes } = this.#parts;
    // Until it is known, nobody wants anything: what fails here is read again with the first look at changes.
    await wanted.read().catch((error: unknown) => this.#complain(error));
    const work = { name: "events and deliveries", isNew: () => `(${HAS_NOTES} OR ${HAS_DUE_DELIVERIES})`, since: () => "", read: () => this.look() };
    this.#unwatch = [wanted, work].map((what) => changes.watch(what));
    this.#dropping = setInterval(() => void this.#drop(), HOUR_MS);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    for (const unwatch of this.#unwatch) unwatch();
    clearInterval(this.#dropping);
    clearTimeout(this.#soon);
    await this.#looking;
    await this.#sending;
    await this.#parts.deliverer.settled();
  }

  /** What waits goes on as soon as there is room, not at the next look. Never rejects. */
  async #sendMore(): Promise<void> {
    while (this.#sendAgain && !this.#stopped) {
      this.#sendAgain = false;
      await this.#parts.deliverer.begin().catch((error: unknown) => this.#complain(error));
    }
  }

  #complain(error: unknown): void {
    this.#parts.log.warn({ event: "hooks.look_failed", error: messageOf(error) }, "hooks could not be served, will be tried again");
  }

  /** For the owner of this replica. What is noted here is looked for soon. */
  readonly notes: NotesWantedOf = (workspace) => {
    const wanted = this.#parts.wanted.of(workspace);
    if (wanted !== undefined)
      this.#soon ??= setTimeout(() => {
        this.#soon = undefined;
        void this.look();
      }, LOOK_SOON_MS);
    return wanted;
  };

  /** Plans and begins what is due. Never rejects; one at a time. */
  look(): Promise<void> {
    this.#looking ??= this.#lookOnce().finally(() => {
      this.#looking = undefined;
    });
    return this.#looking;
  }

  async #lookOnce(): Promise<void> {
    const { planner, deliverer } = this.#parts;
    try {
      await planner.plan();
      await deliverer.begin();
    } catch (error) {
      this.#complain(error);
    }
  }

  async #drop(): Promise<void> {
    const { deliverer, clock } = this.#parts;
    await deliverer.dropOld(clock.wallMs() - HOOK_LIMITS.keepDays * DAY_MS).catch((error: unknown) => this.#complain(error));
  }
}
