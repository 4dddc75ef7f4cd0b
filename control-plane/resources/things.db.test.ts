import { randomBytes } from "node:crypto";
import type pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { asWorkspaceId, type WorkspaceId } from "../../kernel/ids.ts";
import { createTestDatabase, openTestPool, type TestDatabase } from "../db/test-database.ts";
import { createKeyRing } from "../secrets/key-ring.ts";
import { loadMasterKeys } from "../secrets/master-keys.ts";
import { createVariables, type Variables } from "../variables/variables.ts";
import { createReferences, type References } from "./references.ts";
import { insertResourceType } from "./resource-type-store.ts";
import { createResources, type Resources } from "./resources.ts";
import { createSchemaCheck } from "./schema-check.ts";

/** Half of what is usual: one test waits for it. */
const CHECK_WITHIN_MS = 1000;

let database: TestDatabase;
let pool: pg.Pool;
let ours: WorkspaceId;
let theirs: WorkspaceId;
let variables: Variables;
let resources: Resources;
let references: References;

beforeAll(async () => {
  database = await createTestDatabase();
  pool = openTestPool(database.url);
  const { rows } = await pool.query<{ id: string }>("INSERT INTO workspace (name) VALUES ('ours'), ('theirs') RETURNING id::text");
  [ours, theirs] = rows.map((row) => asWorkspaceId(row.id)) as [WorkspaceId, WorkspaceId];
  const masters = await loadMasterKeys(randomBytes(32).toString("base64"), "", () => Promise.resolve(false));
  variables = createVariables(pool, createKeyRing(pool, masters));
  resources = createResources(pool, createSchemaCheck(CHECK_WITHIN_MS));
  references = createReferences(pool, variables);
});
afterAll(async () => {
  await pool.end();
  await database.drop();
});

const plain = (workspace: WorkspaceId, path: string, value: string) => variables.put(workspace, path, { value }, "test", {});
const resource = (path: string, type: string, value: unknown) => resources.put(ours, path, { type, value }, "test", {});

describe("variables", () => {
  test("are made, changed and deleted, each change with a new revision", async () => {
    const made = await variables.put(ours, "f/v/a", { value: "1", description: "first" }, "ann", {});
    expect(made).toMatchObject({ created: true, stored: { revision: 1, createdBy: "ann", value: { kind: "plain", value: "1" } } });
    const changed = await variables.put(ours, "f/v/a", { value: "2" }, "bob", { "if-match": '"1"' });
    expect(changed).toMatchObject({ created: false, stored: { revision: 2, createdBy: "ann", updatedBy: "bob", description: "first" } });
    await expect(variables.put(ours, "f/v/a", { value: "3" }, "bob", { "if-match": '"1"' })).rejects.toMatchObject({ code: "aborted" });
    await expect(variables.put(ours, "f/v/a", { value: "3" }, "bob", { "if-none-match": "*" })).rejects.toMatchObject({ code: "aborted" });
    await expect(variables.put(ours, "f/v/none", { value: "3" }, "bob", { "if-match": "*" })).rejects.toMatchObject({ code: "aborted" });
    await expect(variables.put(ours, "f/v/a", { value: "3" }, "bob", { "if-match": "1" })).rejects.toMatchObject({ code: "invalid_argument" });
    await expect(variables.remove(ours, "f/v/a", "test", { "if-match": '"1"' })).rejects.toMatchObject({ code: "aborted" });
    await variables.remove(ours, "f/v/a", "test", { "if-match": '"2"' });
    await expect(variables.remove(ours, "f/v/a", "test", {})).rejects.toMatchObject({ code: "not_found" });
  });

  test("of two writers at a time none is lost without knowing it", async () => {
    await plain(ours, "f/v/count", "0");
    const add = async (): Promise<void> => {
      for (;;) {
        const before = await variables.find(ours, "f/v/count");
        const count = before?.value.kind === "plain" ? Number(before.value.value) : Number.NaN;
        try {
          await variables.put(ours, "f/v/count", { value: String(count + 1) }, "test", { "if-match": `"${before?.revision}"` });
          return;
        } catch (error) {
          expect(error).toMatchObject({ code: "aborted" });
        }
      }
    };
    await Promise.all(Array.from({ length: 8 }, add));
    expect((await variables.open(ours, ["f/v/count"])).get("f/v/count")?.value).toBe("8");
  });

  test("that are secret do not become plain, nor plain ones secret, without a new value", async () => {
    await variables.put(ours, "f/v/s", { value: "hidden", is_secret: true }, "test", {});
    await expect(variables.put(ours, "f/v/s", { is_secret: false }, "test", {})).rejects.toMatchObject({ code: "invalid_argument" });
    await variables.put(ours, "f/v/s", { description: "only this" }, "test", {});
    expect((await variables.open(ours, ["f/v/s"])).get("f/v/s")).toEqual({ value: "hidden", isSecret: true });
    await variables.put(ours, "f/v/s", { value: "open", is_secret: false }, "test", {});
    expect((await variables.open(ours, ["f/v/s"])).get("f/v/s")).toEqual({ value: "open", isSecret: false });
  });

  test("are listed page by page in the order of their paths, those of the workspace alone", async () => {
    for (const name of ["c", "a", "b"]) await plain(ours, `f/list/${name}`, name);
    await plain(theirs, "f/list/d", "d");
    const first = await variables.list(ours, { prefix: "f/list/", after: "", limit: 2 });
    expect(first.map(({ path }) => path)).toEqual(["f/list/a", "f/list/b"]);
    expect((await variables.list(ours, { prefix: "f/list/", after: "f/list/b", limit: 2 })).map(({ path }) => path)).toEqual(["f/list/c"]);
    expect(JSON.stringify(first)).not.toContain("value");
  });
});

