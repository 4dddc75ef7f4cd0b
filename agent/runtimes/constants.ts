import { createHash } from "node:crypto";
import { chmodSync, mkdirSync, renameSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import type { ReadOnlyMount } from "../sandbox/sandbox.ts";
import type { ReachableCopies } from "./reachable-copies.ts";

/**
 * Puts the programs with which a runtime begins its scripts where scripts can read them: once per agent instead of once per job, and there
 * already when an interpreter starts before its job is known.
 * @param name of the runtime; they appear in /runtimes/<name>
 * @param files by name, or by a path with one folder; those in `bin` are programs
 */
export function placeConstants(copies: ReachableCopies, name: string, files: Readonly<Record<string, string>>): ReadOnlyMount {
  const hash = createHash("sha256").update(JSON.stringify(files)).digest("hex").slice(0, 16);
  const source = copies.claim("wrappers", `${name}-${hash}`);
  mkdirSync(source, { recursive: true, mode: 0o755 });
  // Whatever the umask is: job users pass through.
  chmodSync(source, 0o755);
  for (const [file, content] of Object.entries(files)) {
    const folder = join(source, dirname(file));
    mkdirSync(folder, { recursive: true, mode: 0o755 });
    chmodSync(folder, 0o755);
    const part = join(folder, `.${basename(file)}.${process.pid}`);
    const mode = dirname(file) === "bin" ? 0o755 : 0o644;
    writeFileSync(part, content, { mode });
    chmodSync(part, mode);
    renameSync(part, join(source, file));
  }
  return { source, target: `/runtimes/${name}` };
}
