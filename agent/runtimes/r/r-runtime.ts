import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { ReadOnlyMount } from "../../sandbox/sandbox.ts";
import { findInterpreter, realPath } from "../interpreter.ts";
import { type DetectContext, type Launch, type LaunchRequest, outputOf, type ProcessRuntime, type Runtime, type RuntimeSupport } from "../runtime.ts";

const WRAPPER = readFileSync(new URL("./wrapper.r", import.meta.url), "utf8");
const LAUNCHER = readFileSync(new URL("./launch.sh", import.meta.url), "utf8");
/** R itself, not the command `R`: that is a shell script which takes as long as R does. */
const CANDIDATES = ["/usr/lib/R/bin/exec/R", "/usr/lib64/R/bin/exec/R", "/usr/local/lib/R/bin/exec/R"];
/** No profile, no saved workspace, no history; files that the script names do not come from the environment. */
const FLAGS = ["--vanilla", "--no-echo", "--no-readline"];
const VERSION = 'cat(R.version$major, ".", R.version$minor, sep = "")';

/** R 4: calls `main` with named arguments. */
export const rSupport: RuntimeSupport = {
  languages: ["r"],
  detect: async (context) => {
    const runtime = await findInterpreter(CANDIDATES, (path) => tryInterpreter(path, context));
    return runtime === undefined ? undefined : new Map<string, Runtime>([["r", runtime]]);
  },
};

async function tryInterpreter(path: string, context: DetectContext): Promise<ProcessRuntime | undefined> {
  const home = dirname(dirname(dirname(path)));
  const mounts = settingsOf(home);
  const command = ["/usr/bin/env", `R_HOME=${home}`, "R_DEFAULT_PACKAGES=NULL", path, ...FLAGS, "-e", VERSION];
  const version = outputOf(await context.probe(command, mounts));
  if (version?.startsWith("4.") !== true) return undefined;
  return { kind: "process", version, mounts, launch: (request) => Promise.resolve(launch({ path, home, mounts }, request)), close: () => undefined };
}

/**
 * Files that Debian keeps outside of /usr: without the first R complains on stdout, without the other it does not start children. Not the whole
 * folder, since an operator may have credentials in Renviron.site.
 */
function settingsOf(home: string): ReadOnlyMount[] {
  const real = ["Renviron", "ldpaths"].map((name) => realPath(join(home, "etc", name)));
  return real.flatMap((path) => (path === undefined || path.startsWith("/usr/") ? [] : [{ source: path, target: path }]));
}

interface Interpreter {
  readonly path: string;
  readonly home: string;
  readonly mounts: readonly ReadOnlyMount[];
}

function launch({ path, home, mounts }: Interpreter, request: LaunchRequest): Launch {
  const { job } = request.paths;
  return {
    kind: "launch",
    files: [
      { name: "wrapper.r", content: WRAPPER },
      { name: "launch.sh", content: LAUNCHER },
      { name: "main.r", content: request.code },
      { name: "args.json", content: request.argsJson },
    ],
    argv: ["/bin/sh", `${job}/launch.sh`, path, ...FLAGS, `--file=${job}/wrapper.r`],
    env: new Map([
      ["R_HOME", home],
      ["R_DEFAULT_PACKAGES", "NULL"],
    ]),
    mounts,
    resultFrom: "record",
  };
}
