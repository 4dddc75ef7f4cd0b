import { z } from "zod";
import { indentJson } from "../../exact-json.ts";
import { makeItem, type SyncItem } from "../item.ts";
import { readAnswer, readPages } from "./answers.ts";
import type { SyncKind } from "./kind.ts";
import { etagOfRevision, putThing, removeThing, stored } from "./thing.ts";

/** A file of a variable. A secret's says that there is one: its value is never in a folder. */
export const variableFile = z.strictObject({ value: z.string().optional(), is_secret: z.boolean().optional(), description: z.string().optional() });
export type VariableFile = z.infer<typeof variableFile>;

export const VARIABLE_SUFFIX = ".variable.json";

export function variableItem(path: string, { value, is_secret: isSecret = false, description = "" }: VariableFile): SyncItem {
  const about = description === "" ? {} : { description };
  const file = isSecret ? { is_secret: true, ...about } : { value, ...about };
  const body = isSecret ? { is_secret: true, description } : { value, is_secret: false, description };
  return makeItem("variable", path, body, [{ suffix: VARIABLE_SUFFIX, text: `${indentJson(JSON.stringify(file))}\n` }]);
}

const page = z.looseObject({ variables: z.array(stored.extend({ path: z.string() })), next_cursor: z.string().optional() });
const variable = stored.extend({ value: z.string().optional(), is_secret: z.boolean(), description: z.string() });
const at = (path: string): string => `/variables/by-path?${new URLSearchParams({ path })}`;

export const variableKind: SyncKind = {
  kind: "variable",
  list: (ask, prefix) =>
    readPages(ask, "/variables", { prefix }, page, ({ variables }) => variables.map(({ path, revision }) => ({ path, etag: etagOfRevision(revision) }))),
  async get(ask, path) {
    const { value, is_secret, description, revision } = readAnswer(await ask("GET", at(path)), variable, "GET /variables/by-path");
    return { item: variableItem(path, { is_secret, description, ...(value !== undefined && { value }) }), etag: etagOfRevision(revision) };
  },
  put: (ask, { path, body }, expected) => putThing(ask, at(path), body, expected),
  remove: (ask, path, expected) => removeThing(ask, at(path), expected),
};
