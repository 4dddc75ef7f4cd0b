import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { AccountId, WorkspaceId } from "../../kernel/ids.ts";
import { createAccessControl } from "./access-control.ts";
import { type AccessWorld, startAccessWorld } from "./test-world.ts";

const api = "/api/v1/w/team";
let world: AccessWorld;
let team: WorkspaceId;
let admin: string;
let vera: { account: AccountId; token: string };

beforeAll(async () => {
  world = await startAccessWorld();
  team = await world.makeWorkspace("team");
  admin = await world.makeToken("workspace", team);
  await world.makeMember(team, "alice@example.com", "developer");
  await world.makeMember(team, "olga@example.com", "operator");
  vera = await world.makeMember(team, "vera@example.com", "viewer");
  for (const path of ["f/shared/one", "f/closed/one", "u/alice/one", "u/olga/one"]) {
    await world.ask(admin, "POST", `${api}/scripts`, { path, language: "noop", content: `of ${path}` });
    await world.ask(admin, "PUT", `${api}/variables/by-path?path=${path}`, { value: path });
    await world.ask(admin, "PUT", `${api}/resources/by-path?path=${path}`, { type: "thing", value: { path } });
  }
});
afterAll(async () => {
  await world.close();
});

const status = async (token: string, method: string, path: string, body?: unknown): Promise<number> =>
  (await world.ask(token, method, `${api}${path}`, body)).status;

describe("members", () => {
  test("roles are changed with ETags; the role that there is decides, for tokens that there are", async () => {
    const petra = await world.makeMember(team, "petra@example.com", "viewer");
    const before = await world.ask(admin, "GET", `${api}/members/by-name?name=petra`);
    expect(before.body).toMatchObject({ name: "petra", email: "petra@example.com", role: "viewer", disabled: false });
    const put = (role: string, etag: string | undefined) => world.ask(admin, "PUT", `${api}/members/by-name?name=petra`, { role }, { "if-match": etag ?? "" });
    expect((await put("developer", before.etag)).body).toMatchObject({ role: "developer" });
    expect((await put("admin", before.etag)).status).toBe(409);
    expect(await status(petra.token, "PUT", "/variables/by-path?path=u/petra/one", { value: "x" })).toBe(201);
    expect(await status(petra.token, "PUT", "/members/by-name?name=petra", { role: "admin" })).toBe(403);
    expect(await status(admin, "PUT", "/members/by-name?name=nobody", { role: "admin" })).toBe(404);
    expect(await status(petra.token, "GET", "/members?limit=2")).toBe(200);
  });

  test("who is taken out is out with the next request, and nobody else gets the name", async () => {
    const quinn = await world.makeMember(team, "quinn@example.com", "developer");
    expect(await status(quinn.token, "GET", "/scripts")).toBe(200);
    expect(await status(admin, "DELETE", "/members/by-name?name=quinn")).toBe(204);
    const out = await world.ask(quinn.token, "GET", `${api}/scripts`);
    const nowhere = await world.ask(quinn.token, "GET", "/api/v1/w/nowhere/scripts");
    expect([out.status, nowhere.status]).toEqual([404, 404]);
    expect(out.text.replace(/"request_id":"[^"]+"/, "")).toBe(nowhere.text.replace(/"request_id":"[^"]+"/, ""));
    await world.makeMember(team, "quinn@example.org", "viewer");
    expect((await world.ask(admin, "GET", `${api}/members?limit=200`)).text).toContain('"name":"quinn2"');
  });

  test("the last administrator who is a person stays one, also when two go at once", async () => {
    const own = await world.makeWorkspace("own");
    const key = await world.makeToken("workspace", own);
    const url = (name: string) => `/api/v1/w/own/members/by-name?name=${name}`;
    await world.makeMember(own, "ada@example.com", "admin");
    await world.makeMember(own, "bert@example.com", "admin");
    // A program is no person: nobody could log in as it.
    await world.ask(key, "POST", "/api/v1/w/own/service-accounts", { name: "robot", role: "admin" });
    const both = await Promise.all([world.ask(key, "DELETE", url("ada")), world.ask(key, "PUT", url("bert"), { role: "viewer" })]);
    expect(both.map(({ status }) => status).sort()).toEqual([expect.toSatisfy((code: number) => code === 200 || code === 204), 409]);
    const left = both[0].status === 204 ? "bert" : "ada";
    const refused = await world.ask(world.plane.credentials.admin_token, "DELETE", url(left));
    expect(refused.body).toMatchObject({ status: 409, detail: `${left}@example.com is the last administrator of the workspace own` });
    expect((await world.ask(key, "PUT", url(left), { role: "admin" })).status).toBe(200);
    // Nor does one count who cannot log in any more.
    await world.makeMember(own, "cora@example.com", "admin");
    await world.pool.query("UPDATE account SET disabled_at = now() WHERE email = 'cora@example.com'");
    expect((await world.ask(key, "DELETE", url(left))).status).toBe(409);
    expect((await world.ask(key, "DELETE", url("cora"))).status).toBe(204);
  });

  test("groups: members and description, paging of members by name, If-None-Match", async () => {
    const url = `${api}/groups/by-name?name=etl`;
    expect((await world.ask(admin, "PUT", url, { description: "loads", members: ["alice", "olga"] })).body).toMatchObject({ members: ["alice", "olga"] });
    expect((await world.ask(admin, "PUT", url, { members: [] }, { "if-none-match": "*" })).status).toBe(409);
    expect((await world.ask(admin, "PUT", url, { members: ["nobody"] })).status).toBe(400);
    expect((await world.ask(vera.token, "GET", `${api}/groups`)).text).toContain("loads");
    expect((await world.ask(admin, "DELETE", url)).status).toBe(204);
    expect((await world.ask(admin, "DELETE", url)).status).toBe(404);
    const first = (await world.ask(vera.token, "GET", `${api}/members?limit=1`)).body as { members: { name: string }[]; next_cursor: string };
    expect(first.members.map(({ name }) => name)).toEqual(["alice"]);
    const second = (await world.ask(vera.token, "GET", `${api}/members?limit=1&cursor=${first.next_cursor}`)).body as typeof first;
    expect(second.members.map(({ name }) => name)).toEqual(["olga"]);
  });
});

