import type { Enclosure } from "../runner/terms.ts";
import type { DetectedSandbox } from "./detect.ts";
import { levelOf, reasonsOf, type SandboxLevel } from "./layers.ts";

const LOOK_EVERY_MS = 60 * 60_000;

/** Knows the level of the sandbox as it was found last, and finds it again every hour: what held at the start may have been taken away. */
export class LevelWatch {
  #level: SandboxLevel;
  readonly #detected: Pick<DetectedSandbox, "recheck">;
  readonly #onLevel: ((level: SandboxLevel, reasons: readonly string[]) => void) | undefined;
  readonly #timer: NodeJS.Timeout;

  constructor(detected: Pick<DetectedSandbox, "level" | "recheck">, onLevel?: (level: SandboxLevel, reasons: readonly string[]) => void) {
    this.#level = detected.level;
    this.#detected = detected;
    this.#onLevel = onLevel;
    this.#timer = setInterval(() => void this.look(), LOOK_EVERY_MS);
    this.#timer.unref();
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
    return this.#level;
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}

/** What scripts are held against. */
export function enclosureOf(detected: DetectedSandbox, watch: LevelWatch): Enclosure {
  const noUsers = detected.level >= 2 ? undefined : "jobs have no user of their own";
  return { level: () => watch.level, cgroups: detected.cgroups, noAllowList: detected.firewall.missing ?? noUsers };
}
