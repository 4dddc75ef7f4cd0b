import { AppError } from "../../kernel/app-error.ts";
import type { WorkspaceId } from "../../kernel/ids.ts";
import { boundsIn } from "../access/acting-for.ts";
import type { Pool } from "../db/pools.ts";
import { findFlowVersion, listFlows } from "../flows/flow-store.ts";
import { findResources } from "../resources/resource-store.ts";
import { findResourceType, listResourceTypes } from "../resources/resource-type-store.ts";
import type { Resources } from "../resources/resources.ts";
import type { Schedules } from "../schedules/schedules.ts";
import { listScripts, type ScriptVersion } from "../scripts/script-store.ts";
import type { Triggers } from "../triggers/triggers.ts";
import type { Changes } from "../variables/variable-store.ts";
import type { Variables } from "../variables/variables.ts";
import { theirExtension, theirLanguage } from "./languages.ts";
import { readMetadata } from "./metadata-codec.ts";
import { findMetadata, listMetadata } from "./metadata-store.ts";
import { describeSchedules } from "./schedule-routes.ts";
import { describeTriggers } from "./trigger-routes.ts";
import type { ZipEntry } from "./zip.ts";

export interface ExportParts {
  readonly pool: Pool;
  readonly variables: Variables;
  readonly resources: Resources;
  readonly schedules: Pick<Schedules, "list">;
  readonly triggers: Pick<Triggers, "list">;
}

export interface ExportWishes {
  readonly variables: boolean;
  readonly resources: boolean;
  readonly resourceTypes: boolean;
  readonly schedules: boolean;
  readonly triggers: boolean;
  /** Their tools look whether somebody is named that jobs act for, and take the name out. */
  readonly namesWriters: boolean;
  readonly defaultTs: string;
}

const PAGE = 200;
/** Characters of all files: an export is made in memory. */
const MAX_CHARS = 128 * 1024 * 1024;
const MAX_FOLDERS = 10_000;

/**
 * A workspace as the files that Windmill's tools expect. Secrets are left out: their values leave for running jobs alone. So are scripts in languages
 * that Windmill does not have. Errors: out_of_range for a workspace that is too large.
 */
export async function exportWorkspace(parts: ExportParts, workspace: WorkspaceId, wishes: ExportWishes): Promise<ZipEntry[]> {
  const entries: ZipEntry[] = [];
  let chars = 0;
  const add = (name: string, text: string): void => {
    // A path may have a part `..`: whoever unpacks it would write elsewhere.
    if (name.split("/").some((part) => part === "." || part === "..")) return;
    chars += name.length + text.length;
    if (chars > MAX_CHARS) throw new AppError("out_of_range", `the workspace has more than ${MAX_CHARS} characters`, { hint: "use millrace pull" });
    entries.push({ name, text });
  };
  await addScripts(parts, workspace, wishes.defaultTs, add);
  await addFlows(parts, workspace, add);
  for (const { key, value } of await listMetadata(parts.pool, workspace, "folder", MAX_FOLDERS)) add(`f/${key}/folder.meta.json`, value);
  if (wishes.variables) await addVariables(parts, workspace, add);
  if (wishes.resources) await addResources(parts, workspace, add);
  if (wishes.resourceTypes) await addResourceTypes(parts, workspace, add);
  if (wishes.schedules) await addSchedules(parts, workspace, wishes.namesWriters, add);
  if (wishes.triggers) await addTriggers(parts, workspace, wishes.namesWriters, add);
  return entries;
}

type Add = (name: string, text: string) => void;

/** Reads pages until one is not full. @param read a page after a path or a name */
async function eachPage<One>(read: (after: string) => Promise<One[]>, keyOf: (one: One) => string, take: (page: One[]) => Promise<void>): Promise<void> {
  for (let after = ""; ; ) {
    const page = await read(after);
    await take(page);
    const last = page.at(-1);
    if (page.length < PAGE || last === undefined) return;
    after = keyOf(last);
  }
}

async function addScripts({ pool }: ExportParts, workspace: WorkspaceId, defaultTs: string, add: Add): Promise<void> {
  await eachPage(
    (after) => listScripts(pool, workspace, { prefix: "", after, limit: PAGE, archived: false }),
    ({ version }) => version.path,
    async (page) => {
      const known = await findMetadata(
        pool,
        workspace,
        "script",
        page.map(({ version }) => version.hash),
      );
      for (const { version } of page) {
        const { language: given, ...metadata } = readMetadata(known.get(version.hash));
        const language = theirLanguage(version.language, given);
        const extension = language === undefined ? undefined : theirExtension(language, defaultTs);
        if (extension === undefined) continue;
        add(`${version.path}.${extension}`, version.content);
        add(`${version.path}.script.json`, JSON.stringify(known.has(version.hash) ? metadata : scriptMetadata(version)));
      }
    },
  );
}

