import type { ReadOnlyMount } from "../../sandbox/sandbox.ts";
import { BUILD_JOB, BUILD_OUT, BUILD_TMP, type BuildStep, type Workshop } from "../../workshop/workshop.ts";
import { INLINE_LOCK_MS, INSTALL_TIMEOUT_MS, LOCK_TIMEOUT_MS } from "../package-locks.ts";
import { refuseBuild } from "../refusal.ts";
import type { Refusal } from "../runtime.ts";
import { checkComposerLock } from "./composer-lock.ts";
import { readRequirements } from "./requirements.ts";

/** Composer, run by the PHP that scripts get. */
export interface Composer {
  /** PHP with its flags, and Composer's program. */
  readonly command: readonly string[];
  readonly abi: string;
}

/** Where a script sees its packages. */
const INSIDE = "/packages/php";

/** Neither scripts nor plugins of packages: installing runs no code of theirs. */
const FLAGS = "--no-scripts --no-plugins --no-interaction --no-progress --no-dev --no-ansi";
const LOCK = `set -e
mkdir -p "$WORK/app" && cd "$WORK/app"
cp "$JOB/composer.json" composer.json
"$@" update ${FLAGS} --no-install --no-audit >&2
cat composer.lock
`;
const INSTALL = `set -e
mkdir -p "$WORK/app" && cd "$WORK/app"
cp "$JOB/composer.json" "$JOB/composer.lock" .
COMPOSER_VENDOR_DIR="$OUT/vendor" "$@" install ${FLAGS} --prefer-dist --optimize-autoloader
`;

/** @returns the composer.lock; empty when the script needs no packages */
export async function lockPackages(composer: Composer | undefined, code: string, workshop: Workshop): Promise<string | Refusal> {
  const manifest = manifestOf(code);
  if (typeof manifest !== "string") return manifest;
  return manifest === "" ? "" : lock(composer, manifest, workshop, 0);
}

/** The composer.json of a script: only what it requires. Empty when that is nothing. */
function manifestOf(code: string): string | Refusal {
  const requirements = readRequirements(code);
  if (requirements.kind === "fault") return refuseBuild("DependencyError", requirements.message);
  return requirements.packages.size === 0 ? "" : JSON.stringify({ require: Object.fromEntries(requirements.packages) });
}

async function lock(composer: Composer | undefined, manifest: string, workshop: Workshop, rememberMs: number): Promise<string | Refusal> {
  if (composer === undefined) return noComposer();
  const step = stepOf(composer, workshop, LOCK, [{ name: "composer.json", content: manifest }], LOCK_TIMEOUT_MS);
  const { code, stdout, stderr } = await workshop.command(step, { rememberMs });
  return code === 0 ? stdout : refuseBuild("DependencyError", "Composer found no versions for the packages of the script", stderr);
}

/** The folder with the packages of a script, or undefined when it needs none. */
export async function installPackages(
  composer: Composer | undefined,
  request: { readonly code: string; readonly lock: string; readonly workshop: Workshop },
): Promise<ReadOnlyMount | Refusal | undefined> {
  const { workshop } = request;
  const manifest = manifestOf(request.code);
  if (typeof manifest !== "string") return manifest;
  if (manifest === "") return undefined;
  const text = request.lock === "" ? await lock(composer, manifest, workshop, INLINE_LOCK_MS) : request.lock;
  if (typeof text !== "string") return text;
  if (composer === undefined) return noComposer();
  const checked = checkComposerLock(text);
  if (checked.kind === "fault") return refuseBuild("DependencyError", checked.message);
  const files = [
    { name: "composer.json", content: manifest },
    { name: "composer.lock", content: checked.text },
  ];
  const build = stepOf(composer, workshop, INSTALL, files, INSTALL_TIMEOUT_MS);
  const built = await workshop.artifact({ abi: composer.abi, inputs: [manifest, checked.text], build });
  if (built.kind === "failed") return refuseBuild("DependencyError", "the packages of the script could not be installed", built.output);
  return { source: built.dir, target: INSIDE };
}

function noComposer(): Refusal {
  return refuseBuild("DependencyError", "the script requires packages, but this agent has no Composer");
}

function stepOf(composer: Composer, workshop: Workshop, script: string, files: BuildStep["files"], timeoutMs: number): BuildStep {
  const env = new Map([
    ["JOB", BUILD_JOB],
    ["OUT", BUILD_OUT],
    ["WORK", BUILD_TMP],
    ["COMPOSER_CACHE_DIR", `${BUILD_TMP}/cache`],
  ]);
  // The operator may name one with repositories and credentials in it.
  if (!workshop.buildEnv.has("COMPOSER_HOME")) env.set("COMPOSER_HOME", `${BUILD_TMP}/composer`);
  return {
    files: [{ name: "build.sh", content: script }, ...files],
    argv: ["/bin/sh", `${BUILD_JOB}/build.sh`, ...composer.command],
    env,
    mounts: [],
    network: true,
    timeoutMs,
  };
}
