import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client } from "pg";
import { afterEach, beforeEach, expect, test } from "vitest";
import { migrate } from "./migrate.ts";
import { createEmptyTestDatabase, createTestDatabase, type TestDatabase } from "./test-database.ts";

let database: TestDatabase;
let folder: string;

beforeEach(async () => {
  database = await createEmptyTestDatabase();
  folder = mkdtempSync(join(tmpdir(), "millrace-migrations-"));
});

afterEach(async () => {
  await database.drop();
  rmSync(folder, { recursive: true, force: true });
});

function write(name: string, sql: string): void {
  writeFileSync(join(folder, name), sql);
}

async function query(sql: string): Promise<Record<string, unknown>[]> {
  const client = new Client({ connectionString: database.url });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows;
  } finally {
    await client.end();
  }
}

test("applies files in order, once", async () => {
  write("0002_add_colour.sql", "alter table mill add column colour text not null default 'red';");
  write("0001_create_mill.sql", "create table mill (id int primary key); insert into mill values (1);");
  expect(await migrate(database.url, { folder })).toEqual({ applied: ["0001_create_mill.sql", "0002_add_colour.sql"] });
  expect(await query("select * from mill")).toEqual([{ id: 1, colour: "red" }]);
  expect(await migrate(database.url, { folder })).toEqual({ applied: [] });
  write("0003_fill_mill.sql", "insert into mill values (2);");
  expect(await migrate(database.url, { folder })).toEqual({ applied: ["0003_fill_mill.sql"] });
});

test("several processes at once apply each file exactly once", async () => {
  write("0001_create_mill.sql", "create table mill (id int); select pg_sleep(0.1);");
  write("0002_fill_mill.sql", "insert into mill values (1);");
  write("0003_index_mill.sql", "-- no-transaction\ncreate index concurrently mill_id on mill (id);");
  const results = await Promise.all([1, 2, 3].map(() => migrate(database.url, { folder })));
  expect(results.flatMap((result) => result.applied).sort()).toEqual(["0001_create_mill.sql", "0002_fill_mill.sql", "0003_index_mill.sql"]);
  expect(await query("select count(*)::int as rows from mill")).toEqual([{ rows: 1 }]);
});

test("a file that fails leaves nothing behind, and says where it failed", async () => {
  write("0001_create_mill.sql", "create table mill (id int);");
  write("0002_break_mill.sql", "insert into mill values (1);\ninsert into\n  nowhere values (1);");
  await expect(migrate(database.url, { folder })).rejects.toMatchObject({
    code: "failed_precondition",
    message: expect.stringMatching(/0002_break_mill\.sql failed \(line 3\).*"nowhere" does not exist/),
  });
  expect(await query("select count(*)::int as rows from mill")).toEqual([{ rows: 0 }]);
  expect(await query("select name from schema_migration")).toEqual([{ name: "0001_create_mill.sql" }]);
  write("0002_break_mill.sql", "insert into mill values (1);");
  expect(await migrate(database.url, { folder })).toEqual({ applied: ["0002_break_mill.sql"] });
});

test("a file that was changed after it was applied is refused by name; other line ends are no change", async () => {
  write("0001_create_mill.sql", "create table mill (id int);\n");
  await migrate(database.url, { folder });
  write("0001_create_mill.sql", "create table mill (id int);\r\n");
  expect(await migrate(database.url, { folder })).toEqual({ applied: [] });
  write("0001_create_mill.sql", "create table mill (id bigint);\n");
  await expect(migrate(database.url, { folder })).rejects.toMatchObject({
    code: "failed_precondition",
    message: expect.stringContaining("0001_create_mill.sql was changed"),
  });
});

