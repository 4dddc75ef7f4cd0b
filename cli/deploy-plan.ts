import { readdirSync, readFileSync, statSync } from "node:fs";
import { basename, join, posix, resolve } from "node:path";
import type { DeployFlowRequest } from "../control-plane/flows/contract.ts";
import type { DeployScriptRequest } from "../control-plane/scripts/contract.ts";
import { AppError, messageOf } from "../kernel/app-error.ts";
import { formatBytes } from "../kernel/size.ts";
import { type DeploySettings, readDeploySettings, readScriptSettings, SETTINGS_FILE } from "./deploy-settings.ts";
import { flowFile, inOrder, readFlow } from "./flow-files.ts";
import { decodeUtf8 } from "./job-args.ts";
import { ITEM_KINDS, type ItemKind, type SyncItem } from "./sync/item.ts";
import { SETTINGS_SUFFIX } from "./sync/kinds/script.ts";
import { decodeName } from "./sync/names.ts";
import { scriptFile } from "./sync/script-names.ts";
import { readThing, thingFile } from "./sync/thing-files.ts";

/** What shall become of one file of a folder. */
export type PlannedFile =
  /** `settingsFile`: beside it, with its settings. */
  | { readonly kind: "deploy"; readonly file: string; readonly request: DeployScriptRequest; readonly settingsFile?: string }
  /** `runs`: paths of the flows that it runs. `parts`: files whose text was put into it. */
  | {
      readonly kind: "flow";
      readonly file: string;
      readonly path: string;
      readonly runs: readonly string[];
      readonly parts: readonly string[];
      readonly request: DeployFlowRequest;
    }
  /** A variable, a resource or a resource type. */
  | { readonly kind: "thing"; readonly file: string; readonly item: SyncItem }
  | { readonly kind: "skip"; readonly file: string; readonly why: string }
  | { readonly kind: "problem"; readonly file: string; readonly problem: string };

const MAX_FILES = 10_000;
const MAX_SCRIPT_BYTES = 1024 * 1024;
const MAX_PATH = 255;
const SEGMENT = /^[A-Za-z0-9_.-]+$/;
const PREFIX = /^[uf]\/[A-Za-z0-9_-]+(\/[A-Za-z0-9_.-]+)*$/;
const WHOLE_PATH = /^[uf]\/[A-Za-z0-9_-]+(\/[A-Za-z0-9_.-]+)+$/;
/** Folders that tools fill; what is in them was not written by hand. */
const IGNORED_FOLDERS = new Set(["node_modules", "__pycache__", "venv"]);

/** A folder that is deployed, and where in the workspace it goes. */
export interface PlanSettings {
  readonly root: string;
  /** Empty: the folder is of the whole workspace, its paths begin with f/ or u/. */
  readonly base: string;
  readonly settings: DeploySettings;
}

/** Errors: not_found, invalid_argument for the folder, its prefix and its millrace.json. */
export function readPlanSettings(folder: string, prefix: string | undefined): PlanSettings {
  const root = resolve(folder);
  const stats = statSync(root, { throwIfNoEntry: false });
  if (stats === undefined) throw new AppError("not_found", `there is no folder "${folder}"`);
  if (!stats.isDirectory()) throw new AppError("invalid_argument", `"${folder}" is no folder`, { hint: `to run one file: millrace run ${folder}` });
  const settings = readDeploySettings(root);
  const base = prefix ?? settings.prefix ?? `f/${basename(root)}`;
  if (base !== "" && !PREFIX.test(base)) {
    throw new AppError("invalid_argument", `"${base}" cannot begin the path of a script`, {
      hint: "give one with --prefix f/name; letters, digits, _ and - are allowed",
    });
  }
  return { root, base, settings };
}

/**
 * Looks at every file below a folder: `f/<folder>/<path without extension>` becomes of those whose language is known, and of flows and things.
 * Sorted by name, so that two runs say the same: things first, then scripts, flows, each after those that it runs, and
 * schedules. Hidden files and
 * tools' folders are left out.
 * Errors: those of readPlanSettings.
 */
export function planDeploy(folder: string, prefix: string | undefined): PlannedFile[] {
  const plan = readPlanSettings(folder, prefix);
  const { root, settings } = plan;
  const files = listFiles(root);
  const place: Place = { ...plan, files: new Set(files), taken: new Map() };
  const planned = files.map((file) => planFile(place, file));
  for (const name of settings.files.keys()) {
    if (!place.files.has(name)) planned.push({ kind: "problem", file: name, problem: `${SETTINGS_FILE} has settings for it, but it is not there` });
  }
  const things = planned.flatMap((one) => (one.kind === "thing" ? [one] : []));
  const flows = planned.flatMap((one) => (one.kind === "flow" ? [one] : []));
  const inKindOrder = things.sort((a, b) => ITEM_KINDS.indexOf(a.item.kind) - ITEM_KINDS.indexOf(b.item.kind));
  const [early, late] = [inKindOrder.filter(({ item }) => item.kind !== "schedule"), inKindOrder.filter(({ item }) => item.kind === "schedule")];
  return [...early, ...planned.filter(({ kind }) => kind !== "flow" && kind !== "thing"), ...inOrder(flows), ...late];
}

