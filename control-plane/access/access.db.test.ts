import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { AccountId, JobId, WorkspaceId } from "../../kernel/ids.ts";
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

const paths = (body: unknown, of: string): string[] => {
  const list: unknown = Reflect.get(Object(body), of);
  return Array.isArray(list) ? list.map((one: { path: string }) => one.path) : [];
};
const status = async (token: string, method: string, path: string, body?: unknown): Promise<number> =>
  (await world.ask(token, method, `${api}${path}`, body)).status;
const grant = (path: string, ...grants: object[]) => world.ask(admin, "PUT", `${api}/folders/by-path?path=${path}`, { grants });
const seen = async (token: string, what = "scripts"): Promise<string[]> => paths((await world.ask(token, "GET", `${api}/${what}`)).body, what);

describe("places", () => {
  test("without a grant a member has the own place alone; what is elsewhere is not there, in lists either", async () => {
    expect(await seen(alice.token)).toEqual(["u/alice/one"]);
    expect(await seen(alice.token, "variables")).toEqual(["u/alice/one"]);
    expect(await seen(alice.token, "resources")).toEqual(["u/alice/one"]);
    expect(await seen(admin)).toHaveLength(4);
    const closed = await world.ask(alice.token, "GET", `${api}/scripts/by-path?path=f/closed/one`);
    const missing = await world.ask(alice.token, "GET", `${api}/scripts/by-path?path=f/closed/two`);
    expect([closed.status, missing.status]).toEqual([404, 404]);
    expect(closed.text.replace("f/closed/one", "").replace(/"request_id":"[^"]+"/, "")).toBe(
      missing.text.replace("f/closed/two", "").replace(/"request_id":"[^"]+"/, ""),
    );
    expect(await status(alice.token, "PUT", "/variables/by-path?path=f/closed/two", { value: "x" })).toBe(403);
    expect(await status(alice.token, "PUT", "/variables/by-path?path=u/alice/two", { value: "x" })).toBe(201);
    expect(await status(olga.token, "PUT", "/variables/by-path?path=u/olga/two", { value: "x" })).toBe(403);
    expect(await status(alice.token, "DELETE", "/variables/by-path?path=u/alice/two")).toBe(204);
  });

  test("a folder is granted to a member, to a group and to all; read is not write", async () => {
    await grant("f/shared", { user: "alice", level: "read" });
    expect(await status(alice.token, "GET", "/variables/by-path?path=f/shared/one")).toBe(200);
    expect(await status(alice.token, "PUT", "/variables/by-path?path=f/shared/one", { value: "x" })).toBe(403);
    await grant("f/shared", { user: "alice", level: "write" });
    expect(await status(alice.token, "PUT", "/variables/by-path?path=f/shared/one", { value: "x" })).toBe(200);
    expect(await status(olga.token, "GET", "/variables/by-path?path=f/shared/one")).toBe(404);

    expect((await world.ask(admin, "PUT", `${api}/groups/by-name?name=ops`, { members: ["olga"] })).status).toBe(201);
    await grant("f/shared", { group: "ops", level: "read" });
    expect(await status(olga.token, "GET", "/variables/by-path?path=f/shared/one")).toBe(200);
    expect(await status(alice.token, "GET", "/variables/by-path?path=f/shared/one")).toBe(404);
    await world.ask(admin, "PUT", `${api}/groups/by-name?name=ops`, { members: [] });
    expect(await status(olga.token, "GET", "/variables/by-path?path=f/shared/one")).toBe(404);

    await grant("f/shared", { level: "read" });
    expect(await seen(vera.token)).toEqual(["f/shared/one"]);
    expect(await seen(olga.token)).toEqual(["f/shared/one", "u/olga/one"]);
    await world.ask(admin, "DELETE", `${api}/folders/by-path?path=f/shared`);
    expect(await seen(vera.token)).toEqual([]);
  });

  test.each(["scripts", "flows"])("%s: versions, archive and moves keep to paths; a move needs both", async (kind) => {
    const body = (path: string) => (kind === "scripts" ? { language: "noop", content: path } : { document: { summary: path, value: { modules: [] } } });
    const deploy = async (path: string): Promise<string> =>
      String(Reflect.get(Object((await world.ask(admin, "POST", `${api}/${kind}`, { path, ...body(path) })).body), "hash"));
    const moving = await grant("f/moving", { user: "alice", level: "write" });
    expect(moving.status).toBeLessThan(300);
    const hidden = await deploy("f/hidden/moved");
    await deploy("f/moving/moved");
    for (const verb of ["archive", "unarchive"]) expect(await status(alice.token, "POST", `/${kind}/${verb}`, { path: "f/hidden/moved" })).toBe(403);
    expect(await status(alice.token, "POST", `/${kind}/move`, { path: "f/moving/moved", to: "f/hidden/other" })).toBe(403);
    expect(await status(alice.token, "POST", `/${kind}/move`, { path: "f/hidden/moved", to: "f/moving/other" })).toBe(403);
    expect(await status(alice.token, "GET", `/${kind}/versions?path=f/hidden/moved`)).toBe(404);
    expect(await status(alice.token, "POST", `/${kind}/archive`, { path: "f/moving/moved" })).toBe(200);
    await world.ask(admin, "POST", `${api}/${kind}/archive`, { path: "f/hidden/moved" });
    expect(paths((await world.ask(alice.token, "GET", `${api}/${kind}?archived=true`)).body, kind)).toEqual(["f/moving/moved"]);
    // Nor is it told that there is such a version, and that it is archived.
    const runs = kind === "scripts" ? { hash: hidden } : { flow_hash: hidden };
    const refused = await world.ask(alice.token, "POST", `${api}/jobs`, runs);
    expect([refused.status, refused.text.includes("f/hidden")]).toEqual([404, false]);
    expect(await status(admin, "POST", "/jobs", runs)).toBe(409);
    expect(await status(alice.token, "POST", `/${kind}/unarchive`, { path: "f/moving/moved" })).toBe(200);
    expect(await status(alice.token, "POST", `/${kind}/move`, { path: "f/moving/moved", to: "u/alice/moved" })).toBe(200);
    await world.ask(admin, "POST", `${api}/${kind}/archive`, { path: "u/alice/moved" });
    // The same version is current again: that is a change all the same.
    expect(await deploy("f/hidden/moved")).toBe(hidden);
    const audited = async (path: string): Promise<string[][]> => {
      const { body: page } = await world.ask(admin, "GET", `${api}/audit?target=${kind.slice(0, -1)}%20${path}`);
      const events: unknown = Reflect.get(Object(page), "events");
      return Array.isArray(events) ? events.map((one: { action: string; actor: string }) => [one.actor, one.action]) : [];
    };
    expect((await audited("f/hidden/moved")).filter(([actor]) => actor === "test").map(([, action]) => action)).toEqual([
      `${kind}:deploy`,
      `${kind}:archive`,
      `${kind}:deploy`,
    ]);
    expect(await audited("f/moving/moved")).toEqual([
      ["alice@example.com", `${kind}:move`],
      ["alice@example.com", `${kind}:unarchive`],
      ["alice@example.com", `${kind}:archive`],
      ["test", `${kind}:deploy`],
    ]);
  });

  test.each(["scripts", "flows"])("%s: versions of before a move are for those who may use the path where it is now", async (kind) => {
    const deploy = async (path: string, text: string): Promise<string> => {
      const body = kind === "scripts" ? { path, language: "noop", content: text } : { path, document: { summary: text, value: { modules: [] } } };
      return String(Reflect.get(Object((await world.ask(admin, "POST", `${api}/${kind}`, body)).body), "hash"));
    };
    const seen = async (hash: string): Promise<number[]> => [
      await status(alice.token, "GET", `/${kind}/by-hash/${hash}`),
      await status(alice.token, "POST", "/jobs", kind === "scripts" ? { hash, delay_s: 3600 } : { flow_hash: hash, delay_s: 3600 }),
    ];
    expect((await grant("f/moving", { user: "alice", level: "write" })).status).toBeLessThan(300);
    const [shown, hidden] = [await deploy("f/moving/goes", `${kind} 1`), await deploy("f/hidden/comes", `${kind} 2`)];
    await deploy("f/moving/goes", `${kind} 3`);
    await deploy("f/hidden/comes", `${kind} 4`);
    expect([await seen(shown), await seen(hidden)]).toEqual([
      [200, 201],
      [404, 404],
    ]);
    expect(await status(admin, "POST", `/${kind}/move`, { path: "f/moving/goes", to: "f/hidden/goes" })).toBe(200);
    expect(await status(admin, "POST", `/${kind}/move`, { path: "f/hidden/comes", to: "f/moving/comes" })).toBe(200);
    // Replicas know within a second where a script is.
    await expect.poll(() => seen(shown), { timeout: 10_000 }).toEqual([404, 404]);
    await expect.poll(() => seen(hidden), { timeout: 10_000 }).toEqual([200, 201]);
  });

  test("drafts are for those who develop, and everybody's are shown of paths in reach", async () => {
    const put = (token: string, path: string) => status(token, "PUT", `/drafts/by-path?kind=script&path=${path}`, { value: { content: path } });
    expect(await put(admin, "f/hidden/draft")).toBe(201);
    expect(await put(admin, "u/alice/draft")).toBe(201);
    expect(await put(alice.token, "u/alice/mine")).toBe(201);
    expect(await put(alice.token, "f/hidden/draft")).toBe(403);
    expect(await put(olga.token, "u/olga/draft")).toBe(403);
    const listed = async (token: string, query = ""): Promise<string[]> => paths((await world.ask(token, "GET", `${api}/drafts${query}`)).body, "drafts");
    expect(await listed(alice.token)).toEqual(["u/alice/mine"]);
    expect(await listed(alice.token, "?everybody=true")).toEqual(["u/alice/draft", "u/alice/mine"]);
    expect(await listed(admin, "?everybody=true")).toEqual(["f/hidden/draft", "u/alice/draft", "u/alice/mine"]);
    expect(await status(olga.token, "GET", "/drafts")).toBe(403);
  });

  test("by Windmill's names the same holds", async () => {
    const theirs = "/api/w/team";
    const ask = async (token: string, method: string, path: string, body?: unknown): Promise<number> =>
      (await world.ask(token, method, `${theirs}${path}`, body)).status;
    const flow = { value: { modules: [] }, summary: "x" };
    const script = { content: "x", language: "noop", summary: "x" };
    expect(await ask(alice.token, "POST", "/scripts/create", { path: "f/closed/theirs", ...script })).toBe(403);
    expect(await ask(alice.token, "POST", "/flows/create", { path: "f/closed/theirs", ...flow })).toBe(403);
    expect(await ask(alice.token, "POST", "/flows/update/f/closed/theirs", { path: "u/alice/theirs", ...flow })).toBe(403);
    expect(await ask(alice.token, "POST", "/scripts/archive/p/f/closed/one", {})).toBe(403);
    expect(await ask(alice.token, "DELETE", "/flows/delete/f/closed/theirs")).toBe(403);
    expect(await ask(alice.token, "GET", "/scripts/get/p/f/closed/one")).toBe(404);
    expect(await ask(alice.token, "GET", "/scripts/exists/p/f/closed/one")).toBe(404);
    expect(await ask(alice.token, "POST", "/jobs/run/p/f/closed/one", {})).toBe(404);
    expect((await world.ask(alice.token, "GET", `${theirs}/scripts/list`)).text).not.toContain("f/closed");
    expect(await ask(alice.token, "POST", "/folders/create", { name: "closed" })).toBe(403);
    expect(await ask(admin, "POST", "/folders/create", { name: "closed" })).toBe(200);
    expect((await world.ask(alice.token, "GET", `${theirs}/folders/listnames`)).text).toBe("[]");
    expect((await world.ask(admin, "GET", `${theirs}/folders/listnames`)).text).toBe('["closed"]');
    for (const kind of ["variables", "resources"] as const) {
      const listed = async (token: string, query = ""): Promise<string[]> =>
        ((await world.ask(token, "GET", `${theirs}/${kind}/list?${query}`)).body as { path: string }[]).map(({ path }) => path);
      const all = await listed(admin);
      expect(all).toEqual(expect.arrayContaining(["f/closed/one", "u/alice/one"]));
      expect(await listed(alice.token)).toEqual(["u/alice/one"]);
      expect(await listed(admin, "path_start=u/")).toEqual(all.filter((path) => path.startsWith("u/")));
      expect(await ask(admin, "GET", `/${kind}/list?value=secret`)).toBe(400);
    }
    expect(await ask(alice.token, "GET", "/workspaces/tarball?archive_type=zip")).toBe(403);
    for (const path of ["f/odd/in", "f/odd/../../out"]) await world.ask(admin, "PUT", `${api}/variables/by-path?path=${path}`, { value: "x" });
    const archive = await world.ask(admin, "GET", `${theirs}/workspaces/tarball?archive_type=zip`);
    expect([archive.status, archive.text.includes("f/odd/in"), archive.text.includes("..")]).toEqual([200, true, false]);
    const who = async (token: string): Promise<unknown> => (await world.ask(token, "GET", `${theirs}/users/whoami`)).body;
    expect(await who(alice.token)).toMatchObject({ username: "alice@example.com", is_admin: false, operator: false });
    expect(await who(olga.token)).toMatchObject({ is_admin: false, operator: true });
    expect(await who(admin)).toMatchObject({ is_admin: true, is_super_admin: false });
  });

  test("a member grants the own place and no other; a viewer grants nothing", async () => {
    const share = (token: string, path: string) =>
      world.ask(token, "PUT", `${api}/folders/by-path?path=${path}`, { grants: [{ user: "olga", level: "read" }] });
    expect((await share(alice.token, "u/alice")).status).toBe(201);
    expect(await status(olga.token, "GET", "/scripts/by-path?path=u/alice/one")).toBe(200);
    expect((await share(alice.token, "f/closed")).status).toBe(403);
    expect((await share(alice.token, "u/olga")).status).toBe(403);
    expect((await share(vera.token, "u/vera")).status).toBe(403);
    expect((await world.ask(alice.token, "DELETE", `${api}/folders/by-path?path=u/alice`)).status).toBe(204);
    expect(await status(olga.token, "GET", "/scripts/by-path?path=u/alice/one")).toBe(404);
  });

  test("what is wrong with a grant is said: nobody of that name, no such group, one of two named twice", async () => {
    for (const grants of [
      [{ user: "nobody", level: "read" }],
      [{ group: "none", level: "read" }],
      [{ level: "read" }, { level: "write" }],
      [{ user: "alice", group: "ops", level: "read" }],
    ])
      expect((await world.ask(admin, "PUT", `${api}/folders/by-path?path=f/bad`, { grants })).status).toBe(400);
    expect(await status(admin, "GET", "/folders/by-path?path=f/bad")).toBe(404);
  });
});

