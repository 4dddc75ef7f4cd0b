import { background } from "../../kernel/background.ts";
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

  constructor(deps: OwnerDeps, wake: () => void) {
    this.#deps = deps;
    this.#granted = new GrantedLimits(deps.state, deps.store);
    this.#wake = wake;
  }

  /** Weights and caps of workspaces as they are now. Errors: those of the database. */
  readWorkspaceLimits(): Promise<void> {
    return this.#granted.read();
  }

  /** Once a second. */
  tick(nowMs: number): void {
    const { state, store, log } = this.#deps;
    chargeRunning(state, nowMs);
    forgetOldWindows(state, nowMs);
    background(log, "limits of workspaces", this.readWorkspaceLimits());
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
    this.stop();
    if (atMs === undefined) return;
    const ring = (): void => {
      this.#alarm = undefined;
      this.#wake();
    };
    this.#alarm = { atMs, timer: setTimeout(ring, Math.max(0, Math.ceil(Math.min(atMs - nowMs, MAX_ALARM_MS)))) };
  }

  stop(): void {
    clearTimeout(this.#alarm?.timer);
    this.#alarm = undefined;
  }
}
