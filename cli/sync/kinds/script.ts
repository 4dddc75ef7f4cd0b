import { z } from "zod";
import { type DeployScriptRequest, deployScriptRequest } from "../../../control-plane/scripts/contract.ts";
import { indentJson } from "../../exact-json.ts";
import { makeItem, type SyncItem } from "../item.ts";
import { scriptSuffix } from "../script-names.ts";
import { readAnswer, readPages } from "./answers.ts";
import { type AskApi, conditionOf, type SyncKind } from "./kind.ts";

/** Beside the code, when a script has settings. */
export const SETTINGS_SUFFIX = ".script.json";
const DEFAULT_TAG = "default";

const { path: _path, language: _language, content: _content, ...settingShapes } = deployScriptRequest.shape;
/** A file of settings, in the words of the API. */
export const scriptSettings = z.strictObject(settingShapes);
const SETTINGS = Object.keys(settingShapes);

/** A script as both sides say it: what is as it would be anyhow is left out. */
export function scriptItem(request: DeployScriptRequest): SyncItem {
  const parsed = deployScriptRequest.safeParse(request);
  const { path, language, content, ...given } = parsed.success ? parsed.data : request;
  const settings: Record<string, unknown> = {};
  const all = new Map<string, unknown>(Object.entries(given));
  for (const name of SETTINGS) {
    const value = all.get(name);
    const isDefault = value === undefined || (name === "tag" && value === DEFAULT_TAG) || (name === "summary" && value === "");
    if (!isDefault) settings[name] = value;
  }
  const code = { suffix: scriptSuffix(language) ?? `.${language}`, text: content };
  const more = Object.keys(settings).length === 0 ? [] : [{ suffix: SETTINGS_SUFFIX, text: `${indentJson(JSON.stringify(settings))}\n` }];
  return makeItem("script", path, { path, language, content, ...settings }, [code, ...more]);
}

const page = z.looseObject({ scripts: z.array(z.looseObject({ path: z.string(), hash: z.string() })), next_cursor: z.string().optional() });
const version = z.looseObject({
  path: z.string(),
  hash: z.string(),
  language: z.string(),
  content: z.string(),
  lock: z.string().optional(),
  lock_given: z.boolean(),
});
const deployed = z.looseObject({ hash: z.string(), created: z.boolean() });

function read(text: string): { item: SyncItem; etag: string } {
  const { hash, path, language, content, lock, lock_given: isGiven, ...view } = readAnswer(text, version, "for a script");
  const settings = Object.fromEntries(SETTINGS.flatMap((name) => (view[name] === undefined ? [] : [[name, view[name]]])));
  const item = scriptItem({ path, language, content, ...settings, ...(isGiven && lock !== undefined && { lock }) });
  return { item, etag: `"${hash}"` };
}

/** One version. Errors: not_found. */
export async function scriptVersion(ask: AskApi, hash: string): Promise<SyncItem> {
  return read(await ask("GET", `/scripts/by-hash/${encodeURIComponent(hash)}`)).item;
}

export const scriptKind: SyncKind = {
  kind: "script",
  list: (ask, prefix) => readPages(ask, "/scripts", { prefix }, page, ({ scripts }) => scripts.map(({ path, hash }) => ({ path, etag: `"${hash}"` }))),
  get: async (ask, path) => read(await ask("GET", `/scripts/by-path?${new URLSearchParams({ path })}`)),
  async put(ask, { body }, expected) {
    const answer = readAnswer(await ask("POST", "/scripts", body, conditionOf(expected)), deployed, "POST /scripts");
    return { created: answer.created, answer, etag: `"${answer.hash}"` };
  },
  async remove(ask, path, expected) {
    await ask("POST", "/scripts/archive", JSON.stringify({ path }), conditionOf(expected));
  },
};
