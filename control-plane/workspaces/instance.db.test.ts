import { afterAll, beforeAll, expect, test } from "vitest";
import { type Answer, askWith, Browser, type IdentityServer, startIdentityServer } from "../identity/testing/identity-server.ts";
import { createWorkspaces } from "./workspace-store.ts";

let server: IdentityServer;
beforeAll(async () => {
  server = await startIdentityServer();
});
afterAll(() => server.close());

const admin = (method: string, path: string, body?: unknown): Promise<Answer> => askWith(server, server.adminToken, method, path, body);

test("workspaces are made once, and listed page by page", async () => {
  for (const name of ["a-one", "b-two", "c-three"])
    expect(await admin("POST", "/api/v1/workspaces", { name })).toMatchObject({ status: 201, body: { name, former_names: [] } });
  expect((await admin("POST", "/api/v1/workspaces", { name: "a-one" })).status).toBe(409);
  for (const name of ["", "Caps", "-x", "a/b", "x".repeat(64)]) expect((await admin("POST", "/api/v1/workspaces", { name })).status).toBe(400);
  const first = (await admin("GET", "/api/v1/workspaces?limit=2")).body;
  expect([first.workspaces.map(({ name }: { name: string }) => name), first.next_cursor]).toEqual([["a-one", "b-two"], "b-two"]);
  const rest = (await admin("GET", `/api/v1/workspaces?cursor=${first.next_cursor}`)).body;
  expect(rest.workspaces.map(({ name }: { name: string }) => name)).toEqual(["c-three", "main"]);
  expect(rest.next_cursor).toBeUndefined();
});

test("who makes one with a session is its administrator", async () => {
  const password = "correct horse battery";
  await admin("POST", "/api/v1/accounts", { email: "boss@example.com", password, is_instance_admin: true });
  const boss = new Browser(server.url);
  await boss.ask("POST", "/api/v1/login", { email: "boss@example.com", password });
  expect((await boss.ask("POST", "/api/v1/workspaces", { name: "hers" })).status).toBe(201);
  expect((await boss.ask("GET", "/api/v1/me")).body.workspaces).toEqual([{ name: "hers", role: "admin" }]);
});

test("a name that a workspace had leads to it for ever, also on replicas that knew it before, and is given to no other", async () => {
  await admin("POST", "/api/v1/workspaces", { name: "old-name" });
  const replica = createWorkspaces(server.pool);
  const before = await replica.byName("old-name");
  expect((await admin("PATCH", "/api/v1/workspaces/old-name", { name: "new-name" })).body).toMatchObject({ name: "new-name", former_names: ["old-name"] });
  const [old, now] = [await replica.byName("old-name"), await replica.byName("new-name")];
  expect([old?.id, now]).toEqual([before?.id, { id: before?.id, name: "new-name" }]);
  expect(await createWorkspaces(server.pool).byName("old-name")).toEqual({ id: before?.id, name: "new-name" });
  expect((await admin("GET", "/api/v1/w/old-name/members")).status).toBe(200);
  expect((await admin("POST", "/api/v1/workspaces", { name: "old-name" })).status).toBe(409);
  expect((await admin("PATCH", "/api/v1/workspaces/main", { name: "old-name" })).status).toBe(409);
  expect((await admin("PATCH", "/api/v1/workspaces/main", { name: "new-name" })).status).toBe(409);
  // A first start that names it finds it, and makes no other.
  expect((await replica.ensure("old-name")).id).toBe(before?.id);
  expect((await admin("PATCH", "/api/v1/workspaces/old-name", { name: "old-name" })).body).toMatchObject({ name: "old-name", former_names: ["new-name"] });
  expect((await admin("PATCH", "/api/v1/workspaces/nowhere", { name: "x" })).status).toBe(404);
});

test("of many who want one name at once, by making and by renaming, one gets it", async () => {
  for (const name of ["r-1", "r-2", "r-3"]) await admin("POST", "/api/v1/workspaces", { name });
  const wishes = ["r-1", "r-2", "r-3"].map((name) => admin("PATCH", `/api/v1/workspaces/${name}`, { name: "wanted" }));
  const statuses = (await Promise.all([...wishes, admin("POST", "/api/v1/workspaces", { name: "wanted" })])).map(({ status }) => status);
  expect(statuses.filter((status) => status < 300)).toHaveLength(1);
  expect(statuses.filter((status) => status === 409)).toHaveLength(3);
});
