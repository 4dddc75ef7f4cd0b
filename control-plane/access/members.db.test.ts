import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { AccountId, JobId, WorkspaceId } from "../../kernel/ids.ts";
import { bundleSource } from "../scripts/bundle-source.ts";
import { createScriptCache } from "../scripts/script-cache.ts";
import { createWorkspaces } from "../workspaces/workspace-store.ts";
import { createAccessControl } from "./access-control.ts";
import { type AccessWorld, startAccessWorld } from "./test-world.ts";

const api = "/api/v1/w/team";
let world: AccessWorld;
let team: WorkspaceId;
let admin: string;
let alice: { account: AccountId; token: string };
let olga: { account: AccountId; token: string };
let vera: { account: AccountId; token: string };

beforeAll(async () => {
  world = await startAccessWorld();
  team = await world.makeWorkspace("team");
  admin = await world.makeToken("workspace", team);
  alice = await world.makeMember(team, "alice@example.com", "developer");
  olga = await world.makeMember(team, "olga@example.com", "operator");
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
    expect((await put("admin", before.etag)).status).toBe(412);
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
    expect((await world.ask(admin, "PUT", url, { members: [] }, { "if-none-match": "*" })).status).toBe(412);
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

describe("what somebody reaches by way of something else", () => {
  const grant = (path: string, ...grants: object[]) => world.ask(admin, "PUT", `${api}/folders/by-path?path=${path}`, { grants });
  const paths = (body: unknown, of: string): string[] => {
    const list: unknown = Reflect.get(Object(body), of);
    return Array.isArray(list) ? list.map((one: { path: string }) => one.path) : [];
  };
  const seen = async (token: string, what: string): Promise<string[]> => paths((await world.ask(token, "GET", `${api}/${what}`)).body, what);
  const run = (token: string, body: object) => world.ask(token, "POST", `${api}/jobs`, body);
  const idOf = (body: unknown): JobId => Reflect.get(Object(body), "id") as JobId;
  const put = (token: string, what: "schedules" | "triggers", path: string, body: object) =>
    world.ask(token, "PUT", `${api}/${what}/by-path?path=${path}`, body);
  const yearly = { cron: "0 0 1 1 *", script: "f/team/one" };
  const called = { kind: "webhook", script: "f/team/one", auth: { kind: "token" } };
  /** What a job may use, as another replica would find out. */
  const placesOf = async (job: JobId) => (await createAccessControl(world.pool, () => 0).job(team, job))?.places("write")?.toSorted();
  let dora: { account: AccountId; token: string };

  beforeAll(async () => {
    dora = await world.makeMember(team, "dora@example.com", "developer");
    await world.ask(admin, "POST", `${api}/scripts`, { path: "f/team/one", language: "noop", content: "one" });
    await grant("f/team", { user: "dora", level: "write" });
  });

  test("folders are shown to those who may read them, and their pages tell of no other", async () => {
    await grant("f/shared", { user: "alice", level: "read" });
    await grant("f/closed", { user: "olga", level: "read" });
    expect(await seen(alice.token, "folders")).toEqual(["f/shared"]);
    expect(await seen(admin, "folders")).toEqual(expect.arrayContaining(["f/closed", "f/shared"]));
    const first = await world.ask(alice.token, "GET", `${api}/folders?limit=1`);
    expect(first.body).toEqual({ folders: [expect.objectContaining({ path: "f/shared" })] });
    const [closed, none] = ["f/closed", "f/none"].map((path) => world.ask(alice.token, "GET", `${api}/folders/by-path?path=${path}`));
    expect([(await closed)?.status, (await none)?.status]).toEqual([404, 404]);
    expect(await status(olga.token, "GET", "/folders/by-path?path=f/closed")).toBe(200);
    for (const path of ["f/shared", "f/closed"]) await world.ask(admin, "DELETE", `${api}/folders/by-path?path=${path}`);
  });

  test("a resource refers to what its writer may read: others use it with a reach of their own", async () => {
    const value = { host: "elsewhere.example", password: "$var:f/closed/one" };
    const written = await world.ask(alice.token, "PUT", `${api}/resources/by-path?path=u/alice/db`, { type: "thing", value });
    expect([written.status, written.text]).toEqual([404, expect.stringContaining("there is nothing at f/closed/one")]);
    const theirs = { path: "u/alice/db", resource_type: "thing", value: { deep: [value] } };
    expect((await world.ask(alice.token, "POST", "/api/w/team/resources/create", theirs)).status).toBe(404);
    const own = { type: "thing", value: { password: "$var:u/alice/one" } };
    expect(await status(alice.token, "PUT", "/resources/by-path?path=u/alice/db", own)).toBe(201);
    expect((await world.ask(alice.token, "POST", "/api/w/team/resources/update/u/alice/db", { value })).status).toBe(404);
    expect(await status(admin, "PUT", "/resources/by-path?path=u/alice/db", { type: "thing", value })).toBe(200);
    expect(await status(alice.token, "DELETE", "/resources/by-path?path=u/alice/db")).toBe(204);
  });

  test("one step of a flow is run by those who may run what the step runs", async () => {
    await grant("f/flows", { user: "alice", level: "read" });
    const modules = ["f/closed/one", "u/alice/one"].map((path, at) => ({ id: "ab"[at], value: { type: "script", path, input_transforms: {} } }));
    const deployed = await world.ask(admin, "POST", `${api}/flows`, { path: "f/flows/both", document: { summary: "", value: { modules } } });
    expect(deployed.status).toBe(201);
    expect((await run(alice.token, { flow: "f/flows/both" })).status).toBe(201);
    const tested = (step: string) => world.ask(alice.token, "POST", `${api}/flows/test`, { flow: "f/flows/both", step });
    expect([(await tested("a")).status, (await tested("b")).status]).toEqual([404, 201]);
    await world.ask(admin, "DELETE", `${api}/folders/by-path?path=f/flows`);
  });

  test("a task that runs jobs again is gone on with by those who may run them", async () => {
    const { rows } = await world.pool.query<{ id: string }>(
      `INSERT INTO bulk_task (workspace_id, id, kind, filter, position, created_by, worked_until, state)
       VALUES ($1, gen_random_uuid(), 'rerun', $2, '0 ', 'alice@example.com', now(), 'stopped') RETURNING id::text`,
      [team, JSON.stringify({ statuses: ["failed"], created_before: new Date(0).toISOString(), most: 1 })],
    );
    const resume = `/bulk/${rows[0]?.id}/resume`;
    expect(await status(await world.personalToken(team, alice.account, ["jobs:cancel", "jobs:read"]), "POST", resume)).toBe(403);
    expect(await status(alice.token, "POST", resume)).toBe(200);
  });

  test("a token that may only run jobs makes no links by which people answer for steps", async () => {
    const invite = async (...scopes: string[]) => {
      const token = await world.personalToken(team, alice.account, scopes);
      const { body } = await world.ask(token, "POST", `${api}/jobs`, { script: "u/alice/one" });
      const ours = await world.ask(token, "POST", `${api}/jobs/${idOf(body)}/flow/invite`, {});
      return [ours.status, (await world.ask(token, "GET", `/api/w/team/jobs/resume_urls/${idOf(body)}/1`)).status];
    };
    expect(await invite("jobs:run")).toEqual([403, 403]);
    expect(await invite("jobs:run", "jobs:invite")).toEqual([404, 409]);
  });

  test("no page of a list tells of what is not in reach, nor does the place where it ends", async () => {
    for (const path of ["f/closed/first", "f/closed/second", "f/team/one", "f/team/two"]) {
      expect((await put(admin, "schedules", path, yearly)).status).toBe(201);
      expect((await put(admin, "triggers", path, called)).status).toBe(201);
    }
    for (const what of ["schedules", "triggers"]) {
      const all: string[] = [];
      for (let cursor: unknown = ""; typeof cursor === "string"; ) {
        const page = await world.ask(dora.token, "GET", `${api}/${what}?limit=1${cursor === "" ? "" : `&cursor=${cursor}`}`);
        expect(page.text).not.toContain("f/closed");
        all.push(...paths(page.body, what));
        cursor = Reflect.get(Object(page.body), "next_cursor");
      }
      expect(all).toEqual(["f/team/one", "f/team/two"]);
    }
  });

  test("what is not there is not said to look like something that is out of reach", async () => {
    const answer = await put(dora.token, "schedules", "f/team/misspelt", { ...yearly, script: "f/team/on" });
    expect([answer.status, answer.text]).toEqual([400, expect.not.stringContaining("f/closed")]);
    expect((await put(admin, "schedules", "f/team/misspelt", { ...yearly, script: "f/team/on" })).text).toContain("did you mean f/closed/one");
  });

  test("a version of before a move to another place is at home in neither", async () => {
    await grant("f/prod", { user: "dora", level: "read" });
    const deployed = async (by: string, path: string): Promise<string> => {
      const { body } = await world.ask(by, "POST", `${api}/scripts`, { path, language: "noop", content: `before ${path}` });
      expect((await world.ask(admin, "POST", `${api}/scripts/move`, { path, to: `f/prod/${path.slice(2).replace("/", "-")}` })).status).toBe(200);
      return String(Reflect.get(Object(body), "hash"));
    };
    const [own, closed] = [await deployed(dora.token, "u/dora/tool"), await deployed(admin, "f/closed/tool")];
    const placesWritten = async (body: object) => placesOf(idOf((await run(dora.token, body)).body));
    expect(await placesWritten({ script: "f/prod/dora-tool" })).toEqual(["f/prod", "f/team", "u/dora"]);
    for (const hash of [own, closed]) expect(await placesWritten({ hash })).toEqual(["f/team", "u/dora"]);
    // The same holds for what arguments refer to.
    const source = bundleSource(
      createWorkspaces(world.pool),
      createScriptCache(world.pool, () => 0),
      () => Promise.reject(new Error("nobody asks")),
    );
    const current = Reflect.get(Object((await world.ask(admin, "GET", `${api}/scripts/by-path?path=f/prod/dora-tool`)).body), "hash");
    const homes = await Promise.all([own, closed, String(current)].map(async (hash) => (await source.loadScript(team, hash))?.home));
    expect(homes).toEqual([undefined, undefined, "f/prod/dora-tool"]);
    await world.ask(admin, "DELETE", `${api}/folders/by-path?path=f/prod`);
  });

  test("jobs of a disabled account have the place of their code alone, until it is enabled", async () => {
    const job = idOf((await run(dora.token, { script: "f/team/one" })).body);
    await world.pool.query("UPDATE account SET disabled_at = now() WHERE id = $1", [dora.account]);
    expect(await placesOf(job)).toEqual(["f/team"]);
    await world.pool.query("UPDATE account SET disabled_at = NULL WHERE id = $1", [dora.account]);
    expect(await placesOf(job)).toEqual(["f/team", "u/dora"]);
  });

  test("a token is not given by a job what it may not read: it refers to nothing else in arguments", async () => {
    await world.ask(admin, "POST", `${api}/scripts`, { path: "u/alice/echo", language: "noop", content: "echo" });
    const args = { a: ["$var:u/alice/one"] };
    const asked = async (...scopes: string[]): Promise<number[]> => {
      const token = await world.personalToken(team, alice.account, scopes);
      return [
        await status(token, "POST", "/jobs", { script: "u/alice/echo", args }),
        await status(token, "POST", "/jobs/batch", { script: "u/alice/echo", jobs: [{}, { args }] }),
        await status(token, "PUT", "/schedules/by-path?path=u/alice/echo", { cron: "0 0 1 1 *", script: "u/alice/echo", args }),
        await status(token, "PUT", "/triggers/by-path?path=u/alice/echo", {
          kind: "webhook",
          script: "u/alice/echo",
          auth: { kind: "token" },
          constants: args,
        }),
        await status(token, "PUT", "/resources/by-path?path=u/alice/echo", { type: "thing", value: args }),
      ];
    };
    const doing = ["jobs:run", "schedules:write", "triggers:write", "resources:write"];
    expect(await asked(...doing)).toEqual([403, 403, 403, 403, 403]);
    expect(await asked(...doing, "variables:read:f/**", "resources:read")).toEqual([403, 403, 403, 403, 403]);
    expect(await asked(...doing, "variables:read:u/alice/*")).toEqual([201, 201, 201, 201, 201]);
    const whole = await world.makeToken("workspace", team, { scopes: ["jobs:run"] });
    const refused = await world.ask(whole, "POST", `${api}/jobs`, { script: "f/closed/one", args: { a: "$res:f/closed/one" } });
    expect([refused.status, refused.text]).toEqual([403, expect.stringContaining("do not allow resources:read at f/closed/one")]);
    expect(await status(whole, "POST", "/jobs", { script: "f/closed/one", args: { a: "$res: no reference" } })).toBe(201);
  });
});

test("lists of what a workspace has are read page by page, each thing once, in the order of the whole list", async () => {
  const ids = ["a", "b", "c"];
  const lists = [
    { path: "/groups", member: "groups", id: "name", make: (id: string) => world.ask(admin, "PUT", `${api}/groups/by-name?name=page-${id}`, { members: [] }) },
    {
      path: "/folders",
      member: "folders",
      id: "path",
      make: (id: string) => world.ask(admin, "PUT", `${api}/folders/by-path?path=f/page-${id}`, { grants: [] }),
    },
    {
      path: "/service-accounts",
      member: "service_accounts",
      id: "name",
      make: (name: string) => world.ask(admin, "POST", `${api}/service-accounts`, { name, role: "viewer" }),
    },
    { path: "/invitations", member: "invitations", id: "id", make: () => world.ask(admin, "POST", `${api}/invitations`, { role: "viewer" }) },
    { path: "/agents/join-tokens", member: "tokens", id: "id", make: (label: string) => world.ask(admin, "POST", `${api}/agents/join-tokens`, { label }) },
    {
      path: "/bulk",
      member: "tasks",
      id: "id",
      make: () => world.ask(admin, "POST", `${api}/bulk/cancel`, { filter: { created_before: "2020-01-01T00:00:00Z" } }),
    },
  ] as const;
  for (const { path, member, id, make } of lists) {
    for (const name of ids) expect([path, (await make(name)).status]).toEqual([path, path === "/bulk" ? 202 : 201]);
    const page = async (query: string): Promise<{ found: unknown[]; next: unknown }> => {
      const { body } = await world.ask(admin, "GET", `${api}${path}${query}`);
      const things: object[] = Reflect.get(Object(body), member);
      return { found: things.map((one) => Reflect.get(one, id)), next: Reflect.get(Object(body), "next_cursor") };
    };
    const { found: all, next: more } = await page("");
    expect([path, all.length >= 3, more]).toEqual([path, true, undefined]);
    const seen: unknown[] = [];
    for (let cursor: unknown, pages = 0; pages === 0 || cursor !== undefined; pages++) {
      const { found, next } = await page(`?limit=1${cursor === undefined ? "" : `&cursor=${encodeURIComponent(String(cursor))}`}`);
      expect(found.length).toBe(1);
      seen.push(...found);
      cursor = next;
    }
    expect([path, seen]).toEqual([path, all]);
  }
});
