import { z } from "zod";
import { indentJson } from "../../exact-json.ts";
import { makeItem, type SyncItem } from "../item.ts";
import { readAnswer, readPages } from "./answers.ts";
import type { SyncKind } from "./kind.ts";
import { etagOfRevision, putThing, removeThing, stored } from "./thing.ts";

export const resourceFile = z.strictObject({ type: z.string(), description: z.string().optional(), value: z.unknown() });
export type ResourceFile = z.infer<typeof resourceFile>;

export const RESOURCE_SUFFIX = ".resource.json";

export function resourceItem(path: string, { type, value = null, description = "" }: ResourceFile): SyncItem {
  const file = { type, ...(description !== "" && { description }), value };
  return makeItem("resource", path, { type, value, description }, [{ suffix: RESOURCE_SUFFIX, text: `${indentJson(JSON.stringify(file))}\n` }]);
}

const page = z.looseObject({ resources: z.array(stored.extend({ path: z.string() })), next_cursor: z.string().optional() });
const resource = stored.extend({ type: z.string(), description: z.string(), value: z.unknown() });
const at = (path: string): string => `/resources/by-path?${new URLSearchParams({ path })}`;

/** What scripts remember between their runs is no part of a folder: lists leave it out. */
export const resourceKind: SyncKind = {
  kind: "resource",
  list: (ask, prefix) =>
    readPages(ask, "/resources", { prefix }, page, ({ resources }) => resources.map(({ path, revision }) => ({ path, etag: etagOfRevision(revision) }))),
  async get(ask, path) {
    const { type, value, description, revision } = readAnswer(await ask("GET", at(path)), resource, "GET /resources/by-path");
    return { item: resourceItem(path, { type, value, description }), etag: etagOfRevision(revision) };
  },
  put: (ask, { path, body }, expected) => putThing(ask, at(path), body, expected),
  remove: (ask, path, expected) => removeThing(ask, at(path), expected),
};
