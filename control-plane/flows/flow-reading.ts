import { type FieldError, messageOf } from "../../kernel/app-error.ts";
import { parseExactJson } from "../http/exact-json.ts";
import { checkExpressions, type ExpressionReader } from "./check-expressions.ts";
import { decodeDocument, TOO_LARGE } from "./document-codec.ts";
import { flowHash } from "./flow-hash.ts";
import { parseFlow } from "./parse.ts";
import { resumeForms } from "./resume-form.ts";
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

/** What is run without being deployed may be the step of a loop that is tried alone: its inputs have it then. */
const TRIED_ALONE = ["iter"];

/** What can be known of a flow from its text alone. */
export type FlowReading =
  | {
      readonly kind: "flow";
      /** The document as JSON text: `storedDocument` reads it again. */
      readonly json: string;
      readonly hash: string;
      /** What it runs. */
      readonly steps: readonly StepPath[];
      /** Members, expressions and forms that are wrong. */
      readonly problems: readonly FieldError[];
      /** It has forms, and nobody was there to look at them. */
      readonly leavesForms: boolean;
    }
  | { readonly kind: "unreadable"; readonly isTooLarge: boolean; readonly problems: readonly FieldError[] };

/**
 * Reads and checks a flow. Takes long for some texts: see `flow-reader.ts`. Never throws.
 * @param judgeForm throws for what is no JSON Schema; for threads that may be ended
 */
export function readFlow({ format, text, path, root }: FlowText, expressions: ExpressionReader, judgeForm?: (schema: object) => void): FlowReading {
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
  const forms = resumeForms(parsed);
  const wrong = checkExpressions(parsed, expressions, root, path === undefined ? TRIED_ALONE : []);
  return {
    kind: "flow",
    json,
    hash: flowHash(path ?? "", document, format === "yaml" ? text : undefined),
    steps: stepPaths(parsed),
    problems: [...parsed.problems, ...wrong, ...(judgeForm === undefined ? [] : formProblems(forms, judgeForm))],
    leavesForms: forms.length > 0 && judgeForm === undefined,
  };
}

function formProblems(forms: ReturnType<typeof resumeForms>, judge: (schema: object) => void): FieldError[] {
  return forms.flatMap(({ step, pointer, schema }) => {
    try {
      judge(schema);
      return [];
    } catch (error) {
      return [{ pointer, message: `step ${step}: suspend.resume_form.schema is no JSON Schema: ${messageOf(error).slice(0, 300)}` }];
    }
  });
}
