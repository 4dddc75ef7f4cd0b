import { background } from "../../kernel/background.ts";
import type { Watched } from "../db/change-watch.ts";
import { hasChangedLimits } from "../workspaces/workspace-limit-store.ts";
import { chargeRunning } from "./core/dispatch-core.ts";
import { forgetOldWindows, nextWakeMs, openWindows } from "./core/limits-core.ts";
import { GrantedLimits } from "./granted-limits.ts";
import type { OwnerDeps } from "./owner-deps.ts";

const MAX_ALARM_MS = 60_000;
const DROP_EVERY_MS = 600_000;

/** What an owner does for limits and fairness as time passes: windows open, weights and caps change, long jobs are charged. */
export class LimitDuties {
  readonly #deps: OwnerDeps;
  readonly #granted: GrantedLimits;
  readonly #wake: () => void;
  /** Rings when the next window opens. */
  #alarm: { readonly atMs: number; readonly timer: NodeJS.Timeout } | undefined;
  #droppedAtMs = 0;
  #unwatch: (() => void) | undefined;

  constructor(deps: OwnerDeps, wake: () => void) {
    this.#deps = deps;
    this.#granted = new GrantedLimits(deps.state, deps.store);
    this.#wake = wake;
  }

  start(): void {
    const granted: Watched = {
      name: "limits of workspaces",
      isNew: hasChangedLimits,
      since: () => this.#granted.since,
      read: () => this.#granted.read().then(this.#wake),
    };
    this.#unwatch = this.#deps.changes?.watch(granted);
  }

  /** Weights and caps of all workspaces as they are now, also of those that were known before and forgotten. Errors: those of the database. */
  readWorkspaceLimits(): Promise<void> {
    return this.#granted.readAll();
  }

  /** Once a second. */
  tick(nowMs: number): void {
    const { state, store, log } = this.#deps;
    chargeRunning(state, nowMs);
    forgetOldWindows(state, nowMs);
    if (this.#unwatch === undefined) background(log, "limits of workspaces", this.#granted.read());
    if (nowMs - this.#droppedAtMs < DROP_EVERY_MS) return;
    this.#droppedAtMs = nowMs;
    background(log, "removal of old windows", store.dropOldWindows());
  }

  /** Before jobs are picked. */
  openWindows(nowMs: number): void {
    openWindows(this.#deps.state, nowMs);
  }

  /** After jobs were picked: sets the alarm for the next window for which somebody waits. */
  setAlarm(nowMs: number): void {
    const atMs = nextWakeMs(this.#deps.state);
    if (atMs === this.#alarm?.atMs) return;
    this.#stopAlarm();
    if (atMs === undefined) return;
    const ring = (): void => {
      this.#alarm = undefined;
      this.#wake();
    };
    this.#alarm = { atMs, timer: setTimeout(ring, Math.max(0, Math.ceil(Math.min(atMs - nowMs, MAX_ALARM_MS)))) };
  }

  stop(): void {
    this.#unwatch?.();
    this.#stopAlarm();
  }

  #stopAlarm(): void {
    clearTimeout(this.#alarm?.timer);
    this.#alarm = undefined;
  }
}
