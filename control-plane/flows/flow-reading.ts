import type { FieldError } from "../../kernel/app-error.ts";
import { parseExactJson } from "../http/exact-json.ts";
import { checkExpressions, type ExpressionReader } from "./check-expressions.ts";
import { decodeDocument, TOO_LARGE } from "./document-codec.ts";
import { flowHash } from "./flow-hash.ts";
import { parseFlow } from "./parse.ts";
import { type StepPath, stepPaths } from "./step-paths.ts";
import { readYaml } from "./yaml-text.ts";

/** A flow as it was sent. */
export interface FlowText {
  readonly format: "json" | "yaml";
  readonly text: string;
  /** Of the flow itself, if it has one: a part of its hash. */
  readonly path: string | undefined;
  /** Where the document stands in the request: pointers of problems begin there. */
  readonly root: string;
}

/** What can be known of a flow from its text alone. */
export type FlowReading =
  | {
      readonly kind: "flow";
      /** The document as JSON text: `storedDocument` reads it again. */
      readonly json: string;
      readonly hash: string;
      /** What it runs. */
      readonly steps: readonly StepPath[];
      /** Members and expressions that are wrong. */
      readonly problems: readonly FieldError[];
    }
  | { readonly kind: "unreadable"; readonly isTooLarge: boolean; readonly problems: readonly FieldError[] };

/** Reads and checks a flow. Takes long for some texts: see `flow-reader.ts`. Never throws. */
export function readFlow({ format, text, path, root }: FlowText, expressions: ExpressionReader): FlowReading {
  const yaml = format === "yaml" ? readYaml(text) : undefined;
  if (yaml?.kind === "problems") {
    const problems = yaml.problems.map(({ line, column, message }) => ({
      pointer: "/yaml",
      message: line === 0 ? message : `line ${line}, column ${column}: ${message}`,
    }));
    return { kind: "unreadable", isTooLarge: false, problems };
  }
  const decoded = decodeDocument(yaml === undefined ? parseExactJson(text) : yaml.value, root);
  if (decoded.kind === "problem") return { kind: "unreadable", isTooLarge: decoded.problem.message === TOO_LARGE, problems: [decoded.problem] };
  const { document, json } = decoded;
  const parsed = parseFlow(document, root);
  return {
    kind: "flow",
    json,
    hash: flowHash(path ?? "", document, format === "yaml" ? text : undefined),
    steps: stepPaths(parsed),
    problems: [...parsed.problems, ...checkExpressions(parsed, expressions, root)],
  };
}
