import type { FastifyInstance } from "fastify";
import type pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { realClock } from "../../kernel/clock.ts";
import { createTestDatabase, openTestPool, type TestDatabase } from "../db/test-database.ts";
import { addAuthorization } from "../http/authorize.ts";
import { BodyTurns } from "../http/body-turns.ts";
import { createHttpServer } from "../http/server.ts";
import { createAuthenticator } from "../identity/authenticate.ts";
import { generateToken } from "../identity/token-format.ts";
import { insertToken } from "../identity/token-store.ts";
import { deployScript } from "../scripts/deploy.ts";
import { createScriptCache } from "../scripts/script-cache.ts";
import { createWorkspaces, type Workspace } from "../workspaces/workspace-store.ts";
import type { DeployFlowResponse, FlowView, FlowWithDocument } from "./contract.ts";
import { ExpressionTiers } from "./expressions/tiers.ts";
import { createFlowCache, type FlowCache } from "./flow-cache.ts";
import { createFlowReader } from "./flow-reader.ts";
import { addFlowRoutes } from "./routes.ts";

interface Problem {
  readonly status: number;
  readonly code: string;
  readonly detail: string;
  readonly errors?: readonly { readonly pointer: string; readonly message: string }[];
}

const expressions = new ExpressionTiers();
const log = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
let database: TestDatabase;
let pool: pg.Pool;
let app: FastifyInstance;
let cache: FlowCache;
let ours: Workspace;
let scriptHash: string;
const tokens = new Map<string, string>();

beforeAll(async () => {
  database = await createTestDatabase();
  pool = openTestPool(database.url);
  const workspaces = createWorkspaces(pool);
  for (const name of ["ours", "theirs"]) {
    const token = generateToken("workspace");
    await insertToken(pool, token, (await workspaces.ensure(name)).id, name);
    tokens.set(name, token.text);
  }
  ours = await workspaces.ensure("ours");
  const script = { path: "f/tools/count", language: "bash", content: "echo 1" };
  scriptHash = (
    await deployScript(
      pool,
      createScriptCache(pool, () => 0),
      ours,
      "test",
      script,
    )
  ).version.hash;
  cache = createFlowCache(pool, () => performance.now());
  app = await createHttpServer(log, new BodyTurns({ hasRoom: () => true, ownerBytes: 1e8, allBytes: 1e8 }));
  addAuthorization(app, createAuthenticator(pool, realClock, { secret: Buffer.alloc(32), workspaceOf: async () => undefined }), workspaces);
  addFlowRoutes(app, { pool, cache, readFlow: createFlowReader({ expressions }) });
});
afterAll(async () => {
  await app.close();
  await expressions.stop();
  await pool.end();
  await database.drop();
});

async function ask<T>(method: "GET" | "POST", path: string, body?: object, workspace = "ours"): Promise<{ status: number; body: T }> {
  const response = await app.inject({
    method,
    url: `/api/v1/w/${workspace}${path}`,
    headers: { authorization: `Bearer ${tokens.get(workspace) ?? ""}` },
    ...(body !== undefined && { payload: body }),
  });
  return { status: response.statusCode, body: response.json<T>() };
}

const deploy = (path: string, body: object, workspace = "ours") => ask<DeployFlowResponse>("POST", "/flows", { path, ...body }, workspace);
const documentWith = (...modules: object[]) => ({ summary: "A flow", value: { modules } });
const IDENTITY = { type: "identity" };

