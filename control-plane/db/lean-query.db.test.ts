import type pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { LeanQuery } from "./lean-query.ts";
import { createTestDatabase, openTestPool, type TestDatabase } from "./test-database.ts";

let database: TestDatabase;
let pool: pg.Pool;
let client: pg.PoolClient;
beforeAll(async () => {
  database = await createTestDatabase();
  pool = openTestPool(database.url);
  client = await pool.connect();
});
afterAll(async () => {
  client.release(true);
  await pool.end();
  await database.drop();
});

const ask = (name: string, text: string, ...values: string[]): Promise<string | null | undefined> =>
  new Promise((resolve, reject) => {
    client.query(new LeanQuery({ name, text }, values, { with: resolve, failed: reject }));
  });
const DOUBLE = "SELECT ($1::int * 2)::text WHERE $1::int <> 0";

test("the answer is the text of the row's column, NULL, or nothing without a row", async () => {
  expect([await ask("double", DOUBLE, "21"), await ask("double", DOUBLE, "0"), await ask("null", "SELECT NULL::text")]).toEqual(["42", undefined, null]);
  const odd = 'ü "{,}" \\ 𝄞';
  expect(await ask("same", "SELECT $1::text", odd)).toBe(odd);
});

test("the server parses a statement once", async () => {
  for (const value of ["1", "2", "3"]) await ask("once", DOUBLE.replace("2", "3"), value);
  const { rows } = await client.query("SELECT generic_plans + custom_plans AS plans FROM pg_prepared_statements WHERE name = 'once'");
  expect(rows).toEqual([{ plans: "3" }]);
});

test("after an error of its text or its values the connection goes on, and what failed can be asked again", async () => {
  await expect(ask("wrong", "SELECT nothing")).rejects.toMatchObject({ code: "42703" });
  await expect(ask("wrong", "SELECT nothing")).rejects.toMatchObject({ code: "42703" });
  await expect(ask("fraction", DOUBLE, "x")).rejects.toMatchObject({ code: "22P02" });
  expect(await ask("fraction", DOUBLE, "4")).toBe("8");
});

test("queries of both kinds keep their order and their answers", async () => {
  const answers = await Promise.all([
    ask("double", DOUBLE, "1"),
    client.query<{ n: number }>("SELECT 2 AS n").then(({ rows: [row] }) => row?.n),
    ask("double", DOUBLE, "3"),
  ]);
  expect(answers).toEqual(["2", 2, "6"]);
});

test("a query on a connection that breaks fails", async () => {
  const other = await pool.connect();
  other.on("error", () => undefined);
  const [{ pid }] = (await other.query<{ pid: number }>("SELECT pg_backend_pid() AS pid")).rows as [{ pid: number }];
  const answer = new Promise((resolve, reject) => {
    other.query(new LeanQuery({ name: "sleep", text: "SELECT pg_sleep(60)::text" }, [], { with: resolve, failed: reject }));
  });
  await Promise.all([expect(answer).rejects.toThrow("terminat"), client.query("SELECT pg_terminate_backend($1)", [pid])]);
  other.release(true);
});
