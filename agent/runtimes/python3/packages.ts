import { existsSync, readFileSync } from "node:fs";
import { AppError } from "../../../kernel/app-error.ts";
import type { ReadOnlyMount } from "../../sandbox/sandbox.ts";
import type { BuildFailure, BuildStep, Workshop } from "../../workshop/workshop.ts";
import { BUILD_JOB, BUILD_OUT, BUILD_TMP } from "../../workshop/workshop.ts";
import { refuseBuild, refuseSyntax } from "../refusal.ts";
import type { Lock, Refusal } from "../runtime.ts";
import { allowsSdist, faultOfLock, faultOfRequirements, lockText, needsNoPackages, parseAnswer, type Requested } from "./requirements.ts";

const READER = readFileSync(new URL("./read-dependencies.py", import.meta.url), "utf8");
/** The version of uv that agents fetch themselves, with its hashes. */
const UV_PINNED = readFileSync(new URL("./uv.txt", import.meta.url), "utf8");
const UV_CANDIDATES = ["/usr/local/bin/uv", "/usr/bin/uv"];
const INSIDE_UV = "/runtimes/uv";
const INSIDE_PACKAGES = "/packages/python3";

const READ_TIMEOUT_MS = 15_000;
const LOCK_TIMEOUT_MS = 180_000;
const INSTALL_TIMEOUT_MS = 900_000;
/** For so long inline code gets the versions of the time before. */
const RESOLVED_FOR_MS = 10 * 60_000;
const READ_FOR_MS = 24 * 60 * 60_000;

/** uv has names of its own for what operators know from pip. */
const UV_NAMES: readonly (readonly [string, string])[] = [
  ["PIP_INDEX_URL", "UV_DEFAULT_INDEX"],
  ["PIP_EXTRA_INDEX_URL", "UV_INDEX"],
  ["PIP_FIND_LINKS", "UV_FIND_LINKS"],
  ["PIP_NO_INDEX", "UV_NO_INDEX"],
  ["PIP_TRUSTED_HOST", "UV_INSECURE_HOST"],
  ["PIP_CERT", "SSL_CERT_FILE"],
];

export interface PackagesParts {
  /** The interpreter as builds see it. */
  readonly python: string;
  /** Such as `3.11.2`. */
  readonly version: string;
  readonly mounts: readonly ReadOnlyMount[];
  readonly standardLibrary: ReadonlySet<string>;
  pathOf(mount: ReadOnlyMount): string;
}

/** Where a script's packages are. */
export interface Installed {
  readonly kind: "installed";
  /** None when nothing had to be installed. */
  readonly mounts: readonly ReadOnlyMount[];
  /** Folders for the module path, as the script sees them. */
  readonly folders: readonly string[];
}

const NOTHING: Installed = { kind: "installed", mounts: [], folders: [] };

/** Finds, fixes and installs the packages of Python scripts, with uv in the workshop. */
export class PythonPackages {
  readonly #parts: PackagesParts;

  constructor(parts: PackagesParts) {
    this.#parts = parts;
  }

  /** The packages of a lock, or without one those that the code asks for, in the versions of today. */
  async install(code: string, lock: string, workshop: Workshop): Promise<Installed | Refusal> {
    if (lock !== "") return await this.#installLock(lock, workshop);
    const requested = await this.#read(code, workshop);
    // The interpreter itself tells more about code that does not parse.
    if (requested === undefined || "syntax" in requested || requested.requirements.length === 0) return NOTHING;
    const resolved = await this.#resolve(requested, workshop);
    return resolved.kind === "lock" ? await this.#installLock(resolved.lock, workshop) : resolved;
  }

  async lock(code: string, workshop: Workshop): Promise<Lock | Refusal> {
    const requested = await this.#read(code, workshop);
    if (requested === undefined) return { kind: "lock", lock: "" };
    if ("syntax" in requested) return refuseSyntax(requested.syntax);
    return requested.requirements.length === 0 ? { kind: "lock", lock: "" } : await this.#resolve(requested, workshop);
  }

