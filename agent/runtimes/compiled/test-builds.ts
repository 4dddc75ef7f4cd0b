/** Support for tests of compiled languages: what all their scripts share is built once for the files of a run. */
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openTestExecution, runScript } from "../../runner/attempt-harness.ts";

const SCRIPTS = new Map([
  ["go", "package inner\n\nfunc main() int { return 1 }\n"],
  ["rust", "fn main() -> u8 { 1 }\n"],
  ["java", "public class Main {\n  public static int main() { return 1; }\n}\n"],
]);
const LOOK_MS = 50;

/** @returns a folder for `openTestExecution`, with builds that hold nothing of a workspace. It goes with the folder of the run, see scripts/test-run.ts */
export async function sharedBuilds(): Promise<string> {
  const folder = join(tmpdir(), "shared-builds");
  const lock = `${folder}.lock`;
  while (!existsSync(folder)) {
    if (!takeLock(lock)) await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    else
      try {
        if (!existsSync(folder)) await build(folder);
      } finally {
        rmSync(lock, { force: true });
      }
  }
  return folder;
}

/** Another test file that builds is waited for, unless its process is gone. */
function takeLock(lock: string): boolean {
  try {
    writeFileSync(lock, String(process.pid), { flag: "wx" });
    return true;
  } catch {
    const holder = existsSync(lock) ? readFileSync(lock, "utf8") : "";
    if (holder !== "" && !existsSync(`/proc/${holder}`)) rmSync(lock, { force: true });
    return false;
  }
}

async function build(folder: string): Promise<void> {
  const one = await openTestExecution({ prepared: 0, languages: [...SCRIPTS.keys()] });
  try {
    const offered = [...SCRIPTS].filter(([language]) => one.execution.runtimes.find(language) !== undefined);
    await Promise.all(offered.map(([language, code]) => runScript(one.execution, language, code)));
    const parcel = `${folder}.new`;
    mkdirSync(join(parcel, "cache"), { recursive: true });
    const built = join(one.dir, "cache/_shared");
    if (existsSync(built)) renameSync(built, join(parcel, "cache/_shared"));
    renameSync(parcel, folder);
  } finally {
    one.dispose();
  }
}
