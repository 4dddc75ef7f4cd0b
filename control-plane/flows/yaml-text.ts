/** YAML as flows are written in: one document, keys that are names, no tags. It runs in a worker, see `flow-reader.ts`: this parser can be kept busy. */
import { isAlias, isMap, isScalar, isSeq, LineCounter, parseDocument, type Scalar, visit, type YAMLMap, type YAMLSeq } from "yaml";
import { messageOf } from "../../kernel/app-error.ts";

interface YamlProblem {
  /** From 1; 0 for the text as a whole. */
  readonly line: number;
  readonly column: number;
  readonly message: string;
}

export type YamlReading = { readonly kind: "value"; readonly value: unknown } | { readonly kind: "problems"; readonly problems: readonly YamlProblem[] };

const MAX_PROBLEMS = 20;
const TOO_DEEP = "it is nested too deeply";
/** Uses of anchors, those inside anchored parts multiplied. */
const MAX_ALIASES = 100;

/** Reads a text of at most a megabyte. Never throws. The value may be far larger than the text, or a circle, where aliases are. */
export function readYaml(text: string): YamlReading {
  const lines = new LineCounter();
  try {
    // The parser compares each key of a map with all others of it; `mapProblems` finds duplicates in one pass.
    const parsed = parseDocument(text, { version: "1.2", schema: "core", uniqueKeys: false, stringKeys: true, prettyErrors: false, lineCounter: lines });
    const problems = parsed.errors.slice(0, MAX_PROBLEMS).map(({ pos, message, code }) => ({
      ...at(lines, pos[0]),
      message: code === "RESOURCE_EXHAUSTION" ? TOO_DEEP : message,
    }));
    if (problems.length === 0 && parsed.contents !== null) {
      const anchors = new Set<string>();
      visit(parsed, (_key, node) => {
        if (isMap(node) || isSeq(node) || isScalar(node)) {
          if (node.anchor !== undefined) anchors.add(node.anchor);
          problems.push(...nodeProblems(node, lines));
        } else if (isAlias(node) && !anchors.has(node.source))
          problems.push({ ...at(lines, node.range?.[0] ?? 0), message: `there is no anchor &${node.source} before it` });
        return problems.length >= MAX_PROBLEMS ? visit.BREAK : undefined;
      });
    }
    if (problems.length > 0) return { kind: "problems", problems: problems.slice(0, MAX_PROBLEMS) };
    return { kind: "value", value: parsed.toJS({ maxAliasCount: MAX_ALIASES }) };
  } catch (error) {
    const message = error instanceof RangeError ? TOO_DEEP : messageOf(error);
    return { kind: "problems", problems: [{ line: 0, column: 0, message }] };
  }
}

function at(lines: LineCounter, offset: number): { line: number; column: number } {
  const { line, col } = lines.linePos(offset);
  return { line, column: col };
}

function nodeProblems(node: YAMLMap | YAMLSeq | Scalar, lines: LineCounter): YamlProblem[] {
  const where = at(lines, node.range?.[0] ?? 0);
  const problems: YamlProblem[] = [];
  if (node.tag !== undefined) {
    const advice = node.tag === "!inline" ? "quote it, and use `millrace deploy`, which puts the file in place" : "put text that begins with ! into quotes";
    problems.push({ ...where, message: `tags are not allowed: ${advice}` });
  }
  if (isScalar(node) && isInexact(node)) problems.push({ ...where, message: `the number ${node.source} cannot be kept exactly: write it as text, in quotes` });
  if (isMap(node)) problems.push(...mapProblems(node, lines));
  return problems;
}

function isInexact({ value, source }: Scalar): boolean {
  return typeof value === "number" && Number.isInteger(value) && !Number.isSafeInteger(value) && /^[-+]?\d+$/.test(source ?? "");
}

function mapProblems(map: YAMLMap, lines: LineCounter): YamlProblem[] {
  const seen = new Set<unknown>();
  const problems: YamlProblem[] = [];
  for (const { key } of map.items) {
    if (!isScalar(key)) continue;
    const where = at(lines, key.range?.[0] ?? map.range?.[0] ?? 0);
    if (seen.has(key.value)) problems.push({ ...where, message: `"${String(key.value)}" is there twice` });
    if (key.value === "<<") problems.push({ ...where, message: "merge keys (<<) are not supported: write the members out" });
    seen.add(key.value);
    if (problems.length >= MAX_PROBLEMS) break;
  }
  return problems;
}