describe("deploying", () => {
  test("a new version is a 201, the same again a 200 with the same hash, in whatever order its members come", async () => {
    const first = await deploy("f/a/same", { document: { summary: "S", value: { modules: [{ id: "a", value: IDENTITY }], priority: 3 } } });
    expect(first).toMatchObject({ status: 201, body: { path: "f/a/same", summary: "S", created: true, created_by: "ours", ignored: [] } });
    const again = await deploy("f/a/same", { document: { value: { priority: 3, modules: [{ value: IDENTITY, id: "a" }] }, summary: "S" } });
    expect(again).toEqual({ status: 200, body: { ...first.body, created: false } });
    const elsewhere = await deploy("f/a/other", { document: { summary: "S", value: { modules: [{ id: "a", value: IDENTITY }], priority: 3 } } });
    expect(elsewhere.body.hash).not.toBe(first.body.hash);
  });

  test("a document comes back as it was deployed, with what nobody reads", async () => {
    const document = {
      ...documentWith({ id: "a", value: { ...IDENTITY, colour: "red" }, x: null }),
      edited_by: "ada",
      schema: { order: ["b", "a"], type: "object" },
    };
    const { body } = await deploy("f/a/kept", { document });
    expect(body.ignored).toEqual(["/edited_by", "/value/modules/0/x", "/value/modules/0/value/colour"]);
    const kept = await ask<FlowWithDocument>("GET", "/flows/by-path?path=f/a/kept");
    expect(kept).toMatchObject({ status: 200, body: { hash: body.hash, ignored: body.ignored } });
    expect(JSON.stringify(kept.body.document)).toBe(JSON.stringify(document));
    expect(kept.body.yaml).toBeUndefined();
  });

  test("YAML comes back byte for byte, and another comment is another version", async () => {
    const yaml = "# why\nsummary: From YAML\nvalue:\n  modules:\n    - {id: a, value: {type: identity}}\n";
    const first = await deploy("f/a/yaml", { yaml });
    expect(first).toMatchObject({ status: 201, body: { summary: "From YAML" } });
    expect((await deploy("f/a/yaml", { yaml })).body).toMatchObject({ created: false, hash: first.body.hash });
    const kept = await ask<FlowWithDocument>("GET", `/flows/by-hash/${first.body.hash}`);
    expect(kept.body).toMatchObject({ yaml, document: { summary: "From YAML", value: { modules: [{ id: "a", value: { type: "identity" } }] } } });
    expect((await deploy("f/a/yaml", { yaml: yaml.replace("why", "because") })).body.hash).not.toBe(first.body.hash);
  });

  test("everything that is wrong is told in one answer: fields, expressions, and what is not there", async () => {
    const document = documentWith(
      { id: "a", value: { type: "script", path: "f/tools/counts" } },
      { id: "b", value: { type: "flow", path: "f/a/missing" }, timeout: "soon" },
      { id: "c", value: IDENTITY, skip_if: { expr: "1 +" } },
    );
    const { status, body } = await ask<Problem>("POST", "/flows", { path: "f/a/wrong", document });
    expect({ status, body }).toMatchObject({
      status: 400,
      body: {
        code: "invalid_argument",
        detail: "the flow is not right: step a: there is no script at f/tools/counts: did you mean f/tools/count? (and 3 more)",
        errors: [
          { pointer: "/document/value/modules/0/value/path", message: expect.any(String) },
          { pointer: "/document/value/modules/1/timeout", message: "step b: timeout must be {type: static, value} or {type: javascript, expr}" },
          { pointer: "/document/value/modules/1/value/path", message: "step b: there is no flow at f/a/missing: deploy it first" },
          { pointer: "/document/value/modules/2/skip_if/expr" },
        ],
      },
    });
    expect((await ask("GET", "/flows/by-path?path=f/a/wrong")).status).toBe(404);
  });

  test("a form that is no JSON Schema is refused with the name of its step; one as editors save it is taken", async () => {
    const asks = (id: string, schema: object) => ({ id, value: IDENTITY, suspend: { required_events: 1, resume_form: { schema } } });
    const sound = {
      $schema: "https://json-schema.org/draft/2020-12/schema",
      type: "object",
      order: [],
      required: [],
      properties: { a: { type: "string", enum: null } },
    };
    const loop = { type: "forloopflow", iterator: { type: "static", value: [1] }, skip_failures: false, modules: [asks("inside", { $ref: "#/nowhere" })] };
    const document = documentWith(asks("good", sound), asks("bad", { type: "text" }), { id: "loop", value: loop });
    const { status, body } = await ask<Problem>("POST", "/flows", { path: "f/a/forms", document });
    expect({ status, body }).toMatchObject({
      status: 400,
      body: {
        detail: expect.stringContaining("the flow is not right: step bad: suspend.resume_form.schema is no JSON Schema: "),
        errors: [
          { pointer: "/document/value/modules/1/suspend/resume_form/schema", message: expect.stringContaining("type") },
          { pointer: "/document/value/modules/2/value/modules/0/suspend/resume_form/schema", message: expect.stringContaining("step inside") },
        ],
      },
    });
    expect(
      (await deploy("f/a/forms", { document: documentWith(asks("good", sound), asks("two", { $id: "same" }), asks("three", { $id: "same" })) })).status,
    ).toBe(201);
  });

  test("steps may run scripts, versions of scripts and flows that are there, and the flow itself", async () => {
    await deploy("f/a/sub", { document: documentWith({ id: "a", value: IDENTITY }) });
    const run = (hash: string, flow: string) =>
      ask<Problem>("POST", "/flows", {
        path: "f/a/recursive",
        document: documentWith(
          { id: "a", value: { type: "script", path: "f/tools/count" } },
          { id: "b", value: { type: "script", path: "f/tools/count", hash } },
          { id: "c", value: { type: "branchone", branches: [{ expr: "true", modules: [{ id: "d", value: { type: "flow", path: flow } }] }], default: [] } },
          { id: "e", value: { type: "flow", path: "f/a/recursive" } },
        ),
      });
    expect((await run(scriptHash, "f/a/sub")).status).toBe(201);
    expect((await run("0".repeat(64), "f/a/subs")).body.errors).toEqual([
      { pointer: "/document/value/modules/1/value/hash", message: `step b: f/tools/count has no version ${"0".repeat(64)}` },
      { pointer: "/document/value/modules/2/value/branches/0/modules/0/value/path", message: "step d: there is no flow at f/a/subs: did you mean f/a/sub?" },
    ]);
  });

  test("arguments of scripts are compared with what these take", async () => {
    const content = "def main(csv: str, largest: int = 5): ...";
    await deployScript(
      pool,
      createScriptCache(pool, () => 0),
      ours,
      "test",
      { path: "f/tools/report", language: "python3", content },
    );
    const run = (names: readonly string[]) =>
      ask<Problem>("POST", "/flows", {
        path: "f/a/inputs",
        document: documentWith({
          id: "a",
          value: { type: "script", path: "f/tools/report", input_transforms: Object.fromEntries(names.map((name) => [name, { type: "static", value: 1 }])) },
        }),
      });
    expect((await run(["csv"])).status).toBe(201);
    expect((await run(["csv", "largest"])).status).toBe(201);
    expect((await run(["cvs"])).body.errors).toEqual([
      { pointer: "/document/value/modules/0/value/input_transforms", message: "step a: f/tools/report needs the argument csv" },
      { pointer: "/document/value/modules/0/value/input_transforms/cvs", message: "step a: f/tools/report has no argument cvs: it takes csv, largest" },
    ]);
  });

  test.each<[string, object, number, string]>([
    ["neither document nor YAML", {}, 400, "give exactly one of document and yaml"],
    ["both", { document: {}, yaml: "a: 1" }, 400, "give exactly one of document and yaml"],
    ["broken YAML", { yaml: "a: [1" }, 400, "the YAML cannot be read: line 1"],
    ["YAML that is no flow", { yaml: "- a" }, 400, "a flow is an object with the members summary and value"],
    ["too large a document", { document: { summary: "x".repeat(1024 * 1024) } }, 413, "the flow is larger than 1048576 bytes"],
    ["too large a YAML", { yaml: "x".repeat(1024 * 1024 + 1) }, 413, "the YAML cannot be read: is larger than 1048576 bytes"],
  ])("%s is refused", async (_name, body, status, detail) => {
    expect(await ask<Problem>("POST", "/flows", { path: "f/a/refused", ...body })).toMatchObject({ status, body: { detail: expect.stringContaining(detail) } });
  });
});

