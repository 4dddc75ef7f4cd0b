import { readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import type { JobFile, ReadOnlyMount } from "../../sandbox/sandbox.ts";
import { type Artifact, BUILD_JOB, BUILD_OUT, BUILD_TMP, type BuildStep, type Workshop } from "../../workshop/workshop.ts";
import { firstExecutable, hostOutput } from "../compiled/host-command.ts";
import { isRefusal, type MainSignatures } from "../compiled/main-signatures.ts";
import { placeProgram, refuseProgram } from "../compiled/program.ts";
import { reachableTree } from "../compiled/reachable-tree.ts";
import { refuseBuild } from "../refusal.ts";
import { type DetectContext, type Launch, type LaunchRequest, type Lock, type LockRequest, outputOf, type ProcessRuntime, type Refusal } from "../runtime.ts";
import { type CargoHeader, readCargoHeader } from "./cargo-header.ts";
import { manifestOf } from "./manifest.ts";
import { asProgram } from "./program-source.ts";

const text = (name: string): string => readFileSync(new URL(`./${name}`, import.meta.url), "utf8");
const file = (name: string, path: string): JobFile => ({ name, content: text(path) });
/** Of the crates that every script may use without naming them. */
const BASE_LOCK = text("base-lock.toml");
const BUILD = text("build.sh");
const PLAIN_FILES = ["millrace.rs", "json.rs", "plain-types.rs"].map((name) => file(name, `wrapper/${name}`));
const PACKAGE_FILES = [
  ...["millrace.rs", "json.rs", "with-serde.rs"].map((name) => file(name, `wrapper/${name}`)),
  file("millrace.toml", "wrapper/cargo.toml"),
  file("package.sh", "package.sh"),
  { ...file("record.sh", "record.sh"), executable: true },
];
const SCRIPTS = { wrapper: text("build-wrapper.sh"), lock: text("lock.sh"), fetch: text("fetch.sh"), crates: text("build-crates.sh") };

const CANDIDATES = [join(homedir(), ".cargo/bin/rustc"), "/usr/local/cargo/bin/rustc", "/usr/local/bin/rustc", "/usr/bin/rustc"];
/** What a build needs of an installation. */
const PARTS = ["bin/rustc", "bin/cargo", "lib", "libexec"];
/** Where std::backtrace and let-else are. */
const OLDEST_MINOR = 65;
/** Crates that are there without a header. */
const USES_BASE = /\b(?:serde|serde_json|anyhow)\b/;
const MINUTE_MS = 60_000;

interface RustParts {
  readonly rustc: string;
  readonly cargo: string;
  readonly abi: string;
  readonly mounts: readonly ReadOnlyMount[];
  readonly signatures: MainSignatures;
  pathOf(mount: ReadOnlyMount): string;
}

/** Rust: `fn main` of a file, called with the arguments by name. */
export async function detectRust(context: DetectContext, signatures: MainSignatures): Promise<ProcessRuntime | undefined> {
  const program = firstExecutable(CANDIDATES);
  const root = program === undefined ? undefined : await hostOutput(program, ["--print", "sysroot"]);
  if (root === undefined || root === "") return undefined;
  const told = await hostOutput(join(root, "bin/rustc"), ["--version"]);
  const [, version, minor] = /^rustc ([0-9]+\.([0-9]+)\.[0-9]+)/.exec(told ?? "") ?? [];
  if (version === undefined || Number(minor) < OLDEST_MINOR) return undefined;
  const mounts: ReadOnlyMount[] = [];
  let inside = root;
  if (!root.startsWith("/usr")) {
    const mount = { source: reachableTree(root, `rust-${version}`, PARTS, context.copies), target: "/runtimes/rust" };
    mounts.push(mount);
    inside = context.pathOf(mount);
  }
  const rustc = join(inside, "bin/rustc");
  // It links with the system's C compiler.
  if (firstExecutable(["/usr/bin/cc"]) === undefined || outputOf(await context.probe([rustc, "--version"], mounts)) === undefined) return undefined;
  const abi = `rust-${version}-${process.platform}-${process.arch}`;
  const parts: RustParts = { rustc, cargo: join(inside, "bin/cargo"), abi, mounts, signatures, pathOf: (mount) => context.pathOf(mount) };
  return {
    kind: "process",
    version,
    // The program needs nothing of the toolchain.
    mounts: [],
    launch: (request) => launch(parts, request),
    lock: (request) => lock(parts, request),
    close: () => signatures.close(),
  };
}

async function launch(parts: RustParts, request: LaunchRequest): Promise<Launch | Refusal> {
  const names = await parts.signatures.namesOf("rust", request.code, request.argsJson);
  if (isRefusal(names)) return names;
  const program = await build(parts, request, names);
  if (program.kind === "refused") return program;
  const placed = await placeProgram(program, { name: "program", executable: true, target: "/program", jobDir: request.paths.job, pathOf: parts.pathOf });
  return {
    kind: "launch",
    files: [...placed.files, { name: "args.json", content: request.argsJson }],
    argv: [placed.path],
    env: new Map(),
    mounts: placed.mounts,
    resultFrom: "record",
  };
}

async function build(parts: RustParts, request: LaunchRequest, names: readonly string[]): Promise<Artifact | Refusal> {
  const { code, workshop } = request;
  const header = readCargoHeader(code);
  if (header.kind === "problem") return refuseBuild("DependencyError", header.message);
  const crates = await cratesOf(parts, request, header);
  if (crates.kind === "refused") return crates;
  const source = asProgram(code, names, header.edition);
  const wrapperMount = { source: crates.artifact.dir, target: "/crates" };
  const env = new Map([
    ["WRAPPER", parts.pathOf(wrapperMount)],
    ["EDITION", header.edition],
  ]);
  const build = step(parts, BUILD, { files: [{ name: "main.rs", content: source.text }], mounts: [wrapperMount], env });
  const program = await workshop.artifact({ abi: parts.abi, inputs: ["program", BUILD, ...crates.inputs, header.edition, source.text], build });
  if (program.kind === "failed") return refuseProgram(program, { name: "main.rs", ...source }, code);
  return program;
}

interface Crates {
  readonly kind: "crates";
  /** Holds the wrapper too. */
  readonly artifact: Artifact;
  readonly inputs: readonly string[];
}

/** Three cases: no crates at all, the few that every script may use, and what the header names. */
async function cratesOf(parts: RustParts, request: LaunchRequest, header: CargoHeader): Promise<Crates | Refusal> {
  const { workshop, code } = request;
  const shared = header.manifest === "";
  if (shared && !USES_BASE.test(code)) return await plainWrapper(parts, workshop);
  let fixed = shared ? BASE_LOCK : request.lock;
  if (fixed === "") {
    const resolved = await lock(parts, request);
    if (resolved.kind === "refused") return resolved;
    fixed = resolved.lock;
  }
  return await lockedCrates(parts, workshop, { manifest: manifestOf(header.manifest), fixed, shared });
}

async function plainWrapper(parts: RustParts, workshop: Workshop): Promise<Crates | Refusal> {
  const inputs = ["plain", SCRIPTS.wrapper, ...PLAIN_FILES.map((one) => String(one.content))];
  const build = step(parts, SCRIPTS.wrapper, { files: PLAIN_FILES, mounts: [], env: new Map() });
  const artifact = await workshop.artifact({ abi: parts.abi, inputs, shared: true, build });
  if (artifact.kind === "failed") return refuseBuild("BuildError", "what stands around Rust scripts could not be compiled", artifact.output);
  return { kind: "crates", artifact, inputs };
}

async function lockedCrates(parts: RustParts, workshop: Workshop, wanted: { manifest: string; fixed: string; shared: boolean }): Promise<Crates | Refusal> {
  const { manifest, fixed, shared } = wanted;
  const files = packageFiles(manifest, fixed);
  const common = files.map((one) => String(one.content));
  const fetch = await workshop.artifact({
    abi: parts.abi,
    inputs: ["fetched", SCRIPTS.fetch, ...common],
    shared,
    build: { ...step(parts, SCRIPTS.fetch, { files, mounts: [], env: new Map(workshop.buildEnv) }), network: true },
  });
  if (fetch.kind === "failed") return refuseBuild("DependencyError", "the crates of the lock could not be fetched", fetch.output);
  const mount = { source: fetch.dir, target: "/fetched" };
  const inputs = ["crates", SCRIPTS.crates, ...common];
  const build = step(parts, SCRIPTS.crates, { files, mounts: [mount], env: new Map([["CRATES", parts.pathOf(mount)]]) });
  const artifact = await workshop.artifact({ abi: parts.abi, inputs, shared, build });
  if (artifact.kind === "failed") return refuseBuild("DependencyError", "the crates could not be compiled", artifact.output);
  return { kind: "crates", artifact, inputs };
}

function packageFiles(manifest: string, fixed: string): JobFile[] {
  const own = [{ name: "cargo.toml", content: manifest }];
  return [...PACKAGE_FILES, ...own, ...(fixed === "" ? [] : [{ name: "cargo.lock", content: fixed }])];
}

async function lock(parts: RustParts, { code, workshop }: LockRequest): Promise<Lock | Refusal> {
  const header = readCargoHeader(code);
  if (header.kind === "problem") return refuseBuild("DependencyError", header.message);
  if (header.manifest === "") return { kind: "lock", lock: "" };
  const files = packageFiles(manifestOf(header.manifest), "");
  const outcome = await workshop.command(
    { ...step(parts, SCRIPTS.lock, { files, mounts: [], env: new Map(workshop.buildEnv) }), network: true },
    { rememberMs: 60 * MINUTE_MS },
  );
  if (outcome.code !== 0) return refuseBuild("DependencyError", "the crates of the script could not be resolved", outcome.stderr);
  return { kind: "lock", lock: outcome.stdout };
}

function step(parts: RustParts, script: string, { files, mounts, env }: Pick<BuildStep, "files" | "mounts" | "env">): BuildStep {
  return {
    files: [{ name: "build.sh", content: script }, ...files],
    argv: ["/bin/sh", `${BUILD_JOB}/build.sh`],
    env: new Map([
      // Of the operator: CARGO_REGISTRIES_*, CARGO_HTTP_* and so on.
      ...env,
      ["JOB", BUILD_JOB],
      ["OUT", BUILD_OUT],
      ["TMP", BUILD_TMP],
      ["RUSTC", parts.rustc],
      ["CARGO", parts.cargo],
    ]),
    mounts: [...parts.mounts, ...mounts],
    network: false,
    timeoutMs: 10 * MINUTE_MS,
  };
}