describe("jobs", () => {
  const run = (token: string, body: object) => world.ask(token, "POST", `${api}/jobs`, body);
  const idOf = (body: unknown): string => String(Reflect.get(Object(body), "id"));

  test("a member runs what is in reach and sees those jobs, and the own ones, alone", async () => {
    await grant("f/shared", { level: "read" });
    const shared = idOf((await run(admin, { script: "f/shared/one" })).body);
    const closed = idOf((await run(admin, { script: "f/closed/one" })).body);
    const own = idOf((await run(olga.token, { script: "u/olga/one" })).body);
    expect((await run(olga.token, { script: "f/closed/one" })).status).toBe(404);
    expect((await run(vera.token, { script: "f/shared/one" })).status).toBe(403);
    const list = await world.ask(olga.token, "GET", `${api}/jobs`);
    expect((list.body as { jobs: { id: string }[] }).jobs.map(({ id }) => id).sort()).toEqual([shared, own].sort());
    for (const suffix of ["", "/args", "/result", "/logs"]) {
      const answer = await world.ask(olga.token, "GET", `${api}/jobs/${closed}${suffix}`);
      expect([suffix, answer.status]).toEqual([suffix, 404]);
      expect(answer.text).toContain(`there is no job ${closed}`);
    }
    expect(await status(olga.token, "POST", `/jobs/${closed}/cancel`, {})).toBe(404);
    expect(await status(olga.token, "GET", `/jobs/${shared}/args`)).toBe(200);
    expect(await status(vera.token, "GET", `/jobs/${own}`)).toBe(404);
    expect(await status(olga.token, "POST", `/jobs/${shared}/cancel`, {})).toBe(202);
    const hash = String(Reflect.get(Object((await world.ask(admin, "GET", `${api}/scripts/by-path?path=f/closed/one`)).body), "hash"));
    expect(await status(olga.token, "GET", `/scripts/by-hash/${hash}`)).toBe(404);
    expect((await run(olga.token, { hash })).status).toBe(404);
    await world.ask(admin, "DELETE", `${api}/folders/by-path?path=f/shared`);
  });

  test("operators bring no code; developers do", async () => {
    const code = { code: { language: "noop", content: "x" } };
    expect((await run(olga.token, code)).status).toBe(403);
    expect((await run(olga.token, { document: { summary: "", value: { modules: [] } } })).status).toBe(403);
    expect((await run(alice.token, code)).status).toBe(201);
  });

  test("a flow may run what its author may run, and says of the rest that it is not there", async () => {
    const flow = (path: string) => ({
      path: "u/alice/flow",
      document: { summary: "", value: { modules: [{ id: "a", value: { type: "script", path, input_transforms: {} } }] } },
    });
    const refused = await world.ask(alice.token, "POST", `${api}/flows`, flow("f/closed/one"));
    expect(refused.status).toBe(400);
    expect(refused.text).toContain("there is no script at f/closed/one");
    expect((await world.ask(alice.token, "POST", `${api}/flows`, flow("u/alice/one"))).status).toBe(201);
    expect((await world.ask(admin, "POST", `${api}/flows`, flow("f/closed/one"))).status).toBe(201);
  });
});

