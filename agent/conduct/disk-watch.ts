import { statfsSync } from "node:fs";
import type { Logger } from "pino";
import { messageOf } from "../../kernel/app-error.ts";
import { formatBytes } from "../../kernel/size.ts";
import type { Conduct } from "./conduct.ts";

export interface DiskWatchOptions {
  readonly folder: string;
  readonly minFreeBytes: number;
  readonly conduct: Conduct;
  readonly log: Logger;
  /** Free bytes for us on the disk of a folder. */
  readonly freeBytes?: (folder: string) => number;
}

const LOOK_MS = 5_000;
/** Percent of what is wanted that is enough to take jobs again: a little more, so that it does not go back and forth. */
const RELIEF_PERCENT = 110;

/** Takes no new jobs while the disk of the data folder is nearly full: results and output would find no room. */
export class DiskWatch {
  readonly #options: DiskWatchOptions;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: DiskWatchOptions) {
    this.#options = options;
  }

  start(): void {
    if (this.#options.minFreeBytes === 0) return;
    this.look();
    this.#timer = setInterval(() => this.look(), LOOK_MS);
  }

  close(): void {
    clearInterval(this.#timer);
  }

  /** Now, and not only now and then. */
  look(): void {
    const { folder, minFreeBytes, conduct, log, freeBytes = freeBytesOf } = this.#options;
    if (minFreeBytes === 0) return;
    const pressed = conduct.isHindered("disk_pressure");
    let free: number;
    try {
      free = freeBytes(folder);
    } catch (error) {
      log.warn({ event: "agent.disk_unknown", error: messageOf(error) }, "free space cannot be read");
      return;
    }
    if (!pressed && free < minFreeBytes) {
      log.error({ event: "agent.disk_pressure", free, minFreeBytes }, "too little free space: no new jobs");
      conduct.hinder("disk_pressure", `${formatBytes(free)} free in the data folder, ${formatBytes(minFreeBytes)} wanted`);
    } else if (pressed && free * 100 >= minFreeBytes * RELIEF_PERCENT) {
      log.info({ event: "agent.disk_relieved", free }, "enough free space again");
      conduct.clear("disk_pressure");
    }
  }
}

/** Free bytes for this user on the disk of a folder. @throws when it cannot be read */
export function freeBytesOf(folder: string): number {
  const { bavail, bsize } = statfsSync(folder);
  return bavail * bsize;
}
