import { parseBashParameters } from "../kernel/bash-parameters.ts";
import type { ParameterType, SignatureReading } from "./model.ts";

/** A positional parameter is text; numbers and booleans are passed as their text, so that people need not quote them. */
const WORD: ParameterType = { kind: "union", options: [{ kind: "string" }, { kind: "number" }, { kind: "boolean" }] };

/**
 * Reads the parameters of a Bash script: all are words, by the positions that it assigns to names.
 *
 * There is no syntax check at deploy time. tree-sitter's Bash grammar calls 26 of 682 scripts of a Debian system
 * broken that `bash -n` accepts, and takes minutes for some short inputs; a false refusal is worse than an error
 * that the first run reports.
 */
export function readBash(code: string): SignatureReading {
  const parameters = parseBashParameters(code).map(({ name, default: fallback }) => {
    const parameter = { name, type: WORD, required: fallback === undefined };
    return fallback === undefined ? parameter : { ...parameter, default: fallback };
  });
  return { signature: { parameters, hasMain: true, variadic: false }, problems: [] };
}