test("a database from a newer build is refused, and so is a late number", async () => {
  write("0001_create_mill.sql", "create table mill (id int);");
  write("0003_create_race.sql", "create table race (id int);");
  await migrate(database.url, { folder });
  write("0002_create_pond.sql", "create table pond (id int);");
  await expect(migrate(database.url, { folder })).rejects.toMatchObject({
    code: "failed_precondition",
    message: expect.stringContaining("0002_create_pond.sql comes before version 3"),
  });
  rmSync(join(folder, "0002_create_pond.sql"));
  rmSync(join(folder, "0003_create_race.sql"));
  await expect(migrate(database.url, { folder })).rejects.toMatchObject({
    code: "failed_precondition",
    message: expect.stringContaining("schema version 3, this build knows only 1"),
  });
});

test("a busy table makes it give way and try again", async () => {
  write("0001_create_mill.sql", "create table mill (id int);");
  await migrate(database.url, { folder });
  const reader = new Client({ connectionString: database.url });
  await reader.connect();
  try {
    await reader.query("begin; lock table mill in access share mode");
    write("0002_add_colour.sql", "alter table mill add column colour text;");
    const running = migrate(database.url, { folder, lockTimeoutMs: 100 });
    const waiting = async (): Promise<unknown> =>
      (await query("select count(*)::int as n from pg_locks where not granted and relation = 'mill'::regclass"))[0]?.["n"];
    await expect.poll(waiting).toBe(1);
    // Between two tries nobody queues behind it.
    await expect.poll(waiting).toBe(0);
    await reader.query("commit");
    expect(await running).toEqual({ applied: ["0002_add_colour.sql"] });
  } finally {
    await reader.end();
  }
});

test("a concurrent index that failed half-way is rebuilt by the next run", async () => {
  write("0001_create_mill.sql", "create table mill (id int); insert into mill values (1), (1);");
  write("0002_index_mill.sql", "-- no-transaction\ncreate unique index concurrently if not exists mill_id on mill (id);");
  await expect(migrate(database.url, { folder })).rejects.toMatchObject({ message: expect.stringContaining("0002_index_mill.sql failed") });
  expect(await query("select indisvalid from pg_index where indexrelid = 'mill_id'::regclass")).toEqual([{ indisvalid: false }]);
  await query("delete from mill where ctid = (select min(ctid) from mill)");
  expect(await migrate(database.url, { folder })).toEqual({ applied: ["0002_index_mill.sql"] });
  expect(await query("select indisvalid from pg_index where indexrelid = 'mill_id'::regclass")).toEqual([{ indisvalid: true }]);
});

test("names that break the rule and double numbers are refused before anything runs", async () => {
  write("1_create_mill.sql", "create table mill (id int);");
  await expect(migrate(database.url, { folder })).rejects.toMatchObject({
    code: "failed_precondition",
    message: expect.stringContaining("NNNN_verb_noun.sql"),
  });
  rmSync(join(folder, "1_create_mill.sql"));
  write("0001_create_mill.sql", "create table mill (id int);");
  write("0001_create_race.sql", "create table race (id int);");
  await expect(migrate(database.url, { folder })).rejects.toMatchObject({ code: "failed_precondition", message: expect.stringContaining("same number") });
});

test("a file that ends its own transaction is refused", async () => {
  write("0001_create_mill.sql", "create table mill (id int); commit;");
  await expect(migrate(database.url, { folder })).rejects.toMatchObject({
    code: "failed_precondition",
    message: expect.stringContaining("ends its own transaction"),
  });
});

test("a server that is not there is a plain unavailable", async () => {
  await expect(migrate("postgres://nobody@127.0.0.1:1/none", { folder })).rejects.toMatchObject({ code: "unavailable" });
});

test("copies of the template carry the repository's schema and are independent", async () => {
  const [one, two] = await Promise.all([createTestDatabase(), createTestDatabase()]);
  try {
    expect(one.url).not.toBe(two.url);
    expect(await migrate(one.url)).toEqual({ applied: [] });
  } finally {
    await Promise.all([one.drop(), two.drop()]);
  }
});
