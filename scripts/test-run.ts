// Vitest runs this before the tests of each project: one folder for all that tests put into the temporary folder, removed at the end of the run.
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Short: a socket's path may have 107 bytes. */
const PREFIX = "mrt-";
const OWNER = "owner.pid";

interface Run {
  users: number;
  readonly folder: string;
  readonly before: string | undefined;
}

// Each project loads its own copy of this module, so the state hangs on the process.
const KEY = Symbol.for("millrace.test-run");
const holder: typeof globalThis & { [KEY]?: Run } = globalThis;

/** Workers inherit TMPDIR. What tests leave behind, or cannot remove since they were killed, goes with the run, or with the next one. */
export function setup(): () => void {
  holder[KEY] ??= begin();
  const run = holder[KEY];
  run.users += 1;
  return () => {
    run.users -= 1;
    if (run.users > 0) return;
    delete holder[KEY];
    if (run.before === undefined) delete process.env["TMPDIR"];
    else process.env["TMPDIR"] = run.before;
    remove(run.folder);
  };
}

function begin(): Run {
  removeOrphans();
  const folder = mkdtempSync(join(tmpdir(), PREFIX));
  // Postgres and sandboxes run under other users.
  chmodSync(folder, 0o755);
  writeFileSync(join(folder, OWNER), String(process.pid));
  const before = process.env["TMPDIR"];
  process.env["TMPDIR"] = folder;
  return { users: 0, folder, before };
}

/** Folders of runs that were killed. One without a number is just being made. */
function removeOrphans(): void {
  for (const name of readdirSync(tmpdir()).filter((one) => one.startsWith(PREFIX))) {
    const folder = join(tmpdir(), name);
    try {
      if (!existsSync(`/proc/${readFileSync(join(folder, OWNER), "utf8")}`)) remove(folder);
    } catch {
      // Somebody else's.
    }
  }
}

function remove(folder: string): void {
  rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
}
