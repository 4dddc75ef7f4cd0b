import { join } from "node:path";
import type { ReadOnlyMount } from "../../sandbox/sandbox.ts";
import { BUILD_JOB, BUILD_OUT, BUILD_TMP, type BuildStep, type Workshop } from "../../workshop/workshop.ts";
import { refuseBuild } from "../refusal.ts";
import type { Lock, Refusal } from "../runtime.ts";
import { checkNpmLock, packageJsonOf } from "./npm-lock.ts";
import { npmRequest } from "./npm-request.ts";
import type { ImportReading } from "./read-imports.ts";

/** Above the job's folder, where Node looks for the modules of /job too. */
const INSIDE_MODULES = "/node_modules";

const LOCK_TIMEOUT_MS = 180_000;
const INSTALL_TIMEOUT_MS = 900_000;
/** For so long inline code gets the versions of the time before. */
const RESOLVED_FOR_MS = 10 * 60_000;

/** No code of a package runs: its scripts are left out. */
const OPTIONS =
  "--ignore-scripts --no-audit --no-fund --no-update-notifier --no-progress --omit=dev --omit-lockfile-registry-resolved --loglevel=error --fetch-retries=1 --fetch-retry-mintimeout=2000";
const LOCK = `mkdir "$TMPDIR/at" && cp "$JOB/package.json" "$TMPDIR/at/" && cd "$TMPDIR/at" && "$NODE" "$NPM" install --package-lock-only ${OPTIONS} >&2 && cat package-lock.json`;
const INSTALL = `cp "$JOB/package.json" "$JOB/package-lock.json" "$OUT/" && cd "$OUT" && "$NODE" "$NPM" ci ${OPTIONS} && mkdir -p node_modules`;

export interface NpmParts {
  /** Node as builds see it. */
  readonly node: string;
  /** Of Node. */
  readonly version: string;
  /** `npm-cli.js` as builds see it; undefined where there is no npm. */
  readonly npm: string | undefined;
  readonly mounts: readonly ReadOnlyMount[];
  pathOf(mount: ReadOnlyMount): string;
}

/** Where a script's packages are. */
export interface InstalledModules {
  readonly kind: "installed";
  /** None when nothing had to be installed. */
  readonly mounts: readonly ReadOnlyMount[];
  /** The folder as the script sees it, where Node does not find it by itself. */
  readonly modules: string | undefined;
}

const NOTHING: InstalledModules = { kind: "installed", mounts: [], modules: undefined };

/** Finds, fixes and installs the packages of TypeScript and JavaScript, with npm in the workshop. */
export class NpmPackages {
  readonly #parts: NpmParts;

  constructor(parts: NpmParts) {
    this.#parts = parts;
  }

  /** The packages of a lock, or without one those that the code imports, in the versions of today. */
  async install(reading: ImportReading, lock: string, workshop: Workshop): Promise<InstalledModules | Refusal> {
    if (lock !== "") return await this.#installLock(lock, workshop);
    const resolved = await this.lock(reading, workshop);
    if (resolved.kind === "refused") return resolved;
    return resolved.lock === "" ? NOTHING : await this.#installLock(resolved.lock, workshop);
  }

  async lock(reading: ImportReading, workshop: Workshop): Promise<Lock | Refusal> {
    const request = npmRequest(reading);
    if (request.kind === "fault") return refuseBuild("DependencyError", request.message);
    const names = Object.keys(request.dependencies);
    if (names.length === 0) return { kind: "lock", lock: "" };
    if (this.#parts.npm === undefined) return this.#noNpm();
    const files = [{ name: "package.json", content: packageJsonOf(request.dependencies) }];
    const step = this.#step(this.#parts.npm, LOCK, files, LOCK_TIMEOUT_MS);
    const said = await workshop.command(step, { rememberMs: RESOLVED_FOR_MS });
    if (said.code !== 0) return refuseBuild("DependencyError", `no versions could be found for ${names.join(", ").slice(0, 300)}`, said.stderr);
    return { kind: "lock", lock: said.stdout };
  }

  async #installLock(lock: string, workshop: Workshop): Promise<InstalledModules | Refusal> {
    const checked = checkNpmLock(lock);
    if (checked.kind === "fault") return refuseBuild("DependencyError", checked.message);
    if (this.#parts.npm === undefined) return this.#noNpm();
    const files = [
      { name: "package.json", content: checked.packageJson },
      { name: "package-lock.json", content: checked.lockJson },
    ];
    const build = this.#step(this.#parts.npm, INSTALL, files, INSTALL_TIMEOUT_MS);
    const abi = `node-${this.#parts.version.split(".")[0] ?? ""}-${process.platform}-${process.arch}`;
    const built = await workshop.artifact({ abi, inputs: [checked.lockJson], build });
    if (built.kind === "failed") return refuseBuild("DependencyError", "the packages could not be installed", built.output);
    const mount = { source: join(built.dir, "node_modules"), target: INSIDE_MODULES };
    const path = this.#parts.pathOf(mount);
    return { kind: "installed", mounts: [mount], modules: path === INSIDE_MODULES ? undefined : path };
  }

  #step(npm: string, command: string, files: BuildStep["files"], timeoutMs: number): BuildStep {
    const env = new Map([
      ["NODE", this.#parts.node],
      ["NPM", npm],
      ["JOB", BUILD_JOB],
      ["OUT", BUILD_OUT],
      ["npm_config_cache", `${BUILD_TMP}/npm`],
      ["NO_COLOR", "1"],
    ]);
    return { files, argv: ["/bin/sh", "-c", command], env, mounts: this.#parts.mounts, network: true, timeoutMs };
  }

  #noNpm(): Refusal {
    return refuseBuild("DependencyError", "this agent has no npm: packages cannot be installed");
  }
}
