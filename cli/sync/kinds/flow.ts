import { z } from "zod";
import type { DeployFlowRequest } from "../../../control-plane/flows/contract.ts";
import { indentJson } from "../../exact-json.ts";
import { makeItem, type SyncItem } from "../item.ts";
import { readAnswer, readPages } from "./answers.ts";
import { type AskApi, conditionOf, type SyncKind } from "./kind.ts";

/** A flow that was deployed as YAML is that text; otherwise it is its document. */
export function flowItem({ path, yaml, document }: DeployFlowRequest): SyncItem {
  if (yaml !== undefined) return makeItem("flow", path, { path, yaml }, [{ suffix: ".flow.yaml", text: yaml }]);
  return makeItem("flow", path, { path, document }, [{ suffix: ".flow.json", text: `${indentJson(JSON.stringify(document ?? {}))}\n` }]);
}

const page = z.looseObject({ flows: z.array(z.looseObject({ path: z.string(), hash: z.string() })), next_cursor: z.string().optional() });
const version = z.looseObject({ hash: z.string(), path: z.string(), document: z.record(z.string(), z.unknown()), yaml: z.string().optional() });
const deployed = z.looseObject({ hash: z.string(), created: z.boolean() });

function read(text: string): { item: SyncItem; etag: string } {
  const { hash, path, document, yaml } = readAnswer(text, version, "for a flow");
  return { item: flowItem(yaml === undefined ? { path, document } : { path, yaml }), etag: `"${hash}"` };
}

/** One version. Errors: not_found. */
export async function flowVersion(ask: AskApi, hash: string): Promise<SyncItem> {
  return read(await ask("GET", `/flows/by-hash/${encodeURIComponent(hash)}`)).item;
}

export const flowKind: SyncKind = {
  kind: "flow",
  list: (ask, prefix) => readPages(ask, "/flows", { prefix }, page, ({ flows }) => flows.map(({ path, hash }) => ({ path, etag: `"${hash}"` }))),
  get: async (ask, path) => read(await ask("GET", `/flows/by-path?${new URLSearchParams({ path })}`)),
  async put(ask, { body }, expected) {
    const answer = readAnswer(await ask("POST", "/flows", body, conditionOf(expected)), deployed, "POST /flows");
    return { created: answer.created, answer, etag: `"${answer.hash}"` };
  },
  async remove(ask, path, expected) {
    await ask("POST", "/flows/archive", JSON.stringify({ path }), conditionOf(expected));
  },
};
