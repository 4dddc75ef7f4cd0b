import { readFileSync, renameSync, writeFileSync } from "node:fs";
import type { Logger } from "pino";
import { z } from "zod";
import { messageOf } from "../../kernel/app-error.ts";
import type { Profile, Profiles } from "./profiles.ts";

const row = z.tuple([z.string().max(400), z.number().min(0), z.number().min(0), z.int().min(0), z.number().min(0).optional()]);
/** Script, bytes, thousandths of a processor, runs, bytes kept free above it (absent in older files: as much as is ever kept). */
const content = z.object({ version: z.literal(1), profiles: z.array(row).max(100_000) });

/**
 * What an agent has learned of scripts, kept over its restarts. Losing it costs a few runs per script: it is written now and then, without waiting for
 * the disk, and a file that cannot be read counts as none.
 */
export class ProfilesFile {
  readonly #path: string;
  readonly #log: Logger;
  #written = 0;

  constructor(path: string, log: Logger) {
    this.#path = path;
    this.#log = log;
  }

  load(): [string, Profile][] {
    let text: string;
    try {
      text = readFileSync(this.#path, "utf8");
    } catch {
      return [];
    }
    try {
      const { profiles } = content.parse(JSON.parse(text));
      return profiles.map(([script, memoryBytes, cpuMillis, runs, marginBytes = Number.MAX_SAFE_INTEGER]) => [
        script,
        { memoryBytes, marginBytes, cpuMillis, runs },
      ]);
    } catch (error) {
      this.#log.warn({ event: "packing.profiles_unreadable", error: messageOf(error) }, "what scripts need is learned anew");
      return [];
    }
  }

  /** Writes what has changed since the last time, aside first: a crash in between leaves the old one. */
  save(profiles: Profiles): void {
    if (profiles.changes === this.#written) return;
    const rows = profiles
      .entries()
      .map(([script, { memoryBytes, marginBytes, cpuMillis, runs }]) => [script, ...[memoryBytes, cpuMillis, runs, marginBytes].map(Math.round)]);
    try {
      writeFileSync(`${this.#path}.new`, JSON.stringify({ version: 1, profiles: rows }), { mode: 0o600 });
      renameSync(`${this.#path}.new`, this.#path);
      this.#written = profiles.changes;
    } catch (error) {
      this.#log.warn({ event: "packing.profiles_unwritten", error: messageOf(error) }, "what scripts need could not be written down");
    }
  }
}