describe("resources", () => {
  test("keep their type, and large numbers their digits", async () => {
    await resource("f/r/a", "thing", { n: 1 });
    await expect(resource("f/r/a", "other", {})).rejects.toMatchObject({ code: "failed_precondition", message: "resource f/r/a has the type thing" });
    await expect(resources.put(ours, "f/r/new", { value: 1 }, "test", {})).rejects.toMatchObject({ code: "invalid_argument" });
    await expect(resource("f/r/big", "thing", "x".repeat(300_000))).rejects.toMatchObject({ code: "out_of_range" });
    expect((await resources.put(ours, "f/r/a", { value: [2] }, "test", { "if-match": '"1"' })).stored).toMatchObject({
      value: "[2]",
      revision: 2,
      type: "thing",
    });
  });

  test("are checked against the schema of their type; what stands for something else fits everywhere", async () => {
    const schema = JSON.stringify({
      type: "object",
      required: ["host", "port"],
      properties: { host: { type: "string" }, port: { type: "integer" }, tls: { type: "boolean" } },
    });
    await insertResourceType(pool, ours, { name: "db", description: "", schema, by: "test" });
    await expect(resource("f/r/db", "db", { host: "h", port: "x" })).rejects.toMatchObject({ code: "invalid_argument", fields: [{ pointer: "/value/port" }] });
    await expect(resource("f/r/db", "db", { host: "h" })).rejects.toMatchObject({ code: "invalid_argument" });
    expect((await resource("f/r/db", "db", { host: "h", port: "$var:f/r/port" })).created).toBe(true);
    // Nor does it hide what is wrong beside it.
    const beside = resource("f/r/db", "db", { host: 1, port: "$var:f/r/port", tls: "no" });
    await expect(beside).rejects.toMatchObject({ fields: [{ pointer: "/value/host" }, { pointer: "/value/tls" }] });
    await expect(resource("f/r/db", "db", { host: "h", port: "$var:f/r/port", tls: "no" })).rejects.toMatchObject({ fields: [{ pointer: "/value/tls" }] });
  });

  test("a schema that would never end ends with an error, and others are checked meanwhile", async () => {
    await insertResourceType(pool, ours, { name: "slow", description: "", schema: JSON.stringify({ type: "string", pattern: "^(a+)+$" }), by: "test" });
    const slow = resource("f/r/slow", "slow", `${"a".repeat(40)}!`);
    const outcome = expect(slow).rejects.toMatchObject({ code: "invalid_argument", message: expect.stringContaining("takes more than 1 s") });
    expect((await resource("f/r/db2", "db", { host: "h", port: 1 })).created).toBe(true);
    await outcome;
  });

  test("of the type state are listed only when they are asked for", async () => {
    await resource("f/r/script.state", "state", { seen: 3 });
    const page = { prefix: "f/r/", after: "", limit: 50 };
    expect((await resources.list(ours, undefined, page)).map(({ path }) => path)).not.toContain("f/r/script.state");
    expect((await resources.list(ours, "state", page)).map(({ path }) => path)).toEqual(["f/r/script.state"]);
    expect(await resources.find(theirs, "f/r/script.state")).toBeUndefined();
  });
});