describe("looking", () => {
  test("lists current versions by path, paged, and all versions of one path, the newest first", async () => {
    for (const [path, summary] of [
      ["f/list/b", "one"],
      ["f/list/a", "first"],
      ["f/list/b", "two"],
      ["f/list/b", "three"],
      ["f/list/b", "one"],
    ] as const)
      await deploy(path, { document: { ...documentWith({ id: "a", value: IDENTITY }), summary } });
    const page = await ask<{ flows: FlowView[]; next_cursor: string }>("GET", "/flows?prefix=f/list/&limit=1");
    expect(page.body).toMatchObject({ flows: [{ path: "f/list/a", summary: "first" }], next_cursor: "f/list/a" });
    const rest = await ask<{ flows: FlowView[] }>("GET", "/flows?prefix=f/list/&cursor=f/list/a");
    expect(rest.body).toEqual({ flows: [expect.objectContaining({ path: "f/list/b", summary: "one" })] });
    const versions = await ask<{ versions: FlowView[]; next_cursor: string }>("GET", "/flows/versions?path=f/list/b&limit=2");
    expect(versions.body.versions.map(({ summary }) => summary)).toEqual(["three", "two"]);
    const older = await ask<{ versions: FlowView[] }>("GET", `/flows/versions?path=f/list/b&cursor=${versions.body.next_cursor}`);
    expect(older.body).toEqual({ versions: [expect.objectContaining({ summary: "one" })] });
  });

  test("what is not there is a 404 that names what is", async () => {
    await deploy("f/look/report", { document: documentWith({ id: "a", value: IDENTITY }) });
    expect(await ask<Problem>("GET", "/flows/by-path?path=f/look/repor")).toMatchObject({ status: 404, body: { hint: "did you mean f/look/report?" } });
    expect(await ask<Problem>("GET", `/flows/by-hash/${"0".repeat(64)}`)).toMatchObject({ status: 404 });
  });

  test("a workspace sees and runs nothing of another", async () => {
    const { body } = await deploy("f/own/secret", { document: documentWith({ id: "a", value: IDENTITY }) });
    expect((await ask("GET", "/flows/by-path?path=f/own/secret", undefined, "theirs")).status).toBe(404);
    expect((await ask("GET", `/flows/by-hash/${body.hash}`, undefined, "theirs")).status).toBe(404);
    expect((await ask<{ flows: unknown[] }>("GET", "/flows", undefined, "theirs")).body.flows).toEqual([]);
    const uses = documentWith({ id: "a", value: { type: "flow", path: "f/own/secret" } }, { id: "b", value: { type: "script", path: "f/tools/count" } });
    expect((await ask<Problem>("POST", "/flows", { path: "f/a/thief", document: uses }, "theirs")).body.errors).toHaveLength(2);
  });
});

