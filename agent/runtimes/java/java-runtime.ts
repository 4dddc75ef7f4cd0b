import { existsSync, readdirSync, readFileSync, realpathSync } from "node:fs";
import { dirname, join } from "node:path";
import type { JobFile, ReadOnlyMount } from "../../sandbox/sandbox.ts";
import { type Artifact, BUILD_JOB, BUILD_OUT, BUILD_TMP, type BuildStep, type Workshop } from "../../workshop/workshop.ts";
import { firstExecutable, readIfThere } from "../compiled/host-command.ts";
import { isRefusal, type MainSignatures } from "../compiled/main-signatures.ts";
import { countLines, placeProgram, refuseProgram } from "../compiled/program.ts";
import { reachableTree } from "../compiled/reachable-tree.ts";
import { heapMbWithin } from "../memory-hints.ts";
import { refuseBuild } from "../refusal.ts";
import { type DetectContext, type Launch, type LaunchRequest, type Lock, type LockRequest, outputOf, type ProcessRuntime, type Refusal } from "../runtime.ts";
import { parseMavenLock, pomOf, readRequirements } from "./requirements.ts";

const text = (name: string): string => readFileSync(new URL(`./${name}`, import.meta.url), "utf8");
const WRAPPER_FILES: readonly JobFile[] = ["wrapper", "json", "convert", "build"].map((name) => ({
  name: `${name}.java`,
  content: text(`wrapper/${name}.java`),
}));
const WRAPPER_TEXTS = WRAPPER_FILES.map(({ content }) => String(content));
const MAVEN_FILE: JobFile = { name: "maven.sh", content: text("maven.sh") };
const SCRIPTS = {
  wrapper: text("build-wrapper.sh"),
  program: text("build.sh"),
  maven: text("prepare-maven.sh"),
  lock: text("lock.sh"),
  fetch: text("fetch.sh"),
};

const COMPILERS = ["/usr/local/bin/javac", "/usr/bin/javac"];
const MAVENS = ["/usr/local/bin/mvn", "/usr/bin/mvn"];
/** What a build and a run need of an installation. */
const PARTS = ["bin", "conf", "lib", "release"];
/** Where records and patterns are. */
const OLDEST = 17;
/** From here on what hides the record's descriptor can only be opened on the command line; before, that would cost 15 ms of each start. */
const CLOSED = 24;
const MINUTE_MS = 60_000;

interface JavaParts {
  readonly home: string;
  /** As seen inside; undefined where there is none. */
  readonly maven: string | undefined;
  readonly abi: string;
  readonly mounts: readonly ReadOnlyMount[];
  readonly mavenMounts: readonly ReadOnlyMount[];
  /** Of the virtual machine, but for the size of its heap. */
  readonly flags: readonly string[];
  readonly heapMb: number;
  readonly signatures: MainSignatures;
  pathOf(mount: ReadOnlyMount): string;
}

/** Java: the static method `main` of the class `Main`, called with the arguments by name. */
export async function detectJava(context: DetectContext, signatures: MainSignatures, heapMb: number): Promise<ProcessRuntime | undefined> {
  const compiler = firstExecutable(COMPILERS);
  if (compiler === undefined) return undefined;
  const root = dirname(dirname(realpathSync(compiler)));
  const [, version, major] = /^JAVA_VERSION="(([0-9]+)[0-9._]*)"/m.exec(readIfThere(join(root, "release")) ?? "") ?? [];
  if (version === undefined || Number(major) < OLDEST) return undefined;
  const mounts = configurationOf(root);
  let home = root;
  if (!root.startsWith("/usr/")) {
    const mount = { source: reachableTree(root, `java-${version}`, PARTS, context.copies), target: "/runtimes/java" };
    mounts.push(mount);
    home = context.pathOf(mount);
  }
  if (outputOf(await context.probe([join(home, "bin/java"), "-Xmx64m", "-XX:+UseSerialGC", "-version"], mounts)) === undefined) return undefined;
  const parts: JavaParts = {
    home,
    ...mavenOf(),
    abi: `java-${version}-${process.platform}-${process.arch}`,
    mounts,
    flags: flagsOf(Number(major)),
    heapMb,
    signatures,
    pathOf: (mount) => context.pathOf(mount),
  };
  return {
    kind: "process",
    version,
    mounts,
    launch: (request) => launch(parts, request),
    lock: (request) => lock(parts, request),
    close: () => signatures.close(),
  };
}

