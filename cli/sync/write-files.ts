import { existsSync, mkdirSync, readdirSync, readFileSync, realpathSync, rmdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, sep } from "node:path";
import { AppError } from "../../kernel/app-error.ts";
import { SETTINGS_FILE } from "../deploy-settings.ts";
import { isJsonObject } from "../exact-json.ts";
import { flowFile } from "../flow-files.ts";
import type { SyncItem } from "./item.ts";
import { SETTINGS_SUFFIX } from "./kinds/script.ts";
import type { LocalItem } from "./local.ts";
import { scriptFile, scriptSuffix } from "./script-names.ts";

/** What an item's files shall be, by path from the folder. */
export interface FileChange {
  readonly write: ReadonlyMap<string, string>;
  readonly remove: readonly string[];
}

/** The files of an item that the folder has: they stay where they are, as far as that is possible. */
export function replacedFiles(local: LocalItem, item: SyncItem): FileChange {
  const [main = ""] = local.sources;
  const write = new Map(item.files.map(({ suffix, text }) => [placeOf(main, suffix), text]));
  return { write, remove: local.sources.filter((source) => !write.has(source)) };
}

export function newFiles(stem: string, item: SyncItem): FileChange {
  return { write: new Map(item.files.map(({ suffix, text }) => [`${stem}${suffix}`, text])), remove: [] };
}

/** Where a file of an item goes whose main file is there already. */
function placeOf(main: string, suffix: string): string {
  const flow = flowFile(main);
  if (flow?.kind === "flow") {
    const format = suffix.slice(suffix.lastIndexOf(".") + 1);
    const [, folder, extension = ""] = /^(?:(.*)\/)?flow\.(yaml|yml|json)$/.exec(main) ?? [];
    const [, ending = extension] = /\.(yaml|yml|json)$/.exec(main) ?? [];
    if ((ending === "json") === (format === "json")) return main;
    return folder === undefined ? `${main.slice(0, -`.flow.${ending}`.length)}${suffix}` : `${folder}/flow.${format}`;
  }
  const script = scriptFile(main);
  if (script === undefined) return main;
  if (suffix === SETTINGS_SUFFIX) return `${script.stem}${suffix}`;
  // A language may have several extensions: the one that is used here stays.
  return scriptSuffix(script.language) === suffix ? main : `${script.stem}${suffix}`;
}

/** Makes the changes. Errors: invalid_argument when a link leads out of the folder. */
export function applyFiles(root: string, { write, remove }: FileChange): void {
  for (const file of remove) {
    guard(root, file);
    rmSync(join(root, file), { force: true });
    removeEmpty(root, dirname(file));
  }
  for (const [file, text] of write) {
    mkdirSync(dirname(join(root, file)), { recursive: true });
    guard(root, file);
    writeFileSync(join(root, file), text);
  }
}

/** A folder may come from others, and what is written goes where it says. */
function guard(root: string, file: string): void {
  const folder = dirname(join(root, file));
  if (!existsSync(folder)) return;
  const [inside, real] = [realpathSync(root), realpathSync(existsSync(join(root, file)) ? join(root, file) : folder)];
  if (real !== inside && !real.startsWith(`${inside}${sep}`))
    throw new AppError("invalid_argument", `"${file}" leads out of the folder by a link`, { hint: "replace the link by what it leads to" });
}

function removeEmpty(root: string, folder: string): void {
  for (let at = folder; at !== "." && at !== ""; at = dirname(at)) {
    const path = join(root, at);
    if (!existsSync(path) || readdirSync(path).length > 0) return;
    rmdirSync(path);
  }
}

/** Takes the settings of some files out of millrace.json: they are beside the scripts from now on. */
export function dropSettings(root: string, files: readonly string[]): void {
  const path = join(root, SETTINGS_FILE);
  if (files.length === 0 || !existsSync(path)) return;
  const value: unknown = JSON.parse(readFileSync(path, "utf8"));
  const entries = isJsonObject(value) ? value["files"] : undefined;
  if (!isJsonObject(value) || !isJsonObject(entries)) return;
  const left = Object.fromEntries(Object.entries(entries).filter(([name]) => !files.includes(name)));
  if (Object.keys(left).length === Object.keys(entries).length) return;
  const { files: _files, ...rest } = value;
  writeFileSync(path, `${JSON.stringify(Object.keys(left).length === 0 ? rest : { ...rest, files: left }, undefined, 2)}\n`);
}

/** What a new folder is: where its files belong. */
export function writePrefix(root: string, base: string): void {
  writeFileSync(join(root, SETTINGS_FILE), `${JSON.stringify({ prefix: base }, undefined, 2)}\n`);
}
