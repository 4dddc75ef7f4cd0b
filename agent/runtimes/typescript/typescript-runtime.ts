import { readFileSync } from "node:fs";
import { readJsonMembers } from "../../runner/json-text.ts";
import { INSIDE_JOB } from "../../sandbox/profile.ts";
import type { ReadOnlyMount } from "../../sandbox/sandbox.ts";
import { placeConstants } from "../constants.ts";
import { refuseArguments, refuseSyntax } from "../refusal.ts";
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
import type { SignatureParameter } from "./read-signature.ts";
import { SignatureReader } from "./signature-reader.ts";
import { reachableNode } from "./toolchain.ts";

type ScriptLanguage = "typescript" | "javascript";

const PROGRAMS = Object.fromEntries(
  ["core.mjs", "lines.mjs", "wrapper.mjs", "warm.mjs", "warm-up.mjs", "dedicated.mjs"].map((name) => [
    name,
    readFileSync(new URL(`./${name}`, import.meta.url), "utf8"),
  ]),
);
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
      const mount: ReadOnlyMount = { source: reachableNode(context.execDir), target: INSIDE_NODE };
      const node = context.pathOf(mount);
      const version = outputOf(await context.probe([node, "--version"], [mount]));
      if (version === undefined) return undefined;
      const signatures = new SignatureReader();
      const programsMount = placeConstants(context.execDir, "node-programs", { ...PROGRAMS, "package.json": '{"type":"module"}' });
      const parts = { node, mounts: [mount, programsMount], programs: context.pathOf(programsMount), signatures, heapMb: options.heapMb };
      const interpreter = { name: "node", argv: argvOf(parts, "warm.mjs", INSIDE_JOB), mounts: parts.mounts };
      const runtime = (language: ScriptLanguage): ProcessRuntime => ({
        kind: "process",
        version: version.replace(/^v/, ""),
        mounts: parts.mounts,
        interpreter,
        launch: (request) => launch({ ...parts, language }, request),
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
  readonly heapMb: number;
}

function argvOf({ node, programs, heapMb }: NodeParts, program: string, job: string, ...flags: string[]): string[] {
  return [node, `--max-old-space-size=${heapMb}`, QUIET, ...flags, `${programs}/${program}`, job];
}

async function launch(parts: NodeParts & { readonly language: ScriptLanguage }, request: LaunchRequest): Promise<Launch | Refusal> {
  const { signature, plain } = await parts.signatures.read(request.code, parts.language);
  if (signature.kind === "syntax") return refuseSyntax(signature.fault);
  if (signature.kind === "no_main") return refuseArguments("InvalidArgument", signature.message);
  const unknown = unknownArgument(signature.parameters, request.argsJson);
  if (unknown !== undefined) return unknown;
  const file = FILES[parts.language];
  const { parameters, needsTransform } = signature;
  const flags = needsTransform ? ["--experimental-transform-types"] : [];
  const { job } = request.paths;
  const files = [
    { name: file, content: plain ?? request.code },
    { name: "package.json", content: JSON.stringify({ type: "module", millrace: { file, parameters, plain: plain !== undefined } }) },
  ];
  const told = { file, parameters, plain: plain !== undefined, args: request.argsJson };
  return {
    kind: "launch",
    files: [...files, { name: "args.json", content: request.argsJson }],
    argv: argvOf(parts, "wrapper.mjs", job, ...flags),
    env: new Map(),
    mounts: parts.mounts,
    resultFrom: "record",
    // One that waits was started without the flag.
    ...(needsTransform ? {} : { warm: { interpreter: "node", files, job: told } }),
    dedicated: { files, argv: argvOf(parts, "dedicated.mjs", job, ...flags), forks: false, job: told },
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
