import { z } from "zod";
import { indentJson } from "../../exact-json.ts";
import { makeItem, type SyncItem } from "../item.ts";
import { readAnswer, readPages } from "./answers.ts";
import type { SyncKind } from "./kind.ts";
import { etagOfRevision, putThing, removeThing, stored } from "./thing.ts";

export const resourceTypeFile = z.strictObject({ description: z.string().optional(), schema: z.record(z.string(), z.unknown()).optional() });
export type ResourceTypeFile = z.infer<typeof resourceTypeFile>;

export const RESOURCE_TYPE_SUFFIX = ".resource-type.json";

export function resourceTypeItem(name: string, { schema, description = "" }: ResourceTypeFile): SyncItem {
  const file = { ...(description !== "" && { description }), ...(schema !== undefined && { schema }) };
  const text = `${indentJson(JSON.stringify(file))}\n`;
  return makeItem("resource-type", name, { schema: schema ?? null, description }, [{ suffix: RESOURCE_TYPE_SUFFIX, text }]);
}

const page = z.looseObject({ types: z.array(stored.extend({ name: z.string() })), next_cursor: z.string().optional() });
const type = stored.extend({ description: z.string(), schema: z.record(z.string(), z.unknown()).optional() });
const at = (name: string): string => `/resource-types/by-name?${new URLSearchParams({ name })}`;

/** They belong to the workspace as a whole: only a folder of all of it has them. */
export const resourceTypeKind: SyncKind = {
  kind: "resource-type",
  list: async (ask, prefix) =>
    prefix === ""
      ? readPages(ask, "/resource-types", {}, page, ({ types }) => types.map(({ name, revision }) => ({ path: name, etag: etagOfRevision(revision) })))
      : [],
  async get(ask, name) {
    const { schema, description, revision } = readAnswer(await ask("GET", at(name)), type, "GET /resource-types/by-name");
    return { item: resourceTypeItem(name, { description, ...(schema !== undefined && { schema }) }), etag: etagOfRevision(revision) };
  },
  put: (ask, { path, body }, expected) => putThing(ask, at(path), body, expected),
  remove: (ask, path, expected) => removeThing(ask, at(path), expected),
};
