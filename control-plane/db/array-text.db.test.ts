import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { fc } from "../../kernel/fast-check.fixture.ts";
import { arrayText } from "./array-text.ts";
import { createTestDatabase, type TestDatabase } from "./test-database.ts";

let database: TestDatabase;
let client: pg.Client;
beforeAll(async () => {
  database = await createTestDatabase();
  client = new pg.Client({ connectionString: database.url });
  await client.connect();
});
afterAll(async () => {
  await client.end();
  await database.drop();
});

const readBack = async (literal: string, type: string): Promise<unknown> => (await client.query(`SELECT $1::${type}[] AS it`, [literal])).rows[0]?.it;

test("any text comes back as it was, with quotes, backslashes, braces, commas, blanks, line ends and the word NULL", async () => {
  const awkward = fc.constantFrom('"', "\\", '\\"', "{", "}", ",", " ", "\n", "NULL", "null", "", "é", "😀", '{"a":"b\\\\c"}');
  const element = fc.oneof(
    fc.string({ unit: "binary" }).map((text) => text.replaceAll("\u0000", "").toWellFormed()),
    fc.array(awkward).map((parts) => parts.join("")),
    fc.constant(null),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(element, { maxLength: 20 }), async (values) => {
      expect(await readBack(arrayText(values, true), "text")).toEqual(values);
    }),
    { numRuns: 300 },
  );
});

test("equal elements, and none, come back as they were", async () => {
  for (const value of ['{"a":"b\\\\c"}', "two\nlines", "", null]) {
    for (const count of [0, 1, 3]) expect(await readBack(arrayText(Array(count).fill(value), true), "text")).toEqual(Array(count).fill(value));
  }
  expect(await readBack(arrayText([7, 7, 7], false), "bigint")).toEqual(["7", "7", "7"]);
});

test("numbers and NULLs come back as they were", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.option(fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => value + 0))), async (values) => {
      expect(await readBack(arrayText(values, false), "float8")).toEqual(values);
    }),
    { numRuns: 100 },
  );
});
