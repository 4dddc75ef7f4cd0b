import type { FastifyInstance, FastifyRequest } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import { AppError } from "../../kernel/app-error.ts";
import { type AuditEvent, recordAudit } from "../audit/audit-store.ts";
import type { Pool } from "../db/pools.ts";
import { inTransaction } from "../db/transaction.ts";
import { type Caller, callerOf, mayUse } from "../http/authorize.ts";
import { anyQuery, HIDDEN, inWorkspace, sendJson } from "./common.ts";
import { type ExportParts, type ExportWishes, exportWorkspace } from "./export.ts";
import { deleteMetadata, findMetadata, listMetadata, putMetadata } from "./metadata-store.ts";
import { zipOf } from "./zip.ts";

const base = "/api/w/:workspace";
const flag = z.stringbool().default(false);
const exportQuery = z.looseObject({
  archive_type: z.string().default("tar"),
  skip_variables: flag,
  skip_resources: flag,
  skip_resource_types: flag,
  include_schedules: flag,
  include_triggers: flag,
  include_users: flag,
  include_groups: flag,
  include_settings: flag,
  include_key: flag,
  sync_behavior_version: z.string().default("v0"),
  default_ts: z.string().default("bun"),
});
/** A pull would take files of these for deleted, were they left out in silence. */
const NOT_EXPORTED = ["include_users", "include_groups", "include_settings", "include_key"] as const;
const folderName = z.string().regex(/^[A-Za-z0-9_-]{1,100}$/, "the name of a folder has letters, digits, _ and -");
const ofFolder = inWorkspace.extend({ name: folderName });
const MAX_FOLDER_BYTES = 64 * 1024;
const MAX_FOLDERS = 1000;

/** What `wmill sync` asks for besides scripts, flows and things. */
export function addWindmillSync(root: FastifyInstance, parts: ExportParts): void {
  addExport(root, parts);
  addPerson(root);
  addFolderReading(root, parts);
  addFolderWriting(root, parts);
}

function addExport(root: FastifyInstance, parts: ExportParts): void {
  const app = root.withTypeProvider<ZodTypeProvider>();
  app.get(
    `${base}/workspaces/tarball`,
    { config: { permission: "workspaces:export" }, schema: { ...HIDDEN, params: inWorkspace, querystring: exportQuery } },
    async (request, reply) => {
      const { query } = request;
      if (query.archive_type !== "zip") throw new AppError("invalid_argument", "archives are zip files here: archive_type=zip");
      const closed = NOT_EXPORTED.find((name) => query[name]);
      if (closed !== undefined)
        throw new AppError("unimplemented", `${closed}: users, groups, settings and keys are not synchronised`, {
          hint: "leave includeUsers, includeGroups, includeSettings and includeKey out of wmill.yaml (docs/windmill.md)",
        });
      const wishes = wishesOf(query);
      const { workspace, principal } = callerOf(request);
      const entries = await exportWorkspace(parts, workspace.id, wishes);
      // Nothing is changed; but it is the whole workspace that goes out.
      const { variables, resources, schedules, triggers } = wishes;
      const detail = { variables, resources, schedules, triggers };
      await recordAudit(parts.pool, { workspace: workspace.id, actor: principal.label, action: "workspaces:export", target: "workspace", detail });
      return reply.type("application/zip").send(zipOf(entries));
    },
  );
  // Files as resources: there are no such types here.
  app.get(
    `${base}/resources/file_resource_type_to_file_ext_map`,
    { config: { permission: "resources:read", path: "none" }, schema: { ...HIDDEN, params: inWorkspace, querystring: anyQuery } },
    async (_request, reply) => reply.type("application/json").send({}),
  );
  // Things that differ from one of somebody's workspaces to the next: here each has its own.
  app.get(
    `${base}/workspaces/list_ws_specific`,
    { config: { permission: "resources:read", path: "none" }, schema: { ...HIDDEN, params: inWorkspace, querystring: anyQuery } },
    async (_request, reply) => reply.type("application/json").send([]),
  );
}

function wishesOf(query: z.infer<typeof exportQuery>): ExportWishes {
  return {
    variables: !query.skip_variables,
    resources: !query.skip_resources,
    resourceTypes: !query.skip_resource_types,
    schedules: query.include_schedules,
    triggers: query.include_triggers,
    namesWriters: query.sync_behavior_version !== "v0",
    defaultTs: query.default_ts,
  };
}

function addPerson(root: FastifyInstance): void {
  root
    .withTypeProvider<ZodTypeProvider>()
    .get(
      `${base}/users/whoami`,
      { config: { permission: "jobs:read", path: "none" }, schema: { ...HIDDEN, params: inWorkspace, querystring: anyQuery } },
      async (request) => {
        const caller = callerOf(request);
        const { label } = caller.principal;
        const nothing = { groups: [], folders: [], folders_owners: [], folders_read: [] };
        return { workspace_id: caller.workspace.name, username: label, email: label, ...rightsOf(caller), disabled: false, ...nothing };
      },
    );
}

