import type { FastifyInstance } from "fastify";
import { afterAll, beforeAll, expect, test } from "vitest";
import { asAccountId, asWorkspaceId } from "../../kernel/ids.ts";
import type { Principal } from "../identity/authenticate.ts";
import { type Access, addAuthorization, callerOf, type Member } from "./authorize.ts";
import { BodyTurns } from "./body-turns.ts";
import { queryPath } from "./path-of.ts";
import { createHttpServer } from "./server.ts";

const log = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
const ours = { id: asWorkspaceId("1"), name: "ours" };
const bound = { tokenId: "t", label: "x", workspace: ours.id, workspaceName: "ours" };
const PRINCIPALS: Readonly<Record<string, Principal>> = {
  workspace: { kind: "workspace", ...bound },
  scoped: { kind: "workspace", ...bound, scopes: ["variables:read:f/a/**", "agents:read"] },
  member: { kind: "account", ...bound, accountId: asAccountId("5") },
  stranger: { kind: "account", ...bound, accountId: asAccountId("6") },
};
/** Where the member may be. */
let granted = "f/a";
const member: Member = {
  account: asAccountId("5"),
  name: "alice",
  role: "viewer",
  may: (permission) => permission.endsWith(":read"),
  mayAt: (path) => path.startsWith(`${granted}/`),
  places: () => [granted],
};
const access: Access = { member: async (_, account) => (account === member.account ? member : undefined), job: async () => undefined };
let app: FastifyInstance;

beforeAll(async () => {
  app = await createHttpServer(log, new BodyTurns({ hasRoom: () => true, ownerBytes: 1, allBytes: 1 }));
  const authenticate = async (header: string | undefined): Promise<Principal> => PRINCIPALS[header ?? ""] ?? Promise.reject(new Error("nobody"));
  addAuthorization(app, { authenticate }, { byName: async (name) => (name === "ours" ? ours : undefined) }, access);
  const answer = async (): Promise<string> => "shown";
  app.get("/w/:workspace/declared", { config: { permission: "variables:read", path: queryPath } }, answer);
  app.get("/w/:workspace/inside", { config: { permission: "variables:read", path: "inside" } }, async (request) => callerOf(request).reach?.bounds ?? "all");
  app.get("/w/:workspace/long", { config: { permission: "variables:read", path: "inside" } }, async (request) => {
    const caller = callerOf(request);
    const before = caller.reach?.bounds;
    granted = "f/b";
    await caller.check();
    return { before, after: caller.reach?.bounds };
  });
  app.get("/w/:workspace/named", { config: { permission: "variables:read", path: "inside" } }, async (request) => {
    const mayRead = callerOf(request).reach?.mayRead;
    return { variable: mayRead?.("variable", "f/a/x"), other: mayRead?.("variable", "f/b/x"), resource: mayRead?.("resource", "f/a/x") };
  });
  app.get("/w/:workspace/forgotten", { config: { permission: "variables:read" } }, answer);
  app.get("/w/:workspace/agents", { config: { permission: "agents:read" } }, answer);
  app.post("/w/:workspace/limits", { config: { permission: "limits:write" } }, answer);
});
afterAll(async () => {
  await app.close();
});

const ask = async (who: string, path: string, method: "GET" | "POST" = "GET"): Promise<[number, string]> => {
  const { statusCode, body } = await app.inject({ method, url: `/w/${path}`, headers: { authorization: who } });
  return [statusCode, body];
};

test("a route without a permission does not start", () => {
  expect(() => app.get("/w/:workspace/open", async () => "")).toThrow("GET /w/:workspace/open declares no permission");
});

test("a route about paths that does not say where its path is stays closed to whoever is bound to some", async () => {
  expect((await ask("workspace", "ours/forgotten"))[0]).toBe(200);
  for (const who of ["member", "scoped"]) expect((await ask(who, "ours/forgotten"))[0]).toBe(403);
});

test("a declared path is looked at, for members and for scopes; without one in the request nobody who is bound gets in", async () => {
  for (const who of ["member", "scoped"]) {
    expect((await ask(who, "ours/declared?path=f/a/x"))[0]).toBe(200);
    expect((await ask(who, "ours/declared?path=f/b/x"))[0]).toBe(404);
    expect((await ask(who, "ours/declared"))[0]).toBe(404);
  }
  expect((await ask("workspace", "ours/declared"))[0]).toBe(200);
});

test("handlers are told how far their caller gets", async () => {
  expect((await ask("workspace", "ours/inside"))[1]).toBe("all");
  expect(JSON.parse((await ask("member", "ours/inside"))[1])).toEqual({ places: ["f/a"] });
  expect(JSON.parse((await ask("scoped", "ours/inside"))[1])).toEqual({ patterns: ["^f/a(?:/.*)?$"] });
});

test("a handler that takes long learns how far its caller gets by then", async () => {
  expect(JSON.parse((await ask("member", "ours/long"))[1])).toEqual({ before: { places: ["f/a"] }, after: { places: ["f/b"] } });
  granted = "f/a";
});

test("a token with scopes says what it may read itself; for others there is nothing to ask", async () => {
  expect(JSON.parse((await ask("scoped", "ours/named"))[1])).toEqual({ variable: true, other: false, resource: false });
  for (const who of ["member", "workspace"]) expect(JSON.parse((await ask(who, "ours/named"))[1])).toEqual({});
});

test("scopes, roles and the instance's own permissions", async () => {
  expect((await ask("scoped", "ours/agents"))[0]).toBe(200);
  expect((await ask("workspace", "ours/limits", "POST"))[0]).toBe(403);
  expect((await ask("member", "ours/limits", "POST"))[0]).toBe(403);
  for (const place of ["ours", "nowhere"]) expect((await ask("stranger", `${place}/agents`))[0]).toBe(404);
});