interface Place extends PlanSettings {
  readonly files: ReadonlySet<string>;
  /** Files by kind and path. */
  readonly taken: Map<string, string>;
}

function planFile(place: Place, file: string): PlannedFile {
  const { settings, files } = place;
  if (file === SETTINGS_FILE) return { kind: "skip", file, why: "settings" };
  if (settings.ignore.some((name) => file === name || file.startsWith(`${name.replace(/\/+$/, "")}/`)))
    return { kind: "skip", file, why: `${SETTINGS_FILE} ignores it` };
  const flow = flowFile(file);
  if (flow?.kind === "part") return { kind: "skip", file, why: `part of ${flow.of}` };
  try {
    if (flow !== undefined) return planFlow(place, file, flow.name);
    if (file.endsWith(SETTINGS_SUFFIX)) return planSettings(file, files);
    const thing = thingFile(file);
    if (thing !== undefined) return planThing(place, file, thing);
    const script = scriptFile(file);
    return script === undefined ? { kind: "skip", file, why: "no script" } : planScript(place, file, script);
  } catch (error) {
    return { kind: "problem", file, problem: messageOf(error) };
  }
}

function planScript(place: Place, file: string, { language, stem }: { readonly language: string; readonly stem: string }): PlannedFile {
  const { root, settings, files } = place;
  const path = pathOf(place, file, stem, "script");
  const { size } = statSync(join(root, file));
  if (size > MAX_SCRIPT_BYTES) return { kind: "problem", file, problem: `it has ${formatBytes(size)}; a script may have ${formatBytes(MAX_SCRIPT_BYTES)}` };
  const request = { path, language, content: readText(root, file), ...settings.files.get(file) };
  const settingsFile = `${stem}${SETTINGS_SUFFIX}`;
  if (!files.has(settingsFile)) return { kind: "deploy", file, request };
  if (settings.files.has(file)) return { kind: "problem", file, problem: `both ${SETTINGS_FILE} and ${settingsFile} have settings for it: take one out` };
  return { kind: "deploy", file, request: { ...request, ...readScriptSettings(readText(root, settingsFile), settingsFile) }, settingsFile };
}

/** The file itself is read with the script beside it. */
function planSettings(file: string, files: ReadonlySet<string>): PlannedFile {
  const stem = file.slice(0, -SETTINGS_SUFFIX.length);
  const script = [...files].find((other) => scriptFile(other)?.stem === stem);
  if (script !== undefined) return { kind: "skip", file, why: `settings of ${script}` };
  return { kind: "problem", file, problem: "there is no script of this name beside it" };
}

function planThing(place: Place, file: string, { kind, stem }: { readonly kind: Exclude<ItemKind, "script" | "flow">; readonly stem: string }): PlannedFile {
  const { root, base } = place;
  if (kind !== "resource-type") return { kind: "thing", file, item: readThing(kind, pathOf(place, file, stem, kind), readText(root, file)) };
  if (base !== "" || stem.includes("/"))
    return {
      kind: "problem",
      file,
      problem: `resource types belong to the workspace: they are at the top of a folder whose ${SETTINGS_FILE} has the prefix ""`,
    };
  return { kind: "thing", file, item: readThing(kind, decodeName(stem) ?? stem, readText(root, file)) };
}

function planFlow(place: Place, file: string, name: string): PlannedFile {
  const path = pathOf(place, file, name, "flow");
  if (place.settings.files.has(file)) return { kind: "problem", file, problem: `${SETTINGS_FILE} has settings for it: a flow has its own, in its document` };
  const { source, runs, inlined } = readFlow(join(place.root, file));
  const parts = [...new Set(inlined.map((part) => posix.join(posix.dirname(file), part)))].sort();
  return { kind: "flow", file, path, runs, parts, request: { path, ...source } };
}

/** The path of a file. @param stem its name without what says its kind. Errors: invalid_argument. */
function pathOf({ base, taken }: Place, file: string, stem: string, kind: ItemKind): string {
  const refuse = (why: string): AppError => new AppError("invalid_argument", why);
  const segments = stem.split("/").map((name) => decodeName(name) ?? name);
  const bad = segments.find((segment) => !SEGMENT.test(segment));
  if (bad !== undefined) throw refuse(`"${bad}" cannot be part of a path: use letters, digits, _ . and -`);
  const path = base === "" ? segments.join("/") : `${base}/${segments.join("/")}`;
  if (!WHOLE_PATH.test(path)) throw refuse(`its path would be ${path}: one looks like f/folder/name or u/user/name`);
  if (path.length > MAX_PATH) throw refuse(`its path would have ${path.length} characters; ${MAX_PATH} are allowed`);
  // Things of different kinds may have the same path.
  const key = `${kind} ${path}`;
  const other = taken.get(key);
  if (other !== undefined) throw refuse(`${other} has the same path ${path}: rename one`);
  taken.set(key, file);
  return path;
}

function readText(root: string, file: string): string {
  return decodeUtf8(readFileSync(join(root, file)), file);
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
