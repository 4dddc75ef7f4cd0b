import { readFileSync, statSync } from "node:fs";
import { basename, dirname, relative, resolve } from "node:path";
import { parseDocument, type ScalarTag } from "yaml";
import type { DeployFlowRequest } from "../control-plane/flows/contract.ts";
import { AppError, messageOf } from "../kernel/app-error.ts";
import { formatBytes } from "../kernel/size.ts";
import { isJsonObject, parseExactJson } from "./exact-json.ts";
import { decodeUtf8 } from "./job-args.ts";

/** `name.flow.yaml`, and the folders that Windmill's tools write: `name.flow/flow.yaml`, `name__flow/flow.yaml`. */
const FLOW_FILE = /^(?<name>.+)\.flow\.(?:yaml|yml|json)$/;
const FLOW_FOLDER = /^(?<name>.+?)(?:\.flow|__flow)\/(?<rest>.+)$/;
const FLOW_IN_FOLDER = /^flow\.(?:yaml|yml|json)$/;
const MAX_FLOW_BYTES = 1024 * 1024;
/** How Windmill's tools refer to code beside the flow. */
const INLINE = "!inline ";

export type FlowFile =
  | { readonly kind: "flow"; readonly name: string }
  /** Code or a lock of a flow: it is deployed with that. */
  | { readonly kind: "part"; readonly of: string };

/** What a file of a deployed folder is to a flow, by its path in the folder; undefined for a file that is none of its. */
export function flowFile(file: string): FlowFile | undefined {
  const folder = FLOW_FOLDER.exec(file)?.groups;
  if (folder !== undefined) {
    const { name = "", rest = "" } = folder;
    return FLOW_IN_FOLDER.test(rest) ? { kind: "flow", name } : { kind: "part", of: file.slice(0, file.length - rest.length - 1) };
  }
  const name = FLOW_FILE.exec(file)?.groups?.["name"];
  return name === undefined ? undefined : { kind: "flow", name };
}

/** A flow that was read from disk: what is to be sent, and the flows that it runs. */
export interface ReadFlow {
  readonly source: Omit<DeployFlowRequest, "path">;
  readonly runs: readonly string[];
  /** Files beside it whose text was put in place, by path from its folder. */
  readonly inlined: readonly string[];
}

/** Reads a flow; code that it refers to by `!inline file` is put in place. Errors: invalid_argument, not_found. */
export function readFlow(path: string): ReadFlow {
  const text = readText(path);
  const isYaml = !path.endsWith(".json");
  const document = isYaml ? parseYaml(text) : parseExactJson(text, path);
  if (!isJsonObject(document)) throw new AppError("invalid_argument", "it is no flow: a flow is an object with the members summary and value");
  const found: Found = { folder: dirname(path), inlined: [], runs: [] };
  const complete = withCode(document, found, 0);
  if (!isJsonObject(complete)) throw new AppError("internal", "a flow is no longer one after its code was put in place");
  // Text that is sent as it is keeps its comments.
  return { source: isYaml && found.inlined.length === 0 ? { yaml: text } : { document: complete }, runs: found.runs, inlined: found.inlined };
}

/** `content: !inline file` without quotes means the same as with them. */
const INLINE_TAG: ScalarTag = { tag: "!inline", resolve: (text) => `${INLINE}${text}` };

function parseYaml(text: string): unknown {
  const document = parseDocument(text, { version: "1.2", schema: "core", customTags: [INLINE_TAG] });
  const [error] = document.errors;
  if (error !== undefined) throw new AppError("invalid_argument", error.message.split("\n")[0]?.replace(/:$/, "") ?? "it is no YAML");
  return document.toJS();
}

interface Found {
  readonly folder: string;
  readonly inlined: string[];
  readonly runs: string[];
}

const MAX_DEPTH = 200;

function withCode(value: unknown, found: Found, depth: number): unknown {
  if (depth > MAX_DEPTH) throw new AppError("invalid_argument", "it is nested too deeply");
  if (Array.isArray(value)) return value.map((item) => withCode(item, found, depth + 1));
  // A number that is kept with all of its digits is an object, too.
  if (!isJsonObject(value) || Object.getPrototypeOf(value) === null) return value;
  const { type, path } = value;
  if (type === "flow" && typeof path === "string") found.runs.push(path);
  const members = Object.entries(value).map(([name, member]) => {
    const isCode = type === "rawscript" && (name === "content" || name === "lock") && typeof member === "string" && member.startsWith(INLINE);
    return [name, isCode ? codeOf(member.slice(INLINE.length).trim(), found) : withCode(member, found, depth + 1)] as const;
  });
  return Object.fromEntries(members);
}

function codeOf(name: string, found: Found): string {
  found.inlined.push(name);
  const path = resolve(found.folder, name);
  if (relative(found.folder, path).startsWith("..")) throw new AppError("invalid_argument", `${INLINE}${name} leads out of the flow's folder`);
  try {
    return readText(path);
  } catch (error) {
    throw new AppError("invalid_argument", `${INLINE}${name}: ${messageOf(error)}`, { cause: error });
  }
}

function readText(path: string): string {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats?.isFile() !== true) throw new AppError("not_found", "there is no such file");
  if (stats.size > MAX_FLOW_BYTES) throw new AppError("invalid_argument", `it has ${formatBytes(stats.size)}; a flow may have ${formatBytes(MAX_FLOW_BYTES)}`);
  return decodeUtf8(readFileSync(path), basename(path));
}

/** Flows in an order in which each comes after those that it runs, as far as that is possible. */
export function inOrder<Flow extends { readonly path: string; readonly runs: readonly string[] }>(flows: readonly Flow[]): Flow[] {
  const byPath = new Map(flows.map((flow) => [flow.path, flow]));
  const ordered = new Set<Flow>();
  const begun = new Set<Flow>();
  const visit = (flow: Flow): void => {
    if (begun.has(flow)) return;
    begun.add(flow);
    for (const path of flow.runs) {
      const other = byPath.get(path);
      if (other !== undefined) visit(other);
    }
    ordered.add(flow);
  };
  flows.forEach(visit);
  return [...ordered];
}