describe("schedules and triggers", () => {
  const schedule = (more: object = {}) => ({ cron: "0 0 1 1 *", script: "f/team/one", ...more });
  const trigger = (more: object = {}) => ({ kind: "webhook", script: "f/team/one", auth: { kind: "token" }, ...more });
  const put = (token: string, what: "schedules" | "triggers", path: string, body: object) =>
    world.ask(token, "PUT", `${api}/${what}/by-path?path=${path}`, body);
  let dora: { account: AccountId; token: string };

  beforeAll(async () => {
    dora = await world.makeMember(team, "dora@example.com", "developer");
    await world.ask(admin, "POST", `${api}/scripts`, { path: "f/team/one", language: "noop", content: "one" });
    await grant("f/team", { user: "dora", level: "write" }, { user: "olga", level: "read" });
  });

  /** A job that is said to have been made by this. */
  async function untilMade(createdBy: string): Promise<JobId> {
    for (const begunMs = performance.now(); performance.now() - begunMs < 20_000; await new Promise((resolve) => setTimeout(resolve, 50))) {
      const { rows } = await world.pool.query<{ id: JobId }>(
        "SELECT j.id::text FROM job j JOIN script s ON s.id = j.script_id WHERE j.workspace_id = $1 AND j.created_by = $2 AND s.path = $3",
        [team, createdBy, "f/team/one"],
      );
      if (rows[0] !== undefined) return rows[0].id;
    }
    throw new Error(`there is no job by ${createdBy}`);
  }
  /** What a job may use, as another replica would find out. */
  const placesOf = async (job: JobId) => (await createAccessControl(world.pool, () => 0).job(team, job))?.places("write");

  test("a developer writes them where the paths are open, and has them run and refer to nothing that is not", async () => {
    const wrong = [
      ["schedules", schedule({ script: "f/closed/one" })],
      ["schedules", { cron: "0 0 1 1 *", flow: "f/closed/none" }],
      ["schedules", schedule({ args: { deep: [{ a: "$var:f/closed/one" }] } })],
      ["schedules", schedule({ args: { a: "$res:f/closed/one" } })],
      ["schedules", schedule({ on_error: { script: "f/closed/one" } })],
      ["schedules", schedule({ on_recovery: { script: "f/team/one", args: { a: "$var:f/closed/none" } } })],
      ["triggers", trigger({ script: "f/closed/one" })],
      ["triggers", { kind: "webhook", flow: "f/closed/none", auth: { kind: "token" } }],
      ["triggers", trigger({ constants: { a: "$var:f/closed/one" } })],
      ["triggers", trigger({ constants: { a: { b: "$res:f/closed/none" } } })],
    ] as const;
    for (const [what, body] of wrong) {
      const answer = await put(dora.token, what, "f/team/wrong", body);
      expect([what, body, answer.status]).toEqual([what, body, 404]);
      expect(answer.text).toMatch(/there is nothing at f\/closed\/(one|none), or the caller has no access to it/);
      expect(await status(admin, "GET", `/${what}/by-path?path=f/team/wrong`)).toBe(404);
    }
    for (const [what, body] of [["schedules", schedule()] as const, ["triggers", trigger()] as const]) {
      expect((await put(dora.token, what, "f/closed/own", body)).status).toBe(403);
      expect((await put(olga.token, what, "f/team/own", body)).status).toBe(403);
      expect((await put(dora.token, what, "f/team/own", body)).status).toBe(201);
    }
    expect((await put(dora.token, "schedules", "u/dora/own", schedule({ args: { a: "$var:u/dora/one", b: "$var:f/team/one" } }))).status).toBe(201);
    expect((await put(dora.token, "triggers", "u/dora/own", trigger({ constants: { a: "$var:u/dora/one", b: "$res:f/team/one" } }))).status).toBe(201);
    const route = trigger({ kind: "route", method: "GET", pattern: "/taken" });
    expect((await put(admin, "triggers", "f/closed/route", route)).status).toBe(201);
    const taken = await put(dora.token, "triggers", "f/team/route", route);
    expect([taken.status, taken.body]).toMatchObject([409, { detail: "GET /taken answers the same requests as another route" }]);
    expect((await put(admin, "triggers", "f/team/admins", trigger({ constants: { a: "$var:f/closed/one" } }))).status).toBe(201);
  });

  test("their jobs act for whoever wrote them last, whoever pauses them and lets them go on", async () => {
    expect((await put(dora.token, "schedules", "f/team/tick", schedule({ cron: "* * * * * *", paused: true }))).status).toBe(201);
    expect((await put(dora.token, "triggers", "f/team/hook", trigger({ paused: true }))).status).toBe(201);
    for (const [what, path] of [["schedules", "f/team/tick"] as const, ["triggers", "f/team/hook"] as const])
      expect((await world.ask(admin, "POST", `${api}/${what}/resume?path=${path}`)).body).toMatchObject({ paused: false, updated_by: "dora@example.com" });
    const { body } = await world.ask(dora.token, "POST", `${api}/triggers/secrets?path=f/team/hook`, {});
    const call = () => world.ask(String(Reflect.get(Object(body), "secret")), "POST", `${api}/webhooks/f/team/hook`, {});
    expect((await call()).status).toBe(202);
    const ofBoth = [await untilMade("schedule:f/team/tick by dora@example.com"), await untilMade("trigger:f/team/hook by dora@example.com")];
    for (const job of ofBoth) expect((await placesOf(job))?.toSorted()).toEqual(["f/team", "u/dora"]);
    expect(await status(dora.token, "POST", "/schedules/pause?path=f/team/tick")).toBe(200);

    expect((await put(admin, "triggers", "f/team/hook", trigger())).status).toBe(200);
    expect((await call()).status).toBe(202);
    expect(await placesOf(await untilMade("trigger:f/team/hook"))).toBeUndefined();
  });

  test("an operator runs a schedule that may be read, in the own name, and no other", async () => {
    expect((await put(admin, "schedules", "f/team/asked", schedule())).status).toBe(201);
    expect((await put(admin, "schedules", "f/closed/asked", schedule())).status).toBe(201);
    const run = await world.ask(olga.token, "POST", `${api}/schedules/run?path=f/team/asked`);
    expect([run.status, run.body]).toMatchObject([201, { asked_by: "olga@example.com" }]);
    const job = await untilMade("olga@example.com");
    expect(Reflect.get(Object(run.body), "job")).toBe(job);
    expect(await placesOf(job)).toEqual(["u/olga", "f/team"]);
    expect(await status(olga.token, "POST", "/schedules/run?path=f/closed/asked")).toBe(404);
    expect(await status(olga.token, "POST", "/schedules/pause?path=f/team/asked")).toBe(403);
    expect(await status(vera.token, "POST", "/schedules/run?path=f/team/asked")).toBe(403);
    expect(await status(dora.token, "DELETE", "/schedules/by-path?path=f/closed/asked")).toBe(403);
    expect(await status(dora.token, "DELETE", "/schedules/by-path?path=f/team/asked")).toBe(204);
  });
});

