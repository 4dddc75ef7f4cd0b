import { afterAll, beforeAll, expect, test } from "vitest";
import { openServedPlane, type ServedPlane, type Tenant } from "../served-plane.fixture.ts";

let plane: ServedPlane;
let tenant: Tenant;
beforeAll(async () => {
  plane = await openServedPlane();
  tenant = await plane.makeTenant("mill");
});
afterAll(() => plane.close());

async function create(name: string, schema: object): Promise<number> {
  const response = await fetch(`${plane.server.httpUrl}/api/w/mill/resources/type/create`, {
    method: "POST",
    headers: { authorization: `Bearer ${tenant.token}`, "content-type": "application/json" },
    body: JSON.stringify({ name, schema }),
  });
  return response.status;
}

test("a type's schema means what it says: words of the newer dialect count where it is named", async () => {
  const properties = { pair: { type: "array", prefixItems: [{ type: "string" }, { type: "integer" }] } };
  expect(await create("newer", { $schema: "https://json-schema.org/draft/2020-12/schema", type: "object", order: ["pair"], properties })).toBe(201);
  expect(await create("older", { $schema: "http://json-schema.org/draft-07/schema#", type: "object", properties })).toBe(201);
  const put = async (type: string, pair: unknown[]): Promise<number> =>
    (await tenant.api("PUT", `/resources/by-path?path=f/types/${type}`, { type, value: { pair } })).status;
  expect([await put("newer", ["a", "b"]), await put("newer", ["a", 1]), await put("older", ["a", "b"])]).toEqual([400, 201, 201]);
});

test("a schema of a dialect that nothing here reads is refused", async () => {
  expect(await create("oldest", { $schema: "http://json-schema.org/draft-04/schema#", type: "object" })).toBe(400);
});