test("another replica knows of a change when a second is over, and asks for nothing but a number meanwhile", async () => {
  let nowMs = 0;
  const replica = createAccessControl(world.pool, () => nowMs);
  expect((await replica.member(team, vera.account))?.role).toBe("viewer");
  await world.ask(admin, "PUT", `${api}/members/by-name?name=vera`, { role: "operator" });
  nowMs += 1000;
  expect((await replica.member(team, vera.account))?.role).toBe("operator");
  await world.ask(admin, "DELETE", `${api}/members/by-name?name=vera`);
  nowMs += 1000;
  expect(await replica.member(team, vera.account)).toBeUndefined();
});

describe("the audit log", () => {
  test("has who may do what since when, by whom, and is there with the change alone", async () => {
    const token = await world.makeToken("workspace", await world.makeWorkspace("audited"));
    const audited = "/api/v1/w/audited";
    const { rows } = await world.pool.query<{ id: WorkspaceId }>("SELECT id::text FROM workspace WHERE name = 'audited'");
    await world.makeMember(rows[0]?.id ?? team, "una@example.com", "viewer");
    const ask = async (method: string, path: string, body?: unknown): Promise<number> => (await world.ask(token, method, `${audited}${path}`, body)).status;
    expect(await ask("PUT", "/members/by-name?name=una", { role: "developer" })).toBe(200);
    expect(await ask("PUT", "/members/by-name?name=nobody", { role: "developer" })).toBe(404);
    expect(await ask("PUT", "/groups/by-name?name=ops", { members: ["una"] })).toBe(201);
    const grants = [{ group: "ops", level: "write" }, { level: "read" }];
    expect(await ask("PUT", "/folders/by-path?path=f/a", { grants })).toBe(201);
    expect(await ask("PUT", "/folders/by-path?path=f/a", { grants: [{ user: "una", level: "write" }, { level: "read" }] })).toBe(200);
    expect(await ask("DELETE", "/folders/by-path?path=f/a")).toBe(204);
    expect(await ask("DELETE", "/groups/by-name?name=ops")).toBe(204);
    expect(await ask("DELETE", "/members/by-name?name=una")).toBe(204);
    const { body } = await world.ask(token, "GET", `${audited}/audit`);
    const events = (body as { events: { action: string; target: string; actor: string; detail: object }[] }).events.toReversed();
    expect(events.map(({ action, target, detail }) => [action, target, detail])).toEqual([
      ["members:write", "member una", { account: expect.any(String), role: "developer", role_before: "viewer" }],
      ["groups:write", "group ops", { added: ["una"], removed: [], is_new: true }],
      ["folders:write", "folder f/a", { added: expect.arrayContaining(["write group ops", "read everybody"]), removed: [], is_new: true }],
      ["folders:write", "folder f/a", { added: ["write user una"], removed: ["write group ops"], is_new: false }],
      ["folders:delete", "folder f/a", { added: [], removed: expect.arrayContaining(["write user una", "read everybody"]) }],
      ["groups:delete", "group ops", { added: [], removed: ["una"] }],
      ["members:delete", "member una", { account: expect.any(String), role_before: "developer" }],
    ]);
    expect(new Set(events.map(({ actor }) => actor))).toEqual(new Set(["test"]));
    expect(JSON.stringify(body)).not.toContain(token);
  });
});