describe("scopes", () => {
  test("a token has what its scopes name, as far as its owner has it", async () => {
    const token = (...scopes: string[]) => world.personalToken(team, alice.account, scopes);
    const reader = await token("variables:read");
    expect(await status(reader, "GET", "/variables/by-path?path=u/alice/one")).toBe(200);
    expect(await status(reader, "GET", "/scripts/by-path?path=u/alice/one")).toBe(403);
    expect(await status(reader, "PUT", "/variables/by-path?path=u/alice/one", { value: "x" })).toBe(403);
    expect(await status(reader, "GET", "/variables/by-path?path=f/closed/one")).toBe(404);
    const everything = await token("*:*");
    expect(await status(everything, "GET", "/variables/by-path?path=f/closed/one")).toBe(404);
    expect(await status(everything, "PUT", "/folders/by-path?path=f/closed", { grants: [] })).toBe(403);
    expect(await status(everything, "POST", "/agents/join-tokens", {})).toBe(403);
    expect(await status(await token(), "GET", "/variables")).toBe(403);
  });

  test("a scope with a path holds there alone: lists are filtered, and routes that are about no path are closed", async () => {
    const bound = await world.makeToken("workspace", team, { scopes: ["*:*:f/shared/*", "variables:read:u/*/one"] });
    expect(await seen(bound)).toEqual(["f/shared/one"]);
    expect(await seen(bound, "variables")).toEqual(["f/shared/one", "u/alice/one", "u/olga/one"]);
    expect(await status(bound, "GET", "/scripts/by-path?path=f/closed/one")).toBe(404);
    expect(await status(bound, "PUT", "/variables/by-path?path=f/shared/one", { value: "x" })).toBe(200);
    expect(await status(bound, "PUT", "/variables/by-path?path=f/shared/deep/one", { value: "x" })).toBe(403);
    expect(await status(bound, "GET", "/agents")).toBe(403);
    expect(await status(bound, "POST", "/jobs", { script: "f/shared/one" })).toBe(201);
    expect(await status(bound, "POST", "/jobs", { code: { language: "noop", content: "x" } })).toBe(403);
  });
});
