// Vitest runs this before the tests of each project: one folder for all that tests put into the temporary folder, removed at the end of the run.
// In it is Node's cache of compiled code too: the many processes and threads of ours that tests start need half the time for it.
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Short: a socket's path may have 107 bytes. */
const PREFIX = "mrt-";
const OWNER = "owner.pid";

interface Run {
  users: number;
  readonly folder: string;
  /** Variables as they were. */
  readonly before: ReadonlyMap<string, string | undefined>;
}

// Each project loads its own copy of this module, so the state hangs on the process.
const KEY = Symbol.for("millrace.test-run");
const holder: typeof globalThis & { [KEY]?: Run } = globalThis;

/** Workers inherit the variables. What tests leave behind, or cannot remove since they were killed, goes with the run, or with the next one. */
export function setup(): () => void {
  holder[KEY] ??= begin();
  const run = holder[KEY];
  run.users += 1;
  return () => {
    run.users -= 1;
    if (run.users > 0) return;
    delete holder[KEY];
    for (const [name, value] of run.before) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
    remove(run.folder);
  };
}

function begin(): Run {
  removeOrphans();
  const folder = mkdtempSync(join(tmpdir(), PREFIX));
  // Postgres and sandboxes run under other users.
  chmodSync(folder, 0o755);
  writeFileSync(join(folder, OWNER), String(process.pid));
  const variables = { TMPDIR: folder, NODE_COMPILE_CACHE: join(folder, "compiled") };
  const before = new Map(Object.keys(variables).map((name) => [name, process.env[name]]));
  Object.assign(process.env, variables);
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