/** Of a script that Windmill's tools have not made. Locks are found out here again: theirs are others. */
export function scriptMetadata({ summary, tag, timeoutMs, schema }: ScriptVersion): Record<string, unknown> {
  const settings = { ...(tag !== "default" && { tag }), ...(timeoutMs !== undefined && { timeout: Math.ceil(timeoutMs / 1000) }) };
  return { summary, description: "", lock: "", kind: "script", schema, ...settings };
}

async function addFlows({ pool }: ExportParts, workspace: WorkspaceId, add: Add): Promise<void> {
  await eachPage(
    (after) => listFlows(pool, workspace, { prefix: "", after, limit: PAGE, archived: false }),
    ({ flow }) => flow.path,
    async (page) => {
      for (const { flow } of page) {
        const version = await findFlowVersion(pool, workspace, flow.hash);
        if (version !== undefined) add(`${flow.path}.flow.json`, version.document);
      }
    },
  );
}

async function addVariables({ variables }: ExportParts, workspace: WorkspaceId, add: Add): Promise<void> {
  await eachPage(
    (after) => variables.list(workspace, { prefix: "", after, limit: PAGE }),
    ({ path }) => path,
    async (page) => {
      const plain = page.filter(({ isSecret }) => !isSecret);
      const values = await variables.open(
        workspace,
        plain.map(({ path }) => path),
      );
      for (const { path, description } of plain)
        add(`${path}.variable.json`, JSON.stringify({ value: values.get(path)?.value ?? "", is_secret: false, description }));
    },
  );
}

async function addResources({ pool, resources }: ExportParts, workspace: WorkspaceId, add: Add): Promise<void> {
  await eachPage(
    (after) => resources.list(workspace, undefined, { prefix: "", after, limit: PAGE }),
    ({ path }) => path,
    async (page) => {
      const found = await findResources(
        pool,
        workspace,
        page.map(({ path }) => path),
      );
      for (const { path, type, description, value } of found)
        add(`${path}.resource.json`, `{"value":${value},"description":${JSON.stringify(description)},"resource_type":${JSON.stringify(type)}}`);
    },
  );
}

async function addResourceTypes({ pool }: ExportParts, workspace: WorkspaceId, add: Add): Promise<void> {
  await eachPage(
    (after) => listResourceTypes(pool, workspace, { prefix: "", after, limit: PAGE }),
    ({ name }) => name,
    async (page) => {
      for (const { name } of page) {
        const type = await findResourceType(pool, workspace, name);
        const metadata = (await findMetadata(pool, workspace, "resource-type", [name])).get(name);
        if (type !== undefined)
          add(`${name}.resource-type.json`, metadata ?? `{"schema":${type.schema ?? "{}"},"description":${JSON.stringify(type.description)}}`);
      }
    },
  );
}

async function addSchedules({ pool, schedules }: ExportParts, workspace: WorkspaceId, namesWriters: boolean, add: Add): Promise<void> {
  await eachPage(
    (after) => schedules.list(workspace, { prefix: "", after, limit: PAGE }),
    ({ path }) => path,
    async (page) => {
      for (const { stored, told } of await describeSchedules(pool, workspace, page))
        add(`${stored.path}.schedule.json`, JSON.stringify({ ...told, ...(namesWriters && writerOf(stored)) }));
    },
  );
}

/** Those that their tools have words for. */
async function addTriggers({ pool, triggers }: ExportParts, workspace: WorkspaceId, namesWriters: boolean, add: Add): Promise<void> {
  await eachPage(
    (after) => triggers.list(workspace, { prefix: "", after, limit: PAGE }),
    ({ path }) => path,
    async (page) => {
      for (const { stored, told } of await describeTriggers(pool, workspace, page))
        add(`${stored.path}.http_trigger.json`, JSON.stringify({ ...told, ...(namesWriters && writerOf(stored)) }));
    },
  );
}

const writerOf = ({ updatedBy }: Changes): { permissioned_as: string } => ({ permissioned_as: boundsIn(updatedBy).label });
