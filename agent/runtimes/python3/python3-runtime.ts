import { readFileSync, realpathSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { INSIDE_JOB } from "../../sandbox/profile.ts";
import type { ReadOnlyMount } from "../../sandbox/sandbox.ts";
import { placeConstants } from "../constants.ts";
import { type DetectContext, type Launch, type LaunchRequest, outputOf, type ProcessRuntime, type Runtime, type RuntimeSupport } from "../runtime.ts";

const PROGRAMS = Object.fromEntries(
  ["wrapper.py", "warm.py", "dedicated.py"].map((name) => [name, readFileSync(new URL(`./${name}`, import.meta.url), "utf8")]),
);
/** Not whatever PATH says: version managers put shims there that job users cannot read. */
const CANDIDATES = ["/usr/bin/python3", "/usr/local/bin/python3"];
const INSIDE = "/runtimes/python3";

interface Interpreter {
  readonly path: string;
  readonly version: string;
  readonly mounts: readonly ReadOnlyMount[];
  /** Folder with our own programs, as the script sees it. */
  readonly programs: string;
}

/**
 * Python 3: calls `main` with keyword arguments.
 * @param pythonPath an interpreter of the operator's choice; its installation (the folder above `bin`) is mounted as a whole
 */
export function pythonSupport(pythonPath?: string): RuntimeSupport {
  return {
    languages: ["python3"],
    detect: async (context) => {
      for (const candidate of pythonPath === undefined ? CANDIDATES : [pythonPath]) {
        const interpreter = await tryInterpreter(candidate, context);
        if (interpreter !== undefined) return new Map<string, Runtime>([["python3", runtimeOf(interpreter)]]);
      }
      return undefined;
    },
  };
}

async function tryInterpreter(candidate: string, context: DetectContext): Promise<Interpreter | undefined> {
  const real = realPath(candidate);
  if (real === undefined) return undefined;
  const mounts: ReadOnlyMount[] = [];
  let path = real;
  if (!real.startsWith("/usr/")) {
    const mount = { source: dirname(dirname(real)), target: INSIDE };
    mounts.push(mount);
    path = join(context.pathOf(mount), "bin", basename(real));
  }
  const version = outputOf(await context.probe([path, "-I", "-B", "-c", "import json, sys; print('.'.join(map(str, sys.version_info[:3])))"], mounts));
  if (version === undefined || !version.startsWith("3.")) return undefined;
  const programs = placeConstants(context.execDir, "python3-programs", PROGRAMS);
  return { path, version, mounts: [...mounts, programs], programs: context.pathOf(programs) };
}

function runtimeOf(interpreter: Interpreter): ProcessRuntime {
  const { version, mounts } = interpreter;
  return {
    kind: "process",
    version,
    mounts,
    interpreter: { name: "python3", argv: argvOf(interpreter, "warm.py", INSIDE_JOB), mounts },
    launch: (request) => Promise.resolve(launch(interpreter, request)),
    close: () => undefined,
  };
}

function argvOf(interpreter: Interpreter, program: string, job: string): string[] {
  // -I: no user site, no environment, no current folder on the path. -B: the job folder is read-only.
  return [interpreter.path, "-I", "-B", "-X", "utf8", `${interpreter.programs}/${program}`, job];
}

function launch(interpreter: Interpreter, request: LaunchRequest): Launch {
  const main = { name: "main.py", content: request.code };
  const { job } = request.paths;
  return {
    kind: "launch",
    files: [main, { name: "args.json", content: request.argsJson }],
    argv: argvOf(interpreter, "wrapper.py", job),
    env: new Map(),
    mounts: interpreter.mounts,
    resultFrom: "record",
    warm: { interpreter: "python3", files: [main], job: { args: request.argsJson } },
    dedicated: { files: [main], argv: argvOf(interpreter, "dedicated.py", job), forks: true, job: { args: request.argsJson } },
  };
}

function realPath(path: string): string | undefined {
  try {
    return realpathSync(path);
  } catch {
    return undefined;
  }
}
