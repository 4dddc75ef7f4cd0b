import { expect, test } from "vitest";
import { MIGRATIONS_FOLDER } from "./migrate.ts";
import { readMigrations } from "./migration-files.ts";
import { indexesAhead, newIndexOf } from "./online-index.ts";
import { splitStatements } from "./split-statements.ts";

test("a statement that makes an index is taken apart", () => {
  expect(newIndexOf("-- why\n-- and how\nCREATE INDEX mill_id ON mill (id DESC, name) INCLUDE (colour)\n WHERE id > 0;")).toEqual({
    name: "mill_id",
    unique: false,
    table: "mill",
    definition: "(id DESC, name) INCLUDE (colour)\n WHERE id > 0",
  });
  expect(newIndexOf("create unique index concurrently if not exists mill_id on mill(id)")).toMatchObject({ name: "mill_id", unique: true, definition: "(id)" });
  expect(newIndexOf("create index mill_words on mill using gin (words)")).toMatchObject({ definition: "using gin (words)" });
});

test("what is no index, or is one of the parent alone, is left as it is", () => {
  for (const statement of ["create table mill (id int)", "create index mill_id on only mill (id)", "drop index mill_id", "alter index mill_id rename to a"])
    expect(newIndexOf(statement)).toBeUndefined();
});

test("indexes are built ahead of a file that is about indexes alone", () => {
  expect(indexesAhead("-- why\ncreate index a on mill (a); drop index b; create index c on mill (c);").map(({ name }) => name)).toEqual(["a", "c"]);
  expect(indexesAhead("alter table mill add column a int; create index a on mill (a);")).toEqual([]);
});

test("no migration holds up whoever writes to a partitioned table while it makes an index, but for one of the queue in its early days", () => {
  const partitioned = new Set<string>();
  const offline: string[] = [];
  for (const { name, sql } of readMigrations(MIGRATIONS_FOLDER)) {
    const ahead = new Set(indexesAhead(sql).map((index) => index.name));
    for (const index of splitStatements(sql).flatMap((statement) => newIndexOf(statement) ?? []))
      if (partitioned.has(index.table) && !ahead.has(index.name)) offline.push(`${name}: ${index.name}`);
    for (const [, table] of sql.matchAll(/^create table (\w+) \([^;]*?^\) partition by/gims)) partitioned.add(String(table));
  }
  expect([...partitioned]).toContain("job_done");
  expect(offline).toEqual(["order", "deferred", "due", "expiry"].map((index) => `0030_add_time_and_outcome.sql: job_pending_${index}`));
});
