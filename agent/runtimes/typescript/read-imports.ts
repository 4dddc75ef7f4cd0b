/** A module that the code names in an import or export, or in `import("…")` with nothing but a string. */
export interface ModuleImport {
  readonly specifier: string;
  /** Place of the string in the code, its quotes included. */
  readonly start: number;
  readonly end: number;
}

export interface ImportReading {
  /** Those that are gone when types are stripped are left out. */
  readonly imports: readonly ModuleImport[];
  /** What follows the word `package.json` at the beginning of a block comment; empty when there is none. */
  readonly header: string;
}

const MAX_IMPORTS = 500;
const HEADER = /^\s*package\.json\s*(?=\{)/;

type Node = Readonly<Record<string, unknown>>;

interface Parsed {
  readonly comments: readonly { readonly type: string; readonly value: string }[];
  readonly module: { readonly dynamicImports: readonly { readonly moduleRequest: { readonly start: number; readonly end: number } }[] };
}

/** Reads the imports of a parsed file. In the helper process only, see `read-signature.ts`. */
export function readImports(code: string, parsed: Parsed, body: readonly Node[]): ImportReading {
  const written = body.flatMap((statement) => sourceOf(statement) ?? []);
  const dynamic = parsed.module.dynamicImports.flatMap(({ moduleRequest: { start, end } }) => literalAt(code, start, end) ?? []);
  const comment = parsed.comments.find((one) => one.type === "Block" && HEADER.test(one.value));
  return { imports: [...written, ...dynamic].slice(0, MAX_IMPORTS), header: comment?.value.replace(HEADER, "").trim() ?? "" };
}

function sourceOf(statement: Node): ModuleImport | undefined {
  if (statement["importKind"] === "type" || statement["exportKind"] === "type") return undefined;
  const source = statement["source"];
  if (typeof source !== "object" || source === null) return undefined;
  const { value, start, end } = { value: undefined, start: undefined, end: undefined, ...source };
  return typeof value === "string" && typeof start === "number" && typeof end === "number" ? { specifier: value, start, end } : undefined;
}

/** A plain string; one with escapes is left to Node. */
function literalAt(code: string, start: number, end: number): ModuleImport | undefined {
  const text = code.slice(start, end);
  const specifier = /^(["'`])([^"'`\\$]*)\1$/.exec(text)?.[2];
  return specifier === undefined ? undefined : { specifier, start, end };
}