/** In their words: operators are those who may not deploy. */
function rightsOf({ principal, reach }: Caller): { is_admin: boolean; is_super_admin: boolean; operator: boolean } {
  const role = reach?.member?.role;
  const isSuper = principal.kind === "admin" || principal.isInstanceAdmin === true;
  const isNobodys = principal.kind === "workspace" && principal.accountId === undefined && principal.scopes === undefined;
  return { is_admin: isSuper || role === "admin" || isNobodys, is_super_admin: isSuper, operator: role === "viewer" || role === "operator" };
}

/** The place that a request is about. */
const folderAsked = (request: FastifyRequest): string | undefined => folderIn(request.params) ?? folderIn(request.body);

function folderIn(value: unknown): string | undefined {
  const found = z.looseObject({ name: folderName }).safeParse(value);
  return found.success ? `f/${found.data.name}` : undefined;
}

/** Of a folder only what they say of it is kept: what it allows is no business of theirs. */
function addFolderReading(root: FastifyInstance, { pool }: ExportParts): void {
  const app = root.withTypeProvider<ZodTypeProvider>();
  const config = { permission: "resources:read", path: folderAsked } as const;
  const list = { config: { ...config, path: "inside" }, schema: { ...HIDDEN, params: inWorkspace, querystring: anyQuery } } as const;
  const readable = async (caller: Caller): Promise<{ key: string; value: string }[]> =>
    (await listMetadata(pool, caller.workspace.id, "folder", MAX_FOLDERS)).filter(({ key }) => mayUse(caller, `f/${key}`));
  app.get(`${base}/folders/list`, list, async (request, reply) => {
    const found = await readable(callerOf(request));
    sendJson(reply, `[${found.map(({ key, value }) => withName(key, value)).join(",")}]`);
  });
  app.get(`${base}/folders/listnames`, list, async (request) => (await readable(callerOf(request))).map(({ key }) => key));
  app.get(`${base}/folders/get/:name`, { config, schema: { ...HIDDEN, params: ofFolder, querystring: anyQuery } }, async (request, reply) => {
    const { name } = request.params;
    const value = (await findMetadata(pool, callerOf(request).workspace.id, "folder", [name])).get(name);
    if (value === undefined) throw new AppError("not_found", `Windmill's tools have not made a folder ${name}`);
    sendJson(reply, withName(name, value));
  });
  app.get(`${base}/folders/exists/:name`, { config, schema: { ...HIDDEN, params: ofFolder, querystring: anyQuery } }, async (request, reply) => {
    const { name } = request.params;
    const there = (await findMetadata(pool, callerOf(request).workspace.id, "folder", [name])).has(name);
    return reply.type("application/json").send(there);
  });
}

function addFolderWriting(root: FastifyInstance, { pool }: ExportParts): void {
  const app = root.withTypeProvider<ZodTypeProvider>();
  const config = { permission: "resources:write", path: folderAsked } as const;
  const text = (body: object): string => {
    const json = JSON.stringify(body);
    if (Buffer.byteLength(json) > MAX_FOLDER_BYTES) throw new AppError("out_of_range", `what is said of a folder has at most ${MAX_FOLDER_BYTES} bytes`);
    return json;
  };
  app.post(
    `${base}/folders/create`,
    { config, schema: { ...HIDDEN, params: inWorkspace, querystring: anyQuery, body: z.looseObject({ name: folderName }) } },
    async (request, reply) => {
      const { name, ...rest } = request.body;
      await putFolder(pool, callerOf(request), name, text(rest));
      return reply.type("text/plain").send(`folder ${name} created`);
    },
  );
  app.post(
    `${base}/folders/update/:name`,
    { config, schema: { ...HIDDEN, params: ofFolder, querystring: anyQuery, body: z.looseObject({}) } },
    async (request, reply) => {
      const { name } = request.params;
      await putFolder(pool, callerOf(request), name, text(request.body));
      return reply.type("text/plain").send(`folder ${name} updated`);
    },
  );
  app.delete(`${base}/folders/delete/:name`, { config, schema: { ...HIDDEN, params: ofFolder, querystring: anyQuery } }, async (request, reply) => {
    const { name } = request.params;
    if (!(await deleteFolder(pool, callerOf(request), name))) throw new AppError("not_found", `Windmill's tools have not made a folder ${name}`);
    return reply.type("text/plain").send(`folder ${name} deleted`);
  });
}

const saidOf = ({ workspace, principal }: Caller, name: string): Pick<AuditEvent, "workspace" | "actor" | "target"> => ({
  workspace: workspace.id,
  actor: principal.label,
  target: `folder f/${name}`,
});

async function putFolder(pool: Pool, caller: Caller, name: string, value: string): Promise<void> {
  await inTransaction(pool, async (client) => {
    await putMetadata(client, caller.workspace.id, "folder", name, value);
    await recordAudit(client, { ...saidOf(caller, name), action: "folders:describe" });
  });
}

async function deleteFolder(pool: Pool, caller: Caller, name: string): Promise<boolean> {
  return inTransaction(pool, async (client) => {
    const deleted = await deleteMetadata(client, caller.workspace.id, "folder", name);
    if (deleted) await recordAudit(client, { ...saidOf(caller, name), action: "folders:describe", detail: { deleted: true } });
    return deleted;
  });
}

function withName(name: string, value: string): string {
  const rest = value.slice(1);
  return `{"name":${JSON.stringify(name)}${rest === "}" ? "" : ","}${rest}`;
}
