import { readFileSync } from "node:fs";
import { readJsonMembers } from "../../runner/json-text.ts";
import type { ReadOnlyMount } from "../../sandbox/sandbox.ts";
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

const WRAPPER = readFileSync(new URL("./wrapper.mjs", import.meta.url), "utf8");
const MODULES_HOOK = readFileSync(new URL("./modules-hook.mjs", import.meta.url), "utf8");
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
      const mount: ReadOnlyMount = { source: reachableNode(context.execDir), target: INSIDE_NODE };
      const node = context.pathOf(mount);
      const version = outputOf(await context.probe([node, "--version"], [mount]));
      if (version === undefined) return undefined;
      const signatures = new SignatureReader();
      const npm = findNpm(context.execDir, (one) => context.pathOf(one));
      const mounts = [mount, ...(npm?.mounts ?? [])];
      const packages = new NpmPackages({ node, version: version.replace(/^v/, ""), npm: npm?.cli, mounts, pathOf: (one) => context.pathOf(one) });
      const runtime = (language: ScriptLanguage): ProcessRuntime => ({
        kind: "process",
        version: version.replace(/^v/, ""),
        mounts: [mount],
        launch: (request) => launch({ node, mount, signatures, packages, language, heapMb: options.heapMb }, request),
        lock: (request) => lock({ signatures, packages, language }, request),
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
  readonly mount: ReadOnlyMount;
  readonly signatures: SignatureReader;
  readonly packages: NpmPackages;
  readonly language: ScriptLanguage;
  readonly heapMb: number;
}

async function lock(parts: Pick<NodeParts, "signatures" | "packages" | "language">, request: LockRequest): Promise<Lock | Refusal> {
  const signature = await parts.signatures.read(request.code, parts.language);
  if (signature.kind === "syntax") return refuseSyntax(signature.fault);
  return await parts.packages.lock(signature.imports, request.workshop);
}

async function launch(parts: NodeParts, request: LaunchRequest): Promise<Launch | Refusal> {
  const signature = await parts.signatures.read(request.code, parts.language);
  if (signature.kind === "syntax") return refuseSyntax(signature.fault);
  if (signature.kind === "no_main") return refuseArguments("InvalidArgument", signature.message);
  const unknown = unknownArgument(signature.parameters, request.argsJson);
  if (unknown !== undefined) return unknown;
  const installed = await parts.packages.install(signature.imports, request.lock, request.workshop);
  if (installed.kind === "refused") return installed;
  const { modules } = installed;
  const file = FILES[parts.language];
  const flags = [`--max-old-space-size=${parts.heapMb}`, "--disable-warning=ExperimentalWarning"];
  if (signature.needsTransform) flags.push("--experimental-transform-types");
  if (modules !== undefined) flags.push(`--import=${request.paths.job}/modules-hook.mjs`);
  return {
    kind: "launch",
    files: [
      { name: "wrapper.mjs", content: WRAPPER },
      ...(modules === undefined ? [] : [{ name: "modules-hook.mjs", content: MODULES_HOOK }]),
      { name: file, content: plainSpecifiers(request.code, signature.imports.imports) },
      { name: "args.json", content: request.argsJson },
      { name: "launch.json", content: JSON.stringify({ file, parameters: signature.parameters, modules }) },
      { name: "package.json", content: '{"type":"module"}' },
    ],
    argv: [parts.node, ...flags, `${request.paths.job}/wrapper.mjs`],
    env: new Map(),
    mounts: [parts.mount, ...installed.mounts],
    resultFrom: "record",
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
