import { chmodSync, existsSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { removeTree } from "../sandbox/remove-tree.ts";

/** `toolchains`: of tools that lie where job users cannot get at them. `wrappers`: programs of the agent's own. */
const KINDS = ["toolchains", "wrappers"] as const;
type Kind = (typeof KINDS)[number];

/**
 * What the agent puts below its folder for job users to read. Each copy has a version in its name and stays over restarts. One that a start has not asked
 * for is of another version, or of a tool that is not used any more.
 */
export class ReachableCopies {
  readonly #execDir: string;
  readonly #claimed = new Set<string>();

  /** @param execDir folder that job users can reach */
  constructor(execDir: string) {
    this.#execDir = execDir;
  }

  /** Keeps a copy, which may have to be made yet. @returns its path */
  claim(kind: Kind, name: string): string {
    this.#claimed.add(join(kind, name.split("/")[0] ?? name));
    const dir = join(this.#execDir, kind);
    mkdirSync(dir, { recursive: true, mode: 0o755 });
    // Whatever the umask is: job users pass through.
    chmodSync(dir, 0o755);
    return join(dir, name);
  }

  /**
   * A copy of a tool, made once.
   * @param name with the version; a path where one tool has several copies
   * @param fill makes it where it is told; a crash in between leaves nothing that looks whole
   */
  toolchain(name: string, fill: (part: string) => void): string {
    const copy = this.claim("toolchains", name);
    if (existsSync(copy)) return copy;
    mkdirSync(dirname(copy), { recursive: true, mode: 0o755 });
    const part = join(this.#execDir, "toolchains", `part.${process.pid}`);
    rmSync(part, { recursive: true, force: true });
    fill(part);
    renameSync(part, copy);
    return copy;
  }

  /** Removes what nobody has claimed. To be called once a start has found its tools, before the first job. What cannot be removed is left to the next start. */
  async sweep(): Promise<void> {
    for (const kind of KINDS) {
      const dir = join(this.#execDir, kind);
      const names = await readdir(dir).catch(() => []);
      for (const name of names) if (!this.#claimed.has(join(kind, name))) await removeTree(join(dir, name)).catch(() => undefined);
    }
  }
}
