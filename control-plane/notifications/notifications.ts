import { messageOf } from "../../kernel/app-error.ts";
import type { Clock } from "../../kernel/clock.ts";
import type { Service } from "../../kernel/service.ts";
import type { NotesWantedOf } from "../jobs/event-notes.ts";
import type { Log } from "../telemetry/log.ts";
import { HOOK_LIMITS } from "./contract.ts";
import type { Deliverer } from "./deliverer.ts";
import type { EventPlanner } from "./event-planner.ts";
import type { WantedEvents } from "./wanted-events.ts";

export interface NotificationParts {
  readonly wanted: WantedEvents;
  readonly planner: EventPlanner;
  readonly deliverer: Deliverer;
  readonly clock: Clock;
  readonly log: Log;
}

const LOOK_EVERY_MS = 1000;
/** A note is committed some milliseconds after somebody has asked whether it is wanted. */
const LOOK_SOON_MS = 50;
/** While nobody has a hook something may be left of one that was deleted. */
const IDLE_LOOKS = 60;
const DROP_EVERY_LOOKS = 3600;
const DAY_MS = 24 * 60 * 60 * 1000;

/** Tells hooks what happens. Every replica does; they share the work by locks on rows. A replica whose workspaces have no hooks hardly looks. */
export class Notifications implements Service {
  readonly #parts: NotificationParts;
  #timer: NodeJS.Timeout | undefined;
  #soon: NodeJS.Timeout | undefined;
  #looking: Promise<void> | undefined;
  #looks = 0;
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
    await this.#parts.wanted.start();
    this.#timer = setInterval(() => void this.look(), LOOK_EVERY_MS);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearInterval(this.#timer);
    clearTimeout(this.#soon);
    await this.#parts.wanted.stop();
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
    this.#looks += 1;
    const isIdle = !this.#parts.wanted.any && this.#looks % IDLE_LOOKS !== 0;
    if (isIdle) return Promise.resolve();
    this.#looking ??= this.#lookOnce().finally(() => {
      this.#looking = undefined;
    });
    return this.#looking;
  }

  async #lookOnce(): Promise<void> {
    const { planner, deliverer, clock } = this.#parts;
    try {
      await planner.plan();
      await deliverer.begin();
      if (this.#looks % DROP_EVERY_LOOKS === 0) await deliverer.dropOld(clock.wallMs() - HOOK_LIMITS.keepDays * DAY_MS);
    } catch (error) {
      this.#complain(error);
    }
  }
}
