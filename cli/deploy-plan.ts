import { readdirSync, readFileSync, statSync } from "node:fs";
import { basename, extname, join, resolve } from "node:path";
import type { DeployFlowRequest } from "../control-plane/flows/contract.ts";
import type { DeployScriptRequest } from "../control-plane/scripts/contract.ts";
import { AppError, messageOf } from "../kernel/app-error.ts";
import { languageOfExtension } from "../kernel/languages.ts";
import { formatBytes } from "../kernel/size.ts";
import { type DeploySettings, readDeploySettings, SETTINGS_FILE } from "./deploy-settings.ts";
import { flowFile, inOrder, readFlow } from "./flow-files.ts";
import { decodeUtf8 } from "./job-args.ts";

/** What shall become of one file of a folder. */
export type PlannedFile =
  | { readonly kind: "deploy"; readonly file: string; readonly request: DeployScriptRequest }
  /** `runs`: paths of the flows that it runs. */
  | { readonly kind: "flow"; readonly file: string; readonly path: string; readonly runs: readonly string[]; readonly request: DeployFlowRequest }
  | { readonly kind: "skip"; readonly file: string; readonly why: string }
  | { readonly kind: "problem"; readonly file: string; readonly problem: string };

const MAX_FILES = 10_000;
const MAX_SCRIPT_BYTES = 1024 * 1024;
const MAX_PATH = 255;
const SEGMENT = /^[A-Za-z0-9_.-]+$/;
const PREFIX = /^[uf]\/[A-Za-z0-9_-]+(\/[A-Za-z0-9_.-]+)*$/;
/** Folders that tools fill; what is in them was not written by hand. */
const IGNORED_FOLDERS = new Set(["node_modules", "__pycache__", "venv"]);

/**
 * Looks at every file below a folder: `f/<folder>/<path without extension>` becomes of those whose language is known, and of flows.
 * Sorted by name, so that two runs say the same; flows come last, each after those that it runs. Hidden files and tools' folders are left out.
 * Errors: not_found, invalid_argument for the folder, its prefix and its millrace.json.
 */
export function planDeploy(folder: string, prefix: string | undefined): PlannedFile[] {
  const root = resolve(folder);
  const stats = statSync(root, { throwIfNoEntry: false });
  if (stats === undefined) throw new AppError("not_found", `there is no folder "${folder}"`);
  if (!stats.isDirectory()) throw new AppError("invalid_argument", `"${folder}" is no folder`, { hint: `to run one file: millrace run ${folder}` });
  const settings = readDeploySettings(root);
  const base = prefix ?? settings.prefix ?? `f/${basename(root)}`;
  if (!PREFIX.test(base)) {
    throw new AppError("invalid_argument", `"${base}" cannot begin the path of a script`, {
      hint: "give one with --prefix f/name; letters, digits, _ and - are allowed",
    });
  }
  const files = listFiles(root);
  const taken = new Map<string, string>();
  const planned = files.map((file) => planFile(root, file, base, settings, taken));
  for (const name of settings.files.keys()) {
    if (!files.includes(name)) planned.push({ kind: "problem", file: name, problem: `${SETTINGS_FILE} has settings for it, but it is not there` });
  }
  const flows = planned.flatMap((plan) => (plan.kind === "flow" ? [plan] : []));
  return [...planned.filter((plan) => plan.kind !== "flow"), ...inOrder(flows)];
}

function planFile(root: string, file: string, base: string, settings: DeploySettings, taken: Map<string, string>): PlannedFile {
  if (file === SETTINGS_FILE) return { kind: "skip", file, why: "settings" };
  if (settings.ignore.some((name) => file === name || file.startsWith(`${name.replace(/\/+$/, "")}/`)))
    return { kind: "skip", file, why: `${SETTINGS_FILE} ignores it` };
  const flow = flowFile(file);
  if (flow?.kind === "part") return { kind: "skip", file, why: `part of ${flow.of}` };
  const language = flow === undefined ? languageOfExtension(extname(file)) : undefined;
  if (flow === undefined && language === undefined) return { kind: "skip", file, why: "no script" };
  const path = `${base}/${flow?.name ?? file.slice(0, -extname(file).length)}`;
  const problem = pathProblem(path, base, file, flow === undefined ? "script" : "flow", taken);
  if (problem !== undefined) return { kind: "problem", file, problem };
  if (language === undefined) return planFlow(root, file, path, settings);
  try {
    const { size } = statSync(join(root, file));
    if (size > MAX_SCRIPT_BYTES) return { kind: "problem", file, problem: `it has ${formatBytes(size)}; a script may have ${formatBytes(MAX_SCRIPT_BYTES)}` };
    return { kind: "deploy", file, request: { path, language, content: decodeUtf8(readFileSync(join(root, file)), file), ...settings.files.get(file) } };
  } catch (error) {
    return { kind: "problem", file, problem: messageOf(error) };
  }
}

function pathProblem(path: string, base: string, file: string, kind: "script" | "flow", taken: Map<string, string>): string | undefined {
  const bad = path
    .slice(base.length + 1)
    .split("/")
    .find((segment) => !SEGMENT.test(segment));
  if (bad !== undefined) return `"${bad}" cannot be part of a path: use letters, digits, _ . and -`;
  if (path.length > MAX_PATH) return `its path would have ${path.length} characters; ${MAX_PATH} are allowed`;
  // A script and a flow may have the same path.
  const key = `${kind} ${path}`;
  const other = taken.get(key);
  if (other !== undefined) return `${other} has the same path ${path}: rename one`;
  taken.set(key, file);
  return undefined;
}

function planFlow(root: string, file: string, path: string, settings: DeploySettings): PlannedFile {
  if (settings.files.has(file)) return { kind: "problem", file, problem: `${SETTINGS_FILE} has settings for it: a flow has its own, in its document` };
  try {
    const { source, runs } = readFlow(join(root, file));
    return { kind: "flow", file, path, runs, request: { path, ...source } };
  } catch (error) {
    return { kind: "problem", file, problem: messageOf(error) };
  }
}

/** Files below a folder by their path from it, with `/`. Links to folders are not followed: they may lead in circles. */
function listFiles(root: string): string[] {
  const found: string[] = [];
  const walk = (below: string): void => {
    for (const entry of readdirSync(join(root, below), { withFileTypes: true })) {
      if (entry.name.startsWith(".")) continue;
      const path = below === "" ? entry.name : `${below}/${entry.name}`;
      if (entry.isDirectory()) {
        if (!IGNORED_FOLDERS.has(entry.name)) walk(path);
      } else if (entry.isFile() || (entry.isSymbolicLink() && statSync(join(root, path), { throwIfNoEntry: false })?.isFile() === true)) {
        found.push(path);
      }
      if (found.length > MAX_FILES)
        throw new AppError("invalid_argument", `"${root}" holds more than ${MAX_FILES} files`, { hint: "deploy a folder that holds scripts only" });
    }
  };
  walk("");
  return found.sort();
}
