import { readFileSync, realpathSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { INSIDE_JOB } from "../../sandbox/profile.ts";
import type { ReadOnlyMount } from "../../sandbox/sandbox.ts";
import { placeConstants } from "../constants.ts";
import {
  type DetectContext,
  type Launch,
  type LaunchRequest,
  outputOf,
  type ProcessRuntime,
  type Refusal,
  type Runtime,
  type RuntimeSupport,
} from "../runtime.ts";
import { PythonPackages } from "./packages.ts";

const PROGRAMS = Object.fromEntries(
  ["wrapper.py", "warm.py", "dedicated.py"].map((name) => [name, readFileSync(new URL(`./${name}`, import.meta.url), "utf8")]),
);
const SDK = Object.fromEntries(
  ["millrace.py", "millrace_workflow.py"].map((name) => [`sdk/${name}`, readFileSync(new URL(`../../sdk/python/${name}`, import.meta.url), "utf8")]),
);
/** Not whatever PATH says: version managers put shims there that job users cannot read. */
const CANDIDATES = ["/usr/bin/python3", "/usr/local/bin/python3"];
const INSIDE = "/runtimes/python3";
/** Older interpreters cannot name the modules of their standard library; then every import is looked at. */
const ASK = "import json, sys; print('.'.join(map(str, sys.version_info[:3])), *sorted(getattr(sys, 'stdlib_module_names', ())))";

interface Interpreter {
  readonly path: string;
  readonly version: string;
  readonly standardLibrary: ReadonlySet<string>;
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
        if (interpreter !== undefined) return new Map<string, Runtime>([["python3", runtimeOf(interpreter, context)]]);
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
  const said = outputOf(await context.probe([path, "-I", "-B", "-c", ASK], mounts));
  const [version = "", ...modules] = said?.split(/\s+/) ?? [];
  if (!version.startsWith("3.")) return undefined;
  const programs = placeConstants(context.copies, "python3-programs", { ...PROGRAMS, ...SDK });
  return { path, version, standardLibrary: new Set(modules), mounts: [...mounts, programs], programs: context.pathOf(programs) };
}

function runtimeOf(interpreter: Interpreter, context: DetectContext): ProcessRuntime {
  const { path, version, mounts, standardLibrary } = interpreter;
  const packages = new PythonPackages({ python: path, version, mounts, standardLibrary, pathOf: (mount) => context.pathOf(mount) });
  return {
    kind: "process",
    version,
    mounts,
    interpreter: { name: "python3", argv: argvOf(interpreter, "warm.py", INSIDE_JOB), mounts },
    launch: (request) => launch(interpreter, packages, request),
    lock: ({ code, workshop }) => packages.lock(code, workshop),
    close: () => undefined,
  };
}

function argvOf(interpreter: Interpreter, program: string, job: string, folders: readonly string[] = []): string[] {
  // -I: no user site, no environment, no current folder on the path. -B: the job folder is read-only.
  return [interpreter.path, "-I", "-B", "-X", "utf8", `${interpreter.programs}/${program}`, job, ...folders];
}

async function launch(interpreter: Interpreter, packages: PythonPackages, request: LaunchRequest): Promise<Launch | Refusal> {
  const installed = await packages.install(request.code, request.lock, request.workshop);
  if (installed.kind === "refused") return installed;
  const { folders } = installed;
  const main = { name: "main.py", content: request.code };
  const { job } = request.paths;
  return {
    kind: "launch",
    files: [main, { name: "args.json", content: request.argsJson }],
    argv: argvOf(interpreter, "wrapper.py", job, folders),
    env: new Map(),
    mounts: [...interpreter.mounts, ...installed.mounts],
    resultFrom: "record",
    // What waits knows no packages.
    ...(folders.length === 0 && { warm: { interpreter: "python3", files: [main], job: { args: request.argsJson } } }),
    dedicated: { files: [main], argv: argvOf(interpreter, "dedicated.py", job, folders), forks: true, job: { args: request.argsJson } },
  };
}

function realPath(path: string): string | undefined {
  try {
    return realpathSync(path);
  } catch {
    return undefined;
  }
}
