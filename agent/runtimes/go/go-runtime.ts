import { readFileSync, realpathSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import type { JobFile, ReadOnlyMount } from "../../sandbox/sandbox.ts";
import { type Artifact, BUILD_JOB, BUILD_OUT, BUILD_TMP, type BuildFailure, type BuildStep, type Workshop } from "../../workshop/workshop.ts";
import { firstExecutable, readIfThere } from "../compiled/host-command.ts";
import { isRefusal, type MainSignatures } from "../compiled/main-signatures.ts";
import { countLines, placeProgram, refuseProgram } from "../compiled/program.ts";
import { reachableTree } from "../compiled/reachable-tree.ts";
import { refuseBuild } from "../refusal.ts";
import { type DetectContext, type Launch, type LaunchRequest, type Lock, type LockRequest, outputOf, type ProcessRuntime, type Refusal } from "../runtime.ts";
import { initialGoMod, parseGoLock } from "./go-lock.ts";
import { asInnerPackage, type GoHeader, isThirdParty, readGoHeader } from "./source.ts";

const text = (name: string): string => readFileSync(new URL(`./${name}`, import.meta.url), "utf8");
const WRAPPER = text("wrapper.go");
const GLUE = text("glue.go");
const BUILD = text("build.sh");
const BUILD_STD = text("build-std.sh");
const BUILD_PACKAGES = text("build-packages.sh");
const USE_CACHE: JobFile = { name: "use-cache.sh", content: text("use-cache.sh") };
const TIDY = text("tidy.sh");
const DOWNLOAD = text("download.sh");

const CANDIDATES = ["/usr/local/go/bin/go", "/usr/bin/go", "/usr/local/bin/go", join(homedir(), "go/bin/go")];
/** What a build needs of an installation. */
const PARTS = ["bin/go", "pkg/tool", "pkg/include", "src", "lib", "go.env", "VERSION"];
/** Where SetMemoryLimit and reflect.Pointer are. */
const OLDEST_MINOR = 19;
/** Compiled once for all: what the wrapper needs and most scripts use. Anything else asks for the whole library, which takes a minute. */
const BASE = (
  "bufio bytes context encoding/base64 encoding/csv encoding/hex encoding/json errors fmt io log math math/big math/rand net/url os os/exec os/signal path path/filepath " +
  "reflect regexp runtime runtime/debug sort strconv strings sync sync/atomic syscall text/tabwriter time unicode unicode/utf8"
).split(" ");
const MINUTE_MS = 60_000;
const PUBLIC_PROXY = "https://proxy.golang.org";

interface GoParts {
  readonly go: string;
  readonly version: string;
  readonly abi: string;
  readonly mounts: readonly ReadOnlyMount[];
  readonly signatures: MainSignatures;
  pathOf(mount: ReadOnlyMount): string;
}

/** Go: `func main` of any package, called with the arguments by name. */
export async function detectGo(context: DetectContext, signatures: MainSignatures): Promise<ProcessRuntime | undefined> {
  const program = firstExecutable(CANDIDATES);
  if (program === undefined) return undefined;
  const root = dirname(dirname(realpathSync(program)));
  const version = /^go([0-9]+\.[0-9]+(?:[.a-z0-9]+)?)/.exec(readIfThere(join(root, "VERSION")) ?? "")?.[1];
  if (version === undefined || Number(version.split(".")[1]) < OLDEST_MINOR) return undefined;
  const mounts: ReadOnlyMount[] = [];
  let go = join(root, "bin/go");
  if (!root.startsWith("/usr/")) {
    const mount = { source: reachableTree(root, `go-${version}`, PARTS, context.copies), target: "/runtimes/go" };
    mounts.push(mount);
    go = join(context.pathOf(mount), "bin/go");
  }
  if (outputOf(await context.probe([go, "version"], mounts)) === undefined) return undefined;
  const abi = `go-${version}-${process.platform}-${process.arch}`;
  const parts: GoParts = { go, version, abi, mounts, signatures, pathOf: (mount) => context.pathOf(mount) };
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

async function launch(parts: GoParts, request: LaunchRequest): Promise<Launch | Refusal> {
  const names = await parts.signatures.namesOf("go", request.code, request.argsJson);
  if (isRefusal(names)) return names;
  const program = await build(parts, request);
  if (program.kind === "refused") return program;
  const placed = await placeProgram(program, { name: "program", executable: true, target: "/program", jobDir: request.paths.job, pathOf: parts.pathOf });
  return {
    kind: "launch",
    files: [...placed.files, { name: "names.json", content: JSON.stringify(names) }, { name: "args.json", content: request.argsJson }],
    argv: [placed.path],
    env: new Map(),
    mounts: placed.mounts,
    resultFrom: "record",
  };
}

async function build(parts: GoParts, request: LaunchRequest): Promise<Artifact | Refusal> {
  const { code, workshop } = request;
  const header = readGoHeader(code);
  let fixed = request.lock;
  if (fixed === "" && needsModules(header)) {
    const resolved = await lock(parts, request);
    if (resolved.kind === "refused") return resolved;
    fixed = resolved.lock;
  }
  const modules = fixed === "" ? undefined : await fetchModules(parts, workshop, fixed);
  if (modules?.kind === "refused") return modules;
  // The rest of what modules need is compiled with them.
  const std = await buildStd(parts, workshop, modules !== undefined || header.imports.every((path) => BASE.includes(path)));
  if (std.kind === "failed") return refuseBuild("BuildError", "Go's standard library could not be compiled", std.output);
  const program = await buildProgram(parts, request, { fixed, std, modules });
  if (program.kind === "failed") return refuseProgram(program, { name: "main.go", lines: countLines(code) }, code);
  return program;
}

interface Ingredients {
  readonly fixed: string;
  readonly std: Artifact;
  readonly modules: Artifact | undefined;
}

async function buildProgram(parts: GoParts, { code, workshop }: LaunchRequest, ingredients: Ingredients): Promise<Artifact | BuildFailure> {
  const { fixed, std, modules } = ingredients;
  const header = readGoHeader(code);
  const source = asInnerPackage(code, header);
  const files: JobFile[] = [{ name: "main.go", content: source }, { name: "glue.go", content: GLUE }, { name: "wrapper.go", content: WRAPPER }, USE_CACHE];
  const locked = parseGoLock(fixed);
  files.push({ name: "go.mod", content: locked?.mod ?? initialGoMod(parts.version, []) });
  if (locked !== undefined) files.push({ name: "go.sum", content: locked.sum });
  const stdMount = { source: std.dir, target: "/go-std" };
  const mounts: ReadOnlyMount[] = [stdMount];
  const env = new Map([
    ["STD", parts.pathOf(stdMount)],
    ["GOPROXY", "off"],
    ["GOSUMDB", "off"],
  ]);
  if (modules !== undefined) {
    const mount = { source: modules.dir, target: "/go-modules" };
    mounts.push(mount);
    env.set("GOMODCACHE", join(parts.pathOf(mount), "mod"));
    const imports = importsFile(header.imports);
    const own = [...files.filter(({ name }) => name.startsWith("go.")), USE_CACHE, { name: "imports.go", content: imports }];
    const inputs = ["packages", BUILD_PACKAGES, fixed, imports];
    const packages = await workshop.artifact({
      abi: parts.abi,
      inputs,
      build: step(parts, BUILD_PACKAGES, { files: own, mounts: [...mounts], env: new Map(env) }),
    });
    // What is wrong with them is said once more with the script's own line.
    if (packages.kind === "artifact") {
      const packagesMount = { source: packages.dir, target: "/go-packages" };
      mounts.push(packagesMount);
      env.set("PACKAGES", parts.pathOf(packagesMount));
    }
  }
  const inputs = ["program", WRAPPER, GLUE, BUILD, source, fixed];
  return await workshop.artifact({ abi: parts.abi, inputs, build: step(parts, BUILD, { files, mounts, env }) });
}

const IMPORT_PATH = /^[A-Za-z0-9][A-Za-z0-9._~+/-]*$/;

/** A file that imports the same as a script and does nothing with it: it changes less often than the script. */
function importsFile(imports: readonly string[]): string {
  const paths = [...new Set(imports)].filter((path) => IMPORT_PATH.test(path)).sort();
  return `package inner\n\nimport (\n${paths.map((path) => `\t_ "${path}"\n`).join("")})\n`;
}

function buildStd({ abi, ...parts }: GoParts, workshop: Workshop, base: boolean): Promise<Artifact | BuildFailure> {
  const packages = base ? BASE.join(" ") : "std";
  const env = new Map([["PACKAGES", packages]]);
  const build = step({ abi, ...parts }, BUILD_STD, { files: [], mounts: [], env });
  return workshop.artifact({ abi, inputs: ["std", BUILD_STD, packages], shared: true, build });
}

async function fetchModules(parts: GoParts, workshop: Workshop, fixed: string): Promise<Artifact | Refusal> {
  const locked = parseGoLock(fixed);
  if (locked === undefined) return refuseBuild("DependencyError", "the lock of the script cannot be read: deploy it once more");
  const files = [
    { name: "go.mod", content: locked.mod },
    { name: "go.sum", content: locked.sum },
  ];
  const build = { ...step(parts, DOWNLOAD, { files, mounts: [], env: networkEnv(workshop) }), network: true };
  const modules = await workshop.artifact({ abi: parts.abi, inputs: ["modules", DOWNLOAD, fixed], build });
  return modules.kind === "artifact" ? modules : refuseBuild("DependencyError", "the modules of the lock could not be fetched", modules.output);
}

function needsModules(header: GoHeader): boolean {
  return header.requires.length > 0 || header.imports.some((path) => isThirdParty(path));
}

async function lock(parts: GoParts, { code, workshop }: LockRequest): Promise<Lock | Refusal> {
  const header = readGoHeader(code);
  if (!needsModules(header)) return { kind: "lock", lock: "" };
  const files = [
    { name: "main.go", content: asInnerPackage(code, header) },
    { name: "go.mod", content: initialGoMod(parts.version, header.requires) },
  ];
  const env = networkEnv(workshop);
  env.set("GOMODCACHE", `${BUILD_TMP}/mod`);
  const outcome = await workshop.command({ ...step(parts, TIDY, { files, mounts: [], env }), network: true }, { rememberMs: 60 * MINUTE_MS });
  if (outcome.code !== 0) return refuseBuild("DependencyError", "the modules of the script could not be resolved", outcome.stderr);
  return { kind: "lock", lock: outcome.stdout };
}

/**
 * Of the operator: GOPROXY, GOPRIVATE, GONOSUMDB and so on. Unless he says otherwise the public proxy alone is asked: the name of a module is
 * that of a host, and a script must not choose which hosts the agent calls.
 */
function networkEnv(workshop: Workshop): Map<string, string> {
  return new Map([["GOPROXY", PUBLIC_PROXY], ...workshop.buildEnv, ["GOCACHE", `${BUILD_TMP}/cache`]]);
}

function step(parts: GoParts, script: string, { files, mounts, env }: Pick<BuildStep, "files" | "mounts" | "env">): BuildStep {
  return {
    files: [{ name: "build.sh", content: script }, ...files],
    argv: ["/bin/sh", `${BUILD_JOB}/build.sh`],
    env: new Map([
      ["JOB", BUILD_JOB],
      ["OUT", BUILD_OUT],
      ["TMP", BUILD_TMP],
      ["GO", parts.go],
      ["GOFLAGS", "-trimpath -buildvcs=false -modcacherw"],
      ["GOTOOLCHAIN", "local"],
      ["GOENV", "off"],
      ["GOPATH", `${BUILD_TMP}/go`],
      ["CGO_ENABLED", "0"],
      ...env,
    ]),
    mounts: [...parts.mounts, ...mounts],
    network: false,
    timeoutMs: 10 * MINUTE_MS,
  };
}