function flagsOf(major: number): string[] {
  const utf8 = ["file", "stdout", "stderr", "sun.stdout", "sun.stderr"].map((name) => `-D${name}.encoding=UTF-8`);
  const opens = major < CLOSED ? [] : ["--add-opens=java.base/java.io=ALL-UNNAMED"];
  // No file in /tmp for monitors.
  return ["-XX:+UseSerialGC", "-Xshare:auto", "-XX:-UsePerfData", ...utf8, ...opens];
}

/** Debian keeps the configuration in /etc, behind links; without it Java does not start. */
function configurationOf(home: string): ReadOnlyMount[] {
  const conf = join(home, "conf");
  const files = existsSync(conf) ? readdirSync(conf).map((name) => join(conf, name)) : [];
  const folders = files.map((path) => dirname(realpathSync(path))).filter((path) => path.startsWith("/etc/"));
  return [...new Set(folders)].map((path) => ({ source: path, target: path }));
}

function mavenOf(): Pick<JavaParts, "maven" | "mavenMounts"> {
  const found = firstExecutable(MAVENS);
  const program = found === undefined ? undefined : realpathSync(found);
  if (program === undefined || !program.startsWith("/usr/")) return { maven: undefined, mavenMounts: [] };
  const conf = join(dirname(dirname(program)), "conf");
  const real = existsSync(conf) ? realpathSync(conf) : conf;
  return { maven: program, mavenMounts: real.startsWith("/etc/") ? [{ source: real, target: real }] : [] };
}

async function launch(parts: JavaParts, request: LaunchRequest): Promise<Launch | Refusal> {
  const names = await parts.signatures.namesOf("java", request.code, request.argsJson);
  if (isRefusal(names)) return names;
  const wrapper = await buildWrapper(parts, request.workshop);
  if (wrapper.kind === "refused") return wrapper;
  const libraries = await librariesOf(parts, request);
  if (libraries?.kind === "refused") return libraries;
  const program = await buildProgram(parts, request, { wrapper, libraries });
  if (program.kind === "refused") return program;
  const place = { executable: false, jobDir: request.paths.job, pathOf: parts.pathOf };
  const placedWrapper = await placeProgram(wrapper, { ...place, name: "wrapper.jar", target: "/wrapper" });
  const placed = await placeProgram(program, { ...place, name: "program.jar", target: "/program" });
  const mounts = [...parts.mounts, ...placedWrapper.mounts, ...placed.mounts];
  const classpath = [placedWrapper.path, placed.path];
  if (libraries !== undefined) {
    const mount = { source: libraries.artifact.dir, target: "/libraries" };
    mounts.push(mount);
    classpath.push(`${parts.pathOf(mount)}/lib/*`);
  }
  return {
    kind: "launch",
    files: [...placedWrapper.files, ...placed.files, { name: "args.json", content: request.argsJson }],
    argv: [
      join(parts.home, "bin/java"),
      `-Xmx${heapOf(parts, request)}m`,
      ...parts.flags,
      "-cp",
      classpath.join(":"),
      "millrace.Wrapper",
      `${request.paths.job}/args.json`,
    ],
    env: new Map(),
    mounts,
    resultFrom: "record",
  };
}

function heapOf({ heapMb }: JavaParts, { memoryBytes }: LaunchRequest): number {
  return memoryBytes === undefined ? heapMb : heapMbWithin(memoryBytes);
}

async function buildWrapper(parts: JavaParts, workshop: Workshop): Promise<Artifact | Refusal> {
  const build = step(parts, SCRIPTS.wrapper, { files: WRAPPER_FILES, mounts: [], env: new Map() });
  const wrapper = await workshop.artifact({ abi: parts.abi, inputs: ["wrapper", SCRIPTS.wrapper, ...WRAPPER_TEXTS], shared: true, build });
  return wrapper.kind === "artifact" ? wrapper : refuseBuild("BuildError", "what stands around Java scripts could not be compiled", wrapper.output);
}

interface Libraries {
  readonly kind: "libraries";
  readonly artifact: Artifact;
  readonly fixed: string;
}

interface Ingredients {
  readonly wrapper: Artifact;
  readonly libraries: Libraries | undefined;
}

