import { readFileSync } from "node:fs";
import { readJsonMembers } from "../../runner/json-text.ts";
import { INSIDE_JOB } from "../../sandbox/profile.ts";
import type { ReadOnlyMount } from "../../sandbox/sandbox.ts";
import { placeConstants } from "../constants.ts";
import { heapMbWithin } from "../memory-hints.ts";
import { refuseArguments, refuseSyntax } from "../refusal.ts";
import {
  type DetectContext,
  type Launch,
  type LaunchRequest,
  type Lock,
  type LockRequest,
  outputOf,
  type ProcessRuntime,
  type Refusal,
  type Runtime,
  type RuntimeSupport,
} from "../runtime.ts";
import { NpmPackages } from "./npm-packages.ts";
import { plainSpecifiers } from "./npm-request.ts";
import { findNpm } from "./npm-tool.ts";
import type { SignatureParameter } from "./read-signature.ts";
import { SignatureReader } from "./signature-reader.ts";
import { reachableNode } from "./toolchain.ts";

type ScriptLanguage = "typescript" | "javascript";

const MODULES_HOOK = readFileSync(new URL("./modules-hook.mjs", import.meta.url), "utf8");
const PROGRAMS = Object.fromEntries(
  ["core.cjs", "lines.cjs", "wrapper.cjs", "warm.cjs", "warm-up.mjs", "dedicated.mjs"].map((name) => [
    name,
    readFileSync(new URL(`./${name}`, import.meta.url), "utf8"),
  ]),
);
const SDK = Object.fromEntries(
  ["index.mjs", "api.mjs", "workflow.mjs"].map((name) => [`sdk/${name}`, readFileSync(new URL(`../../sdk/node/${name}`, import.meta.url), "utf8")]),
);
const SDK_NAME = "millrace";
const QUIET = "--disable-warning=ExperimentalWarning";
const INSIDE_NODE = "/runtimes/node/bin/node";
const FILES: Readonly<Record<ScriptLanguage, string>> = { typescript: "main.ts", javascript: "main.mjs" };

export interface TypescriptOptions {
  /** `--max-old-space-size`, megabytes: Node cannot see limits from outside and would size its heap by the host. */
  readonly heapMb: number;
}

/** TypeScript and JavaScript on the agent's own Node; types are stripped by Node itself. */
export function typescriptSupport(options: TypescriptOptions): RuntimeSupport {
  return {
    languages: ["typescript", "javascript"],
    detect: async (context: DetectContext) => {
      const mount: ReadOnlyMount = { source: reachableNode(context.copies), target: INSIDE_NODE };
      const node = context.pathOf(mount);
      const version = outputOf(await context.probe([node, "--version"], [mount]));
      if (version === undefined) return undefined;
      const signatures = new SignatureReader();
      const programsMount = placeConstants(context.copies, "node-programs", { ...PROGRAMS, ...SDK, "package.json": '{"type":"module"}' });
      const npm = findNpm(context.copies, (one) => context.pathOf(one));
      const packages = new NpmPackages({
        node,
        version: version.replace(/^v/, ""),
        npm: npm?.cli,
        mounts: [mount, ...(npm?.mounts ?? [])],
        pathOf: (one) => context.pathOf(one),
      });
      const parts = { node, mounts: [mount, programsMount], programs: context.pathOf(programsMount), signatures, packages, heapMb: options.heapMb };
      const interpreter = { name: "node", argv: argvOf(parts, "warm.cjs", INSIDE_JOB), mounts: parts.mounts };
      const runtime = (language: ScriptLanguage): ProcessRuntime => ({
        kind: "process",
        version: version.replace(/^v/, ""),
        mounts: parts.mounts,
        interpreter,
        launch: (request) => launch({ ...parts, language }, request),
        lock: (request) => lock({ signatures, packages, language }, request),
        warmUp: () => signatures.warmUp(),
        close: () => signatures.close(),
      });
      return new Map<string, Runtime>([
        ["typescript", runtime("typescript")],
        ["javascript", runtime("javascript")],
      ]);
    },
  };
}