describe("references", () => {
  const resolve = (value: unknown) => references.resolve(ours, JSON.stringify(value));

  test("become what they stand for, at any depth and by way of resources; secrets are named", async () => {
    await plain(ours, "f/x/host", "db.example.com");
    await variables.put(ours, "f/x/password", { value: "hunter2-hunter2", is_secret: true }, "test", {});
    await resource("f/x/login", "login", { user: "me", password: "$var:f/x/password" });
    await resource("f/x/db", "database", { host: "$var:f/x/host", login: "$res:f/x/login" });
    expect(await resolve({ db: "$res:f/x/db", list: [["$var:f/x/host"]], text: "see $var:f/x/host", n: 1 })).toEqual({
      kind: "resolved",
      json: '{"db":{"host":"db.example.com","login":{"user":"me","password":"hunter2-hunter2"}},"list":[["db.example.com"]],"text":"see $var:f/x/host","n":1}',
      secrets: ["hunter2-hunter2"],
    });
  });

  test("leave large numbers and text that looks like a reference inside of a variable as they are", async () => {
    await plain(ours, "f/x/odd", "$res:f/x/db");
    expect(await references.resolve(ours, '{"n":12345678901234567890,"v":"$var:f/x/odd"}')).toMatchObject({
      json: '{"n":12345678901234567890,"v":"$res:f/x/db"}',
    });
    const untouched = '{"a" : 1.0}';
    expect(await references.resolve(ours, untouched)).toEqual({ kind: "resolved", json: untouched, secrets: [] });
  });

  test("count in the members that may refer to anything, and are text in all others", async () => {
    const json = '{"a":"$var:f/x/host","n":12345678901234567890,"b":["$var:f/x/host"]}';
    expect(await references.resolve(ours, json, undefined, ["b"])).toEqual({
      kind: "resolved",
      json: '{"a":"$var:f/x/host","n":12345678901234567890,"b":["db.example.com"]}',
      secrets: [],
    });
  });

  test("that lead nowhere are named, those of other workspaces too", async () => {
    await plain(theirs, "f/x/theirs", "secret");
    await resource("f/x/broken", "thing", { a: "$var:f/x/gone" });
    expect(await resolve({ a: "$var:f/x/theirs" })).toEqual({
      kind: "unresolved",
      message: "$var:f/x/theirs: there is no variable f/x/theirs in this workspace",
    });
    expect(await resolve({ a: "$res:f/x/missing" })).toMatchObject({ message: "$res:f/x/missing: there is no resource f/x/missing in this workspace" });
    expect(await resolve({ a: "$res:f/x/broken" })).toMatchObject({
      message: expect.stringMatching(/no variable f\/x\/gone .*, which \$res:f\/x\/broken refers to$/),
    });
  });

  test("that go in circles, are too many or become too large end with an error", async () => {
    await resource("f/x/one", "thing", { a: "$res:f/x/two" });
    await resource("f/x/two", "thing", { a: "$res:f/x/one" });
    expect(await resolve({ a: "$res:f/x/one" })).toMatchObject({ kind: "unresolved", message: expect.stringContaining("more than 8 levels deep") });
    await resource(
      "f/x/wide",
      "thing",
      Array.from({ length: 1000 }, () => "$res:f/x/large"),
    );
    await resource("f/x/large", "thing", "x".repeat(10_000));
    expect(await resolve({ a: "$res:f/x/wide" })).toMatchObject({ kind: "unresolved", message: expect.stringContaining("larger than") });
    expect(await resolve(Array.from({ length: 300 }, (_, at) => `$var:f/x/v${at}`))).toMatchObject({
      message: expect.stringContaining("more than 200 different"),
    });
  });
});