async function buildProgram(parts: JavaParts, { code, workshop }: LaunchRequest, { wrapper, libraries }: Ingredients): Promise<Artifact | Refusal> {
  const wrapperMount = { source: wrapper.dir, target: "/wrapper" };
  const mounts: ReadOnlyMount[] = [wrapperMount];
  const env = new Map([
    ["WRAPPER", parts.pathOf(wrapperMount)],
    ["LIBRARIES", ""],
  ]);
  if (libraries !== undefined) {
    const mount = { source: libraries.artifact.dir, target: "/libraries" };
    mounts.push(mount);
    env.set("LIBRARIES", `${parts.pathOf(mount)}/lib`);
  }
  const build = step(parts, SCRIPTS.program, { files: [{ name: "main.java", content: code }], mounts, env });
  const inputs = ["program", SCRIPTS.program, ...WRAPPER_TEXTS, libraries?.fixed ?? "", code];
  const program = await workshop.artifact({ abi: parts.abi, inputs, build });
  return program.kind === "artifact" ? program : refuseProgram(program, { name: "Main.java", lines: countLines(code) }, code);
}

async function librariesOf(parts: JavaParts, request: LaunchRequest): Promise<Libraries | Refusal | undefined> {
  let fixed = request.lock;
  if (fixed === "") {
    const resolved = await lock(parts, request);
    if (resolved.kind === "refused") return resolved;
    fixed = resolved.lock;
  }
  if (fixed === "") return undefined;
  const artifacts = parseMavenLock(fixed);
  if (artifacts === undefined) return refuseBuild("DependencyError", "the lock of the script cannot be read: deploy it once more");
  const files = [
    { name: "pom.xml", content: pomOf(artifacts, true) },
    { name: "lock.txt", content: fixed },
  ];
  const inputs = ["libraries", SCRIPTS.fetch, MAVEN_FILE.content.toString(), fixed];
  const build = await mavenStep(parts, request.workshop, SCRIPTS.fetch, files);
  if ("kind" in build) return build;
  const artifact = await request.workshop.artifact({ abi: parts.abi, inputs, build });
  if (artifact.kind === "failed") return refuseBuild("DependencyError", "the jars of the lock could not be fetched", artifact.output);
  return { kind: "libraries", artifact, fixed };
}

async function lock(parts: JavaParts, { code, workshop }: LockRequest): Promise<Lock | Refusal> {
  const requirements = readRequirements(code);
  if (requirements.length === 0) return { kind: "lock", lock: "" };
  const build = await mavenStep(parts, workshop, SCRIPTS.lock, [{ name: "pom.xml", content: pomOf(requirements, false) }]);
  if ("kind" in build) return build;
  const outcome = await workshop.command(build, { rememberMs: 60 * MINUTE_MS });
  if (outcome.code !== 0) return refuseBuild("DependencyError", "the requirements of the script could not be resolved", outcome.stderr);
  return { kind: "lock", lock: outcome.stdout };
}

/** With Maven's own tool from the cache, so that a lock costs a second and not a download of ten megabytes. */
async function mavenStep(parts: JavaParts, workshop: Workshop, script: string, files: readonly JobFile[]): Promise<BuildStep | Refusal> {
  if (parts.maven === undefined) return refuseBuild("DependencyError", "this agent has no Maven, which the requirements of the script need");
  const env = new Map([...workshop.buildEnv, ["MVN", parts.maven]]);
  const own = { name: "pom.xml", content: pomOf([], false) };
  const prepare = { ...step(parts, SCRIPTS.maven, { files: [MAVEN_FILE, own], mounts: parts.mavenMounts, env }), network: true };
  const inputs = ["maven", SCRIPTS.maven, MAVEN_FILE.content.toString()];
  const maven = await workshop.artifact({ abi: parts.abi, inputs, shared: true, build: prepare });
  if (maven.kind === "failed") return refuseBuild("DependencyError", "Maven's tool for dependencies could not be fetched", maven.output);
  const mount = { source: maven.dir, target: "/maven" };
  env.set("MAVEN", parts.pathOf(mount));
  return { ...step(parts, script, { files: [MAVEN_FILE, ...files], mounts: [...parts.mavenMounts, mount], env }), network: true };
}

function step(parts: JavaParts, script: string, { files, mounts, env }: Pick<BuildStep, "files" | "mounts" | "env">): BuildStep {
  return {
    files: [{ name: "build.sh", content: script }, ...files],
    argv: ["/bin/sh", `${BUILD_JOB}/build.sh`],
    env: new Map([...env, ["JOB", BUILD_JOB], ["OUT", BUILD_OUT], ["TMP", BUILD_TMP], ["JAVA_HOME", parts.home]]),
    mounts: [...parts.mounts, ...mounts],
    network: false,
    timeoutMs: 10 * MINUTE_MS,
  };
}
