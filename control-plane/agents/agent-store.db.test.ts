import { randomUUID } from "node:crypto";
import type { Pool } from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { asWorkspaceId } from "../../kernel/ids.ts";
import { createTestDatabase, openTestPool, type TestDatabase } from "../db/test-database.ts";
import { type HelloOrder, registerSession } from "./agent-store.ts";

let database: TestDatabase;
let pool: Pool;
beforeAll(async () => {
  database = await createTestDatabase();
  pool = openTestPool(database.url);
  await pool.query("INSERT INTO workspace (name) VALUES ('one'), ('two')");
});
afterAll(async () => {
  await pool.end();
  await database.drop();
});

/** One agent, of no workspace unless told otherwise. */
function agent(workspace?: string) {
  const agentId = randomUUID();
  return async (order: HelloOrder | undefined, now = workspace) => {
    const session = { agentId, name: "a", workspace: now === undefined ? undefined : asWorkspaceId(now), tokenId: "t", order };
    const registration = await registerSession(pool, session);
    return registration.kind === "registered" ? registration.serial : registration.kind;
  };
}

test("streams of one process are ordered by its count, processes by their starts, whatever comes first", async () => {
  const hello = agent();
  expect(await hello({ start: 2, dial: 1 })).toBe(1);
  expect(await hello({ start: 2, dial: 3 })).toBe(2);
  for (const late of [
    { start: 2, dial: 2 },
    { start: 2, dial: 3 },
    { start: 1, dial: 900 },
  ])
    expect(await hello(late)).toBe("overtaken");
  expect(await hello({ start: 3, dial: 1 })).toBe(3);
});

test("of many that come at the same moment none is let in behind a newer one, and each gets its own number", async () => {
  const hello = agent();
  const dials = Array.from({ length: 20 }, (_, at) => at + 1);
  const serials = await Promise.all(dials.map((dial) => hello({ start: 1, dial })));
  const admitted = serials.flatMap((serial, at) => (typeof serial === "number" ? [{ serial, dial: dials[at] ?? 0 }] : []));
  expect(admitted.length).toBeGreaterThan(0);
  expect(admitted.at(-1)?.dial).toBe(20);
  const bySerial = [...admitted].sort((a, b) => a.serial - b.serial);
  expect(bySerial).toEqual([...admitted].sort((a, b) => a.dial - b.dial));
  expect(new Set(admitted.map(({ serial }) => serial)).size).toBe(admitted.length);
});

test("an agent that does not count is let in every time, and one that counts after it, too", async () => {
  const hello = agent();
  expect([await hello(undefined), await hello(undefined), await hello({ start: 1, dial: 1 }), await hello(undefined)]).toEqual([1, 2, 3, 4]);
  expect(await hello({ start: 1, dial: 1 })).toBe(5);
});

test("an agent whose count went back is let in when no other was seen for a minute", async () => {
  const hello = agent();
  await hello({ start: 9, dial: 9 });
  expect(await hello({ start: 1, dial: 1 })).toBe("overtaken");
  await pool.query("UPDATE agent SET connected_at = connected_at - interval '61 s' WHERE hello_start = 9");
  expect(await hello({ start: 1, dial: 1 })).toBe(2);
  expect(await hello({ start: 1, dial: 2 })).toBe(3);
});

test("an id of another workspace is not the same agent", async () => {
  const hello = agent("1");
  expect(await hello({ start: 1, dial: 1 })).toBe(1);
  expect(await hello({ start: 1, dial: 2 }, "2")).toBe("foreign");
  expect(await hello({ start: 1, dial: 1 }, "1")).toBe("overtaken");
});