describe("the cache", () => {
  test("has a deploy of this replica at once, and what another deployed within a second", async () => {
    let nowMs = 0;
    const other = createFlowCache(pool, () => nowMs);
    const first = await deploy("f/cache/x", { document: { ...documentWith({ id: "a", value: IDENTITY }), summary: "1" } });
    expect((await other.current(ours.id, "f/cache/x"))?.hash).toBe(first.body.hash);
    const second = await deploy("f/cache/x", { document: { ...documentWith({ id: "a", value: IDENTITY }), summary: "2" } });
    expect((await cache.current(ours.id, "f/cache/x"))?.hash).toBe(second.body.hash);
    expect((await other.current(ours.id, "f/cache/x"))?.hash).toBe(first.body.hash);
    nowMs = 1000;
    expect((await other.current(ours.id, "f/cache/x"))?.hash).toBe(second.body.hash);
  });

  test("keeps definitions up to a size, those used last", async () => {
    const hashes: string[] = [];
    for (const id of ["a", "b", "c"]) hashes.push((await deploy(`f/size/${id}`, { document: documentWith({ id, value: IDENTITY }) })).body.hash);
    const [a = "", b = "", c = ""] = hashes;
    const small = createFlowCache(pool, () => 0, 2 * JSON.stringify(documentWith({ id: "a", value: IDENTITY })).length);
    const loaded = await small.loadVersion(ours.id, a);
    expect(loaded?.definition.modules).toEqual([{ id: "a", value: { kind: "identity", inputs: {} } }]);
    await small.loadVersion(ours.id, b);
    expect(small.version(ours.id, a)).toBe(loaded);
    await small.loadVersion(ours.id, c);
    expect([a, b, c].map((hash) => small.version(ours.id, hash) !== undefined)).toEqual([true, false, true]);
  });
});
