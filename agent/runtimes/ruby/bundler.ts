import type { ReadOnlyMount } from "../../sandbox/sandbox.ts";
import { BUILD_JOB, BUILD_OUT, BUILD_TMP, type BuildStep, type Workshop } from "../../workshop/workshop.ts";
import { INLINE_LOCK_MS, INSTALL_TIMEOUT_MS, LOCK_TIMEOUT_MS } from "../package-locks.ts";
import { refuseBuild } from "../refusal.ts";
import type { Refusal } from "../runtime.ts";
import { type Declared, readGemfile } from "./gemfile.ts";

/** Bundler, run by the Ruby that scripts get. */
export interface Bundler {
  /** Ruby and Bundler's program. */
  readonly command: readonly string[];
  readonly abi: string;
  /** Where a mount appears in a build, as in a script. */
  readonly pathOf: (mount: ReadOnlyMount) => string;
}

/** Where a script sees its gems, and the installing build the archives. */
const INSIDE = "/packages/ruby";
const INSIDE_ARCHIVES = "/packages/gems";
const PLATFORMS = ["x86_64-linux", "aarch64-linux"];
const SUMS_MARK = "--- sha256";

/** Both platforms are locked, and the archives of both are summed up: this version of Bundler writes no checksums itself. */
const LOCK = `set -e
mkdir -p "$WORK/app" && cd "$WORK/app"
cp "$JOB/gemfile" Gemfile
"$@" lock ${PLATFORMS.map((platform) => `--add-platform ${platform}`).join(" ")} >&2
"$@" cache --no-install --all-platforms >&2
cat Gemfile.lock
echo "${SUMS_MARK}"
cd vendor/cache
for gem in *.gem; do sha256sum "$gem"; done
`;

/** Downloads without running anything, and compares. */
const FETCH = `set -e
mkdir -p "$WORK/app" && cd "$WORK/app"
cp "$JOB/gemfile" Gemfile
cp "$JOB/gemfile.lock" Gemfile.lock
BUNDLE_FROZEN=true "$@" cache --no-install
cd vendor/cache
for gem in *.gem; do
  grep -F "  $gem" "$JOB/sums" > "$WORK/sum" || { echo "$gem is not in the lock"; exit 1; }
  sha256sum -c "$WORK/sum"
  cp "$gem" "$OUT/"
done
`;

/** Native code is compiled here, without network and without credentials. */
const INSTALL = `set -e
mkdir -p "$WORK/app/vendor" && cd "$WORK/app"
cp "$JOB/gemfile" Gemfile
cp "$JOB/gemfile.lock" Gemfile.lock
cp -r "$ARCHIVES" vendor/cache
chmod u+w vendor/cache
BUNDLE_FROZEN=true RUBYOPT="-r$JOB/guard.rb" "$@" install --local --standalone
rm -rf "$OUT"/ruby/*/cache
`;

/** Gems build native code by running programs of their own: only where the script says so. */
const GUARD = `require "rubygems/ext"
allowed = File.read(File.join(__dir__, "native")).split
Gem::Ext::Builder.prepend(Module.new do
  define_method(:build_extensions) do
    unless @spec.extensions.empty? || allowed.include?(@spec.name)
      raise Gem::InstallError, "the gem #{@spec.name} builds native code; to allow that put the line \\"# native gems: #{@spec.name}\\" into the script"
    end
    super()
  end
end)
`;

type Gemfile = Extract<Declared, { kind: "gemfile" }>;

/** @returns the Gemfile.lock and the sums of the archives; empty when the script needs no gems */
export async function lockGems(bundler: Bundler | undefined, code: string, workshop: Workshop): Promise<string | Refusal> {
  const declared = readGemfile(code);
  if (declared.kind === "fault") return refuseBuild("DependencyError", declared.message);
  return declared.kind === "none" ? "" : lock(bundler, declared, workshop, 0);
}