interface NodeParts {
  readonly node: string;
  readonly mounts: readonly ReadOnlyMount[];
  /** Folder with our own programs, as the script sees it. */
  readonly programs: string;
  readonly signatures: SignatureReader;
  readonly packages: NpmPackages;
  readonly heapMb: number;
}

interface Asked {
  readonly language: ScriptLanguage;
}

async function lock(parts: Pick<NodeParts, "signatures" | "packages"> & Asked, request: LockRequest): Promise<Lock | Refusal> {
  const { signature } = await parts.signatures.read(request.code, parts.language);
  if (signature.kind === "syntax") return refuseSyntax(signature.fault);
  return await parts.packages.lock(signature.imports, request.workshop);
}

function argvOf({ node, programs, heapMb }: Pick<NodeParts, "node" | "programs" | "heapMb">, program: string, job: string, ...flags: string[]): string[] {
  return [node, `--max-old-space-size=${heapMb}`, QUIET, ...flags, `${programs}/${program}`, job];
}

async function launch(parts: NodeParts & Asked, request: LaunchRequest): Promise<Launch | Refusal> {
  const { signature, plain } = await parts.signatures.read(request.code, parts.language);
  if (signature.kind === "syntax") return refuseSyntax(signature.fault);
  if (signature.kind === "no_main") return refuseArguments("InvalidArgument", signature.message);
  const unknown = unknownArgument(signature.parameters, request.argsJson);
  if (unknown !== undefined) return unknown;
  const installed = await parts.packages.install(signature.imports, request.lock, request.workshop);
  if (installed.kind === "refused") return installed;
  const { modules } = installed;
  const file = FILES[parts.language];
  const { parameters, needsTransform } = signature;
  const { job } = request.paths;
  const known = plainSpecifiers(request.code, signature.imports.imports);
  // Specifiers stand elsewhere in code without types: then Node itself takes these away.
  const stripped = known === request.code ? plain : undefined;
  const told = { file, parameters, plain: stripped !== undefined, sdk: signature.imports.imports.some(({ specifier }) => specifier === SDK_NAME) };
  const files = [
    { name: file, content: stripped ?? known },
    { name: "package.json", content: JSON.stringify({ type: "module", millrace: { ...told, modules } }) },
    ...(modules === undefined ? [] : [{ name: "modules-hook.mjs", content: MODULES_HOOK }]),
  ];
  const flags = [...(needsTransform ? ["--experimental-transform-types"] : []), ...(modules === undefined ? [] : [`--import=${job}/modules-hook.mjs`])];
  const sized = { ...parts, heapMb: request.memoryBytes === undefined ? parts.heapMb : heapMbWithin(request.memoryBytes) };
  // One that waits was started without flags, with the usual heap, and knows no packages.
  const isUsual = flags.length === 0 && sized.heapMb === parts.heapMb && installed.mounts.length === 0;
  const forJob = { ...told, args: request.argsJson };
  return {
    kind: "launch",
    files: [...files, { name: "args.json", content: request.argsJson }],
    argv: argvOf(sized, "wrapper.cjs", job, ...flags),
    env: new Map(),
    mounts: [...parts.mounts, ...installed.mounts],
    resultFrom: "record",
    ...(isUsual && { warm: { interpreter: "node", files, job: forJob } }),
    dedicated: { files, argv: argvOf(sized, "dedicated.mjs", job, ...flags), forks: false, job: forJob },
  };
}

function unknownArgument(parameters: readonly SignatureParameter[], argsJson: string): Refusal | undefined {
  const args = readJsonMembers(argsJson);
  if (args.kind === "problem") return refuseArguments("InvalidArgument", `the arguments are not a JSON object: ${args.message}`);
  if (parameters.some((parameter) => parameter.whole)) return undefined;
  const names = parameters.map((parameter) => parameter.name);
  for (const name of args.values.keys()) {
    if (!names.includes(name)) return refuseArguments("UnknownArgument", `main takes no argument \`${name}\`; it takes: ${names.join(", ") || "none"}`);
  }
  return undefined;
}
