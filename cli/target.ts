import { statSync } from "node:fs";
import { basename, extname } from "node:path";
import { AppError } from "../kernel/app-error.ts";
import { type Language, languageOfExtension } from "../kernel/languages.ts";
import { flowFile, type ReadFlow, readFlow } from "./flow-files.ts";
import { readTextFile } from "./job-args.ts";

/** What `run` shall run. */
export type RunTarget =
  | { readonly kind: "file"; readonly name: string; readonly language: Language; readonly content: string }
  | { readonly kind: "flow"; readonly name: string; readonly source: ReadFlow["source"] }
  | { readonly kind: "script"; readonly path: string };

const DEPLOYED_PATH = /^[uf]\/[A-Za-z0-9_-]+(\/[A-Za-z0-9_.-]+)+$/;
const KNOWN_EXTENSIONS = ".py, .ts, .mts, .js, .mjs, .sh and .bash";

/**
 * A file with a known extension, or a flow, is run as it is on this disk; anything else is the path of a deployed script.
 * Errors: not_found when it is neither, invalid_argument when the file cannot be read or has no language.
 */
export function readTarget(text: string): RunTarget {
  const stats = statSync(text, { throwIfNoEntry: false });
  if (stats?.isFile() === true && flowFile(text)?.kind === "flow") return { kind: "flow", name: basename(text), source: readFlow(text).source };
  const language = languageOfExtension(extname(text));
  if (stats?.isFile() === true && language !== undefined) return { kind: "file", name: basename(text), language, content: readTextFile(text) };
  if (DEPLOYED_PATH.test(text)) return { kind: "script", path: text };
  if (stats?.isDirectory() === true)
    throw new AppError("invalid_argument", `"${text}" is a folder`, { hint: `millrace deploy ${text} makes its scripts known; run takes one file or path` });
  if (stats !== undefined)
    throw new AppError("invalid_argument", `the language of "${text}" is not known by its name`, { hint: `known are ${KNOWN_EXTENSIONS}` });
  throw new AppError("not_found", `there is no file "${text}", and it is no path of a deployed script`, { hint: "such a path looks like f/folder/name" });
}