async function lock(bundler: Bundler | undefined, declared: Gemfile, workshop: Workshop, rememberMs: number): Promise<string | Refusal> {
  if (bundler === undefined) return noBundler();
  const step = stepOf(bundler, workshop, LOCK, [{ name: "gemfile", content: declared.text }], { network: true, timeoutMs: LOCK_TIMEOUT_MS });
  const { code, stdout, stderr } = await workshop.command(step, { rememberMs });
  return code === 0 && stdout.includes(SUMS_MARK) ? stdout : refuseBuild("DependencyError", "Bundler found no versions for the gems of the script", stderr);
}

/**
 * The folder with the gems of a script, or undefined when it needs none. What they are is read from the script again: a lock that somebody
 * changed is text for Bundler, never a program.
 */
export async function installGems(
  bundler: Bundler | undefined,
  request: { readonly code: string; readonly lock: string; readonly workshop: Workshop },
): Promise<ReadOnlyMount | Refusal | undefined> {
  const { code, workshop } = request;
  const declared = readGemfile(code);
  if (declared.kind === "fault") return refuseBuild("DependencyError", declared.message);
  if (declared.kind === "none") return undefined;
  const text = request.lock === "" ? await lock(bundler, declared, workshop, INLINE_LOCK_MS) : request.lock;
  if (typeof text !== "string") return text;
  if (bundler === undefined) return noBundler();
  const [versions = "", sums = ""] = text.split(`${SUMS_MARK}\n`);
  const files = [
    { name: "gemfile", content: declared.text },
    { name: "gemfile.lock", content: versions },
  ];
  const fetched = await workshop.artifact({
    abi: `${bundler.abi}-archives`,
    inputs: [declared.text, text],
    build: stepOf(bundler, workshop, FETCH, [...files, { name: "sums", content: sums }], { network: true, timeoutMs: LOCK_TIMEOUT_MS }),
  });
  if (fetched.kind === "failed") return refuseBuild("DependencyError", "the gems of the script could not be fetched", fetched.output);
  const archives = { source: fetched.dir, target: INSIDE_ARCHIVES };
  const native = declared.native.join(" ");
  const guarded = [...files, { name: "native", content: native }, { name: "guard.rb", content: GUARD }];
  const step = stepOf(bundler, workshop, INSTALL, guarded, { network: false, timeoutMs: INSTALL_TIMEOUT_MS, archives });
  const built = await workshop.artifact({ abi: bundler.abi, inputs: [declared.text, native, text], build: step });
  if (built.kind === "failed") return refuseBuild("DependencyError", "the gems of the script could not be installed", built.output);
  return { source: built.dir, target: INSIDE };
}

function noBundler(): Refusal {
  return refuseBuild("DependencyError", "the script declares gems, but this agent has no Bundler");
}

function stepOf(
  bundler: Bundler,
  workshop: Workshop,
  script: string,
  files: BuildStep["files"],
  options: { readonly network: boolean; readonly timeoutMs: number; readonly archives?: ReadOnlyMount },
): BuildStep {
  const { archives } = options;
  const env = new Map([
    ["JOB", BUILD_JOB],
    ["OUT", BUILD_OUT],
    ["WORK", BUILD_TMP],
    ["BUNDLE_APP_CONFIG", `${BUILD_TMP}/bundle`],
    ["BUNDLE_USER_HOME", `${BUILD_TMP}/user`],
    ["BUNDLE_PATH", archives === undefined ? `${BUILD_TMP}/gems` : BUILD_OUT],
    ["BUNDLE_SILENCE_ROOT_WARNING", "true"],
    ["BUNDLE_DISABLE_VERSION_CHECK", "true"],
  ]);
  const sources = workshop.buildEnv.get("GEM_SOURCES");
  if (sources !== undefined) env.set("GEM_SOURCES", sources);
  if (archives !== undefined) env.set("ARCHIVES", bundler.pathOf(archives));
  return {
    files: [{ name: "build.sh", content: script }, ...files],
    argv: ["/bin/sh", `${BUILD_JOB}/build.sh`, ...bundler.command],
    env,
    mounts: archives === undefined ? [] : [archives],
    network: options.network,
    timeoutMs: options.timeoutMs,
  };
}
