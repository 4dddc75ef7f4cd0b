import { randomBytes } from "node:crypto";
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { pino } from "pino";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { asWorkspaceId, type WorkspaceId } from "../../kernel/ids.ts";
import { createTestDatabase, openTestPool, type TestDatabase } from "../db/test-database.ts";
import { createVariables } from "../variables/variables.ts";
import { createKeyRing } from "./key-ring.ts";
import { hasKeys, keyUses } from "./key-store.ts";
import { loadMasterKeys, type MasterKeys } from "./master-keys.ts";
import { SecretRotation } from "./rotation.ts";

const SECRET = "hunter2-hunter2";
const newKey = (): string => randomBytes(32).toString("base64");
const keysOf = (...texts: string[]): Promise<MasterKeys> => loadMasterKeys(texts.join(","), "/nowhere", () => Promise.resolve(false));

let database: TestDatabase;
let pool: pg.Pool;
let ours: WorkspaceId;
let theirs: WorkspaceId;
let folder: string;

beforeAll(async () => {
  database = await createTestDatabase();
  pool = openTestPool(database.url);
  const { rows } = await pool.query<{ id: string }>("INSERT INTO workspace (name) VALUES ('ours'), ('theirs') RETURNING id::text");
  [ours, theirs] = rows.map((row) => asWorkspaceId(row.id)) as [WorkspaceId, WorkspaceId];
  folder = mkdtempSync(join(tmpdir(), "millrace-keys-"));
});
beforeEach(async () => {
  await pool.query("DELETE FROM variable");
  await pool.query("DELETE FROM workspace_key");
});
afterAll(async () => {
  await pool.end();
  await database.drop();
  rmSync(folder, { recursive: true });
});

async function openWith(masters: MasterKeys) {
  const keys = createKeyRing(pool, masters);
  const variables = createVariables(pool, keys);
  const rotation = new SecretRotation(pool, keys, variables, pino({ level: "silent" }));
  const put = (workspace: WorkspaceId, path: string, value: string) => variables.put(workspace, path, { value, is_secret: true }, "test", {});
  const read = async (workspace: WorkspaceId, path: string) => (await variables.open(workspace, [path])).get(path)?.value;
  return { keys, variables, rotation, put, read };
}

describe("secrets at rest", () => {
  test("are nowhere in the database, and differ in each row", async () => {
    const { put } = await openWith(await keysOf(newKey()));
    for (const path of ["f/a/one", "f/a/two"]) await put(ours, path, SECRET);
    const { rows } = await pool.query<{ text: string; sealed: Buffer }>("SELECT v::text AS text, sealed FROM variable v ORDER BY path");
    const [one, two] = rows;
    for (const { text, sealed } of rows) {
      expect(text).not.toContain(SECRET);
      expect(text).not.toContain(Buffer.from(SECRET).toString("hex"));
      expect(sealed.includes(SECRET)).toBe(false);
    }
    expect(one?.sealed.equals(two?.sealed ?? Buffer.alloc(0))).toBe(false);
  });

  test("do not open at another path or in another workspace, whatever somebody does to the rows", async () => {
    const { put, read } = await openWith(await keysOf(newKey()));
    await put(ours, "f/a/one", SECRET);
    await put(ours, "f/a/two", "something else");
    await put(theirs, "f/a/one", "theirs");
    await pool.query(
      "UPDATE variable SET sealed = (SELECT sealed FROM variable WHERE workspace_id = $1 AND path = 'f/a/one') WHERE path <> 'f/a/one' OR workspace_id = $2",
      [ours, theirs],
    );
    expect(await read(ours, "f/a/one")).toBe(SECRET);
    await expect(read(ours, "f/a/two")).rejects.toThrow("cannot be opened");
    await expect(read(theirs, "f/a/one")).rejects.toThrow("cannot be opened");
  });

  test("are useless to a replica with another master key, which says so", async () => {
    const first = await openWith(await keysOf(newKey()));
    await first.put(ours, "f/a/one", SECRET);
    const other = await openWith(await keysOf(newKey()));
    await expect(other.read(ours, "f/a/one")).rejects.toThrow(/need the master key [0-9a-f]{16}, which this replica does not have/);
    await expect(other.put(ours, "f/a/two", "x")).rejects.toThrow("which this replica does not have");
    await expect((await openWith([])).put(theirs, "f/a/two", "x")).rejects.toThrow("has no master key");
  });
});

