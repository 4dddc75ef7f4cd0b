import { isBuiltin } from "node:module";
import { z } from "zod";
import type { ImportReading, ModuleImport } from "./read-imports.ts";

/** The packages that a script asks for: names and ranges as in package.json. */
export interface NpmRequest {
  readonly kind: "request";
  readonly dependencies: Readonly<Record<string, string>>;
}

export interface RequestFault {
  readonly kind: "fault";
  readonly message: string;
}

interface Specifier {
  readonly name: string;
  /** Empty: any. */
  readonly range: string;
  /** How Node knows the module: without prefix and version. */
  readonly plain: string;
}

const NAME = /^(?:@[a-z0-9~-][a-z0-9._~-]*\/)?[a-z0-9~-][a-z0-9._~-]*$/i;
const SPECIFIER = /^((?:@[^/@]+\/)?[^/@]+)(?:@([^/]+))?(\/.*)?$/;
/** Ranges and tags; no addresses, folders or other names: where packages come from is the operator's decision. */
const RANGE = /^[\w.^~<>=|*+ -]{1,100}$/;
/** Modules that are there without a package. */
const PROVIDED = new Set(["millrace"]);
const MAX_PACKAGES = 200;

const packageJson = z.object({ dependencies: z.record(z.string(), z.string()).default({}) });

/** What the imports name, with the versions of the header where it has any. */
export function npmRequest({ imports, header }: ImportReading): NpmRequest | RequestFault {
  const declared = header === "" ? {} : declaredIn(header);
  if (declared === undefined) return fault('the comment package.json must hold a JSON object such as {"dependencies": {"zod": "^4"}}');
  const found = new Map<string, string>(Object.entries(declared));
  for (const { specifier } of imports) {
    const parsed = parseSpecifier(specifier);
    if (parsed === undefined) continue;
    if ("message" in parsed) return parsed;
    const known = found.get(parsed.name);
    if (Object.hasOwn(declared, parsed.name)) continue;
    if (known !== undefined && known !== "" && parsed.range !== "" && known !== parsed.range) return fault(`two versions of ${parsed.name} are asked for`);
    if (known === undefined || known === "") found.set(parsed.name, parsed.range);
  }
  if (found.size > MAX_PACKAGES) return fault(`more than ${MAX_PACKAGES} packages are asked for`);
  const dependencies = [...found].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, range]) => [name, range === "" ? "*" : range] as const);
  for (const [name, range] of dependencies) {
    if (!NAME.test(name) || !RANGE.test(range)) return fault(`${JSON.stringify(`${name}@${range}`.slice(0, 200))} is not a package with a version`);
  }
  return { kind: "request", dependencies: Object.fromEntries(dependencies) };
}

/** The code with specifiers as Node knows them: `npm:zod@4` becomes `zod`. Everything else stays where it was. */
export function plainSpecifiers(code: string, imports: readonly ModuleImport[]): string {
  let plain = code;
  for (const { specifier, start, end } of imports) {
    const parsed = parseSpecifier(specifier);
    if (parsed === undefined || "message" in parsed || parsed.plain === specifier) continue;
    const text = `${JSON.stringify(parsed.plain)}`.padEnd(end - start);
    plain = plain.slice(0, start) + text + plain.slice(end);
  }
  return plain;
}

/** Undefined for what is no package: parts of Node, files, modules that are there. */
function parseSpecifier(specifier: string): Specifier | RequestFault | undefined {
  const isNpm = specifier.startsWith("npm:");
  if (!isNpm && (isBuiltin(specifier) || /^(?:[./#]|node:|data:|file:)/.test(specifier))) return undefined;
  const scheme = isNpm ? undefined : /^([a-z][a-z0-9+.-]*):/i.exec(specifier)?.[1];
  if (scheme !== undefined) return fault(`modules from ${scheme}: cannot be had here: ${JSON.stringify(specifier.slice(0, 200))}`);
  const [, name = "", range = "", path = ""] = SPECIFIER.exec(isNpm ? specifier.slice("npm:".length) : specifier) ?? [];
  if (PROVIDED.has(name)) return undefined;
  if (!NAME.test(name)) return fault(`${JSON.stringify(specifier.slice(0, 200))} is not the name of a package`);
  return { name, range, plain: `${name}${path}` };
}

function declaredIn(header: string): Record<string, string> | undefined {
  try {
    return packageJson.parse(JSON.parse(header)).dependencies;
  } catch {
    return undefined;
  }
}

function fault(message: string): RequestFault {
  return { kind: "fault", message };
}
