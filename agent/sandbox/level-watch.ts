import type { Enclosure } from "../runner/terms.ts";
import type { DetectedSandbox } from "./detect.ts";
import { levelOf, reasonsOf, type SandboxLevel } from "./layers.ts";

const LOOK_EVERY_MS = 60 * 60_000;
/** While it is lower than at the start: a trial also fails when the host is short of something for a moment. */
const LOOK_AGAIN_MS = 60_000;

/** Knows the level of the sandbox as it was found last, and finds it again every hour: what held at the start may have been taken away. */
export class LevelWatch {
  readonly #first: SandboxLevel;
  #level: SandboxLevel;
  readonly #detected: Pick<DetectedSandbox, "recheck">;
  readonly #onLevel: ((level: SandboxLevel, reasons: readonly string[]) => void) | undefined;
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor(detected: Pick<DetectedSandbox, "level" | "recheck">, onLevel?: (level: SandboxLevel, reasons: readonly string[]) => void) {
    this.#first = detected.level;
    this.#level = detected.level;
    this.#detected = detected;
    this.#onLevel = onLevel;
    this.#schedule();
  }

  get level(): SandboxLevel {
    return this.#level;
  }

  /** Tries it now. */
  async look(): Promise<SandboxLevel> {
    const before = this.#level;
    let reasons: readonly string[];
    try {
      const layers = await this.#detected.recheck();
      this.#level = levelOf(layers);
      reasons = reasonsOf(layers);
    } catch {
      this.#level = 0;
      reasons = ["no isolation: a trial sandbox could not be started"];
    }
    if (this.#level !== before) this.#onLevel?.(this.#level, reasons);
    this.#schedule();
    return this.#level;
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  #schedule(): void {
    clearTimeout(this.#timer);
    if (this.#stopped) return;
    this.#timer = setTimeout(() => void this.look(), this.#level < this.#first ? LOOK_AGAIN_MS : LOOK_EVERY_MS);
    this.#timer.unref();
  }
}

/** What scripts are held against. */
export function enclosureOf(detected: DetectedSandbox, watch: LevelWatch): Enclosure {
  const noUsers = detected.level >= 2 ? undefined : "jobs have no user of their own";
  return { level: () => watch.level, cgroups: detected.cgroups, noAllowList: detected.firewall.missing ?? noUsers };
}