describe("rotation", () => {
  test("of a workspace's key seals everything anew while it is read, and deletes the old key", async () => {
    const { put, read, rotation, variables } = await openWith(await keysOf(newKey()));
    const paths = Array.from({ length: 230 }, (_, at) => `f/many/s${at}`);
    for (const path of paths) await put(ours, path, `${SECRET}-${path}`);
    await put(theirs, "f/a/one", "theirs");
    const revision = (await variables.find(ours, "f/many/s7"))?.revision;
    expect(await rotation.rotate(ours, "test")).toBe(2);
    await put(ours, "f/a/new", "sealed with the new key");
    while ((await keyUses(pool, ours)).length > 1) for (const path of ["f/many/s0", "f/many/s229", "f/a/new"]) expect(await read(ours, path)).toBeDefined();
    expect((await keyUses(pool, ours)).map(({ version, secrets }) => ({ version, secrets }))).toEqual([{ version: 2, secrets: 231 }]);
    for (const path of paths) expect(await read(ours, path)).toBe(`${SECRET}-${path}`);
    expect((await variables.find(ours, "f/many/s7"))?.revision).toBe(revision);
    expect((await keyUses(pool, theirs)).map(({ version }) => version)).toEqual([1]);
  });

  test("that was broken off is finished by whoever looks next", async () => {
    const masters = await keysOf(newKey());
    const before = await openWith(masters);
    await before.put(ours, "f/a/one", SECRET);
    await before.keys.rotate(ours, "test");
    const after = await openWith(masters);
    await after.rotation.look();
    expect((await keyUses(pool, ours)).map(({ version, secrets }) => ({ version, secrets }))).toEqual([{ version: 2, secrets: 1 }]);
    expect(await after.read(ours, "f/a/one")).toBe(SECRET);
    expect(await before.read(ours, "f/a/one")).toBe(SECRET);
  });

  test("of the master key seals the keys anew and leaves the secrets as they are; then the old one is not needed any more", async () => {
    const [old, fresh] = [newKey(), newKey()];
    await (await openWith(await keysOf(old))).put(ours, "f/a/one", SECRET);
    const { rows: before } = await pool.query<{ sealed: Buffer }>("SELECT sealed FROM variable");
    const both = await openWith(await keysOf(fresh, old));
    expect(await both.read(ours, "f/a/one")).toBe(SECRET);
    await both.rotation.look();
    const alone = await openWith(await keysOf(fresh));
    expect(await alone.read(ours, "f/a/one")).toBe(SECRET);
    await expect((await openWith(await keysOf(old))).read(ours, "f/a/one")).rejects.toThrow("does not have");
    expect((await pool.query<{ sealed: Buffer }>("SELECT sealed FROM variable")).rows).toEqual(before);
  });

  test("of some is not held up by what others have that nobody can open any more", async () => {
    const [old, fresh] = [newKey(), newKey()];
    const before = await openWith(await keysOf(old));
    for (const workspace of [ours, theirs]) await before.put(workspace, "f/a/one", SECRET);
    // Of the workspace that comes first.
    const [first, second] = Number(ours) < Number(theirs) ? [ours, theirs] : [theirs, ours];
    await before.keys.rotate(first, "test");
    await before.keys.rotate(second, "test");
    await pool.query("UPDATE variable SET sealed = 'damaged' WHERE workspace_id = $1", [first]);
    await pool.query("UPDATE workspace_key SET wrapped = 'damaged' WHERE workspace_id = $1 AND version = 1", [first]);
    const both = await openWith(await keysOf(fresh, old));
    await both.rotation.look();
    expect((await keyUses(pool, second)).map(({ version }) => version)).toEqual([2]);
    expect(await (await openWith(await keysOf(fresh))).read(second, "f/a/one")).toBe(SECRET);
    expect((await keyUses(pool, first)).map(({ version }) => version)).toEqual([2, 1]);
  });

  test("cannot delete a key that something is sealed with", async () => {
    const { put, keys } = await openWith(await keysOf(newKey()));
    await put(ours, "f/a/one", SECRET);
    await keys.rotate(ours, "test");
    await expect(pool.query("DELETE FROM workspace_key WHERE version = 1")).rejects.toThrow(pg.DatabaseError);
  });
});

describe("the file with the master key", () => {
  const file = (): string => join(folder, "master.key");

  test("is made at the first start, for its owner's eyes alone, and used again", async () => {
    const first = await loadMasterKeys(undefined, folder, () => hasKeys(pool));
    expect(statSync(file()).mode & 0o777).toBe(0o600);
    expect(readFileSync(file(), "utf8")).toMatch(/^[A-Za-z0-9+/]{43}=\n$/);
    expect(await loadMasterKeys(undefined, folder, () => Promise.resolve(true))).toEqual(first);
  });

  test("is not made where another key is in use, and is refused when it is damaged or open to others", async () => {
    expect(await loadMasterKeys(undefined, join(folder, "elsewhere"), () => Promise.resolve(true))).toEqual([]);
    chmodSync(file(), 0o644);
    await expect(loadMasterKeys(undefined, folder, () => Promise.resolve(true))).rejects.toThrow("others than its owner may read");
    writeFileSync(file(), "half of a k", { mode: 0o600 });
    chmodSync(file(), 0o600);
    await expect(loadMasterKeys(undefined, folder, () => Promise.resolve(true))).rejects.toThrow("does not hold a master key");
  });
});
