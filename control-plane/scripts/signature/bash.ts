import { parseBashParameters } from "../../../kernel/bash-parameters.ts";
import type { SignatureReading } from "./model.ts";

/**
 * Reads the parameters of a Bash script: all are strings, by the positions that it assigns to names.
 *
 * There is no syntax check at deploy time. tree-sitter's Bash grammar calls 26 of 682 scripts of a Debian system
 * broken that `bash -n` accepts, and takes minutes for some short inputs; a false refusal is worse than an error
 * that the first run reports.
 */
export function readBash(code: string): SignatureReading {
  const parameters = parseBashParameters(code).map(({ name, default: fallback }) => {
    const parameter = { name, type: { kind: "string" } as const, required: fallback === undefined };
    return fallback === undefined ? parameter : { ...parameter, default: fallback };
  });
  return { signature: { parameters, hasMain: true, variadic: false }, problems: [] };
}