  /** @returns undefined when a glance shows that there is nothing to install */
  async #read(code: string, workshop: Workshop): Promise<Requested | { syntax: { message: string; line: number } } | undefined> {
    if (needsNoPackages(code, this.#parts.standardLibrary)) return undefined;
    const files = [
      { name: "read.py", content: READER },
      { name: "main.py", content: code },
    ];
    const argv = [this.#parts.python, "-I", "-B", "-X", "utf8", `${BUILD_JOB}/read.py`, `${BUILD_JOB}/main.py`];
    const step: BuildStep = { files, argv, env: new Map(), mounts: this.#parts.mounts, network: false, timeoutMs: READ_TIMEOUT_MS };
    const said = await workshop.command(step, { rememberMs: READ_FOR_MS });
    if (said.code !== 0) throw new AppError("internal", `the imports of the script could not be read: ${said.stderr.slice(-500)}`);
    const { requested, syntax } = parseAnswer(said.stdout);
    return syntax === undefined ? requested : { syntax };
  }

  async #resolve({ requirements, sdist }: Requested, workshop: Workshop): Promise<Lock | Refusal> {
    const fault = faultOfRequirements(requirements);
    if (fault !== undefined) return refuseBuild("DependencyError", fault);
    const uv = await this.#uv(workshop);
    if (!("path" in uv)) return uv;
    const options = ["--python", this.#parts.python, "--generate-hashes", "--no-header", "--no-annotate", ...commonOptions(sdist)];
    const step = this.#uvStep(uv, ["pip", "compile", `${BUILD_JOB}/requirements.in`, ...options], "requirements.in", `${requirements.join("\n")}\n`, workshop);
    const said = await workshop.command({ ...step, timeoutMs: LOCK_TIMEOUT_MS }, { rememberMs: RESOLVED_FOR_MS });
    if (said.code !== 0) return refuseBuild("DependencyError", `no versions could be found for ${requirements.join(", ").slice(0, 300)}`, said.stderr);
    return { kind: "lock", lock: lockText(said.stdout, sdist) };
  }

  async #installLock(lock: string, workshop: Workshop): Promise<Installed | Refusal> {
    const fault = faultOfLock(lock);
    if (fault !== undefined) return refuseBuild("DependencyError", fault);
    const sdist = allowsSdist(lock);
    const spec = { abi: `python3-${this.#parts.version}-${process.platform}-${process.arch}`, inputs: [lock] };
    const uv = await this.#uv(workshop);
    if (!("path" in uv)) return uv;
    const options = ["--python", this.#parts.python, "--target", BUILD_OUT, "--require-hashes", "--no-deps", "--compile-bytecode", ...commonOptions(sdist)];
    const step = this.#uvStep(uv, ["pip", "install", "-r", `${BUILD_JOB}/requirements.txt`, ...options], "requirements.txt", lock, workshop);
    const built = await workshop.artifact({ ...spec, build: { ...step, timeoutMs: INSTALL_TIMEOUT_MS } });
    if (built.kind === "failed") return refuseBuild("DependencyError", "the packages could not be installed", built.output);
    const mount = { source: built.dir, target: INSIDE_PACKAGES };
    return { kind: "installed", mounts: [mount], folders: [this.#parts.pathOf(mount)] };
  }

  #uvStep(uv: Uv, args: readonly string[], file: string, content: string, workshop: Workshop): BuildStep {
    const env = new Map([
      ["UV_CACHE_DIR", `${BUILD_TMP}/uv`],
      ["UV_LINK_MODE", "copy"],
      ["UV_PYTHON_DOWNLOADS", "never"],
      ["UV_NO_PROGRESS", "1"],
      ["NO_COLOR", "1"],
    ]);
    for (const [pip, name] of UV_NAMES) {
      const value = workshop.buildEnv.get(pip);
      if (value !== undefined && !workshop.buildEnv.has(name)) env.set(name, value);
    }
    const mounts = [...this.#parts.mounts, ...uv.mounts];
    return { files: [{ name: file, content }], argv: [uv.path, ...args], env, mounts, network: true, timeoutMs: INSTALL_TIMEOUT_MS };
  }

  /** That of the machine, else a pinned one that pip fetches once for all workspaces. */
  async #uv(workshop: Workshop): Promise<Uv | Refusal> {
    const own = UV_CANDIDATES.find((path) => existsSync(path));
    if (own !== undefined) return { path: own, mounts: [] };
    const { python, mounts } = this.#parts;
    const files = [{ name: "uv.txt", content: UV_PINNED }];
    const install = `"$PYTHON" -I -m pip install --quiet --disable-pip-version-check --no-cache-dir --require-hashes --no-deps --only-binary :all: --target "$TMPDIR/uv" -r "$JOB/uv.txt"`;
    const build: BuildStep = {
      files,
      argv: ["/bin/sh", "-c", `${install} && cp "$TMPDIR/uv/bin/uv" "$OUT/uv"`],
      env: new Map([
        ["PYTHON", python],
        ["JOB", BUILD_JOB],
        ["OUT", BUILD_OUT],
      ]),
      mounts,
      network: true,
      timeoutMs: LOCK_TIMEOUT_MS,
    };
    const built = await workshop.artifact({ abi: `uv-${process.platform}-${process.arch}`, inputs: [UV_PINNED], build, shared: true });
    if (built.kind === "failed") {
      return refuseBuild("DependencyError", "this agent has no uv, and pip could not fetch it", explainPip(built));
    }
    const mount = { source: built.dir, target: INSIDE_UV };
    return { path: `${this.#parts.pathOf(mount)}/uv`, mounts: [mount] };
  }
}

interface Uv {
  readonly path: string;
  readonly mounts: readonly ReadOnlyMount[];
}

function commonOptions(sdist: boolean): string[] {
  return ["--no-config", ...(sdist ? [] : ["--only-binary", ":all:"])];
}

function explainPip(failure: BuildFailure): string {
  return failure.output.includes("No module named pip")
    ? "pip is missing too: install uv, or pip for the agent's Python (python3-pip on Debian)"
    : failure.output;
}
