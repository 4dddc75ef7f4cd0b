import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Answer, type AnswerBody, askWith, auditOf, Browser, type IdentityServer, startIdentityServer, wholeAudit } from "./testing/identity-server.ts";

const PASSWORD = "correct horse battery";
let server: IdentityServer;
let ann: Browser;
let bob: Browser;

beforeAll(async () => {
  server = await startIdentityServer();
  await admin("POST", "/api/v1/workspaces", { name: "other" });
  ann = await member("ann", "main", "admin");
  bob = await member("bob", "main", "viewer");
});
afterAll(() => server.close());

const admin = (method: string, path: string, body?: unknown): Promise<Answer> => askWith(server, server.adminToken, method, path, body);
const withToken = (token: string, method: string, path: string, body?: unknown): Promise<Answer> => askWith(server, token, method, path, body);

/** Invited, signed up, logged in. */
async function member(name: string, workspace: string, role: string): Promise<Browser> {
  const { body } = await admin("POST", `/api/v1/w/${workspace}/invitations`, { role });
  const browser = new Browser(server.url);
  const email = `${name}@example.com`;
  expect((await browser.ask("POST", "/api/v1/sign-up", { email, name, password: PASSWORD, invitation: body.token })).status).toBe(201);
  expect((await browser.ask("GET", `/api/v1/w/${workspace}/tokens`)).status).toBe(200);
  return browser;
}

async function make(browser: Browser, body: object, path = "/api/v1/w/main/tokens"): Promise<AnswerBody> {
  const answer = await browser.ask("POST", path, { label: "test", ...body });
  expect([answer.status, answer.body]).toEqual([201, expect.anything()]);
  return answer.body;
}

const isRefused = (token: string, path = "/api/v1/me"): Promise<unknown> => expect.poll(async () => (await withToken(token, "GET", path)).status).toBe(401);

describe("an invitation", () => {
  const invite = (body: object, by = ann): Promise<Answer> => by.ask("POST", "/api/v1/w/main/invitations", body);
  const signUp = (email: string, invitation?: string): Promise<Answer> =>
    new Browser(server.url).ask("POST", "/api/v1/sign-up", { email, name: "x", password: PASSWORD, ...(invitation !== undefined && { invitation }) });

  test("makes somebody new a member, once; without one nobody signs up", async () => {
    const { body } = await invite({ role: "operator" });
    expect(body).toMatchObject({ role: "operator", email: null, status: "open", created_by: "ann@example.com", token: expect.stringMatching(/^mr_inv_/) });
    const anonymous = new Browser(server.url);
    expect((await anonymous.ask("POST", "/api/v1/invitations/preview", { token: body.token })).body).toMatchObject({ workspace: "main", role: "operator" });
    expect((await signUp("first@example.com")).status).toBe(403);
    const both = await Promise.all([signUp("first@example.com", body.token), signUp("second@example.com", body.token)]);
    expect(both.map(({ status }) => status).sort()).toEqual([201, 404]);
    const { rows } = await server.pool.query(
      "SELECT role FROM workspace_member m JOIN account a ON a.id = m.account_id WHERE a.email IN ('first@example.com', 'second@example.com')",
    );
    expect(rows).toEqual([{ role: "operator" }]);
    // The loser's account was not made either.
    expect((await server.pool.query("SELECT 1 FROM account WHERE email IN ('first@example.com', 'second@example.com')")).rows).toHaveLength(1);
    expect((await anonymous.ask("POST", "/api/v1/invitations/preview", { token: body.token })).status).toBe(404);
  });

  test("is accepted by somebody who has an account; a member keeps his role and the invitation stays open", async () => {
    const { body } = await admin("POST", "/api/v1/w/other/invitations", { role: "developer" });
    expect((await bob.ask("POST", "/api/v1/invitations/accept", { token: body.token })).body).toEqual({ workspace: "other", role: "developer" });
    expect((await bob.ask("GET", "/api/v1/me")).body.workspaces).toEqual([
      { name: "main", role: "viewer" },
      { name: "other", role: "developer" },
    ]);
    const again = await invite({ role: "viewer" });
    expect((await ann.ask("POST", "/api/v1/invitations/accept", { token: again.body.token })).status).toBe(409);
    expect((await ann.ask("GET", "/api/v1/me")).body.workspaces).toEqual([{ name: "main", role: "admin" }]);
    expect((await new Browser(server.url).ask("POST", "/api/v1/invitations/preview", { token: again.body.token })).status).toBe(200);
  });

  test("to an address is for that address; revoked, expired, changed or never made they all look the same", async () => {
    const { body } = await invite({ role: "viewer", email: "Carol@example.com" });
    expect((await signUp("mallory@example.com", body.token)).status).toBe(403);
    expect((await bob.ask("POST", "/api/v1/invitations/accept", { token: body.token })).status).toBe(403);
    expect((await signUp("carol@example.com", body.token)).status).toBe(201);
    const [revoked, expired] = [(await invite({ role: "viewer" })).body, (await invite({ role: "viewer" })).body];
    expect((await ann.ask("DELETE", `/api/v1/w/main/invitations/${revoked.id}`)).status).toBe(204);
    await server.pool.query("UPDATE invitation SET expires_at = now() WHERE id = $1", [expired.id]);
    const answers: unknown[] = [];
    for (const token of [body.token, revoked.token, expired.token, `${revoked.token}x`, "mr_inv_", server.adminToken]) {
      const { status, body: said } = await signUp("dave@example.com", token);
      answers.push({ ...said, status, request_id: undefined });
    }
    expect(new Set(answers.map((one) => JSON.stringify(one))).size).toBe(1);
    expect(answers[0]).toMatchObject({ status: 404 });
    const { invitations } = (await ann.ask("GET", "/api/v1/w/main/invitations")).body;
    expect(invitations.slice(0, 3).map(({ status }: { status: string }) => status)).toEqual(["expired", "revoked", "accepted"]);
    expect(JSON.stringify(invitations)).not.toMatch(/mr_inv/);
  });

  test("is made and seen by administrators of the workspace alone", async () => {
    for (const [method, path, body] of [
      ["POST", "/invitations", { role: "admin" }],
      ["GET", "/invitations"],
      ["DELETE", "/invitations/aaaaaaaaaaaa"],
    ] as const) {
      expect((await bob.ask(method, `/api/v1/w/main${path}`, body)).status).toBe(403);
      expect((await ann.ask(method, `/api/v1/w/other${path}`, body)).status).toBe(404);
    }
    const foreign = (await admin("POST", "/api/v1/w/other/invitations", { role: "viewer" })).body;
    expect((await ann.ask("DELETE", `/api/v1/w/main/invitations/${foreign.id}`)).status).toBe(404);
    expect((await invite({ role: "owner" })).status).toBe(400);
  });
});

describe("a personal token", () => {
  test("acts for the person in its workspace, is shown once, and its use is noted", async () => {
    const made = await make(bob, { label: "laptop" });
    expect(made).toMatchObject({ kind: "personal", holder: "bob@example.com", label: "laptop", scopes: null, status: "usable", last_used_at: null });
    expect(made.token).toMatch(/^mr_pat_/);
    const days = (Date.parse(made.expires_at) - Date.now()) / 86_400_000;
    expect(days).toBeGreaterThan(89.9);
    expect(days).toBeLessThan(90.1);
    expect((await withToken(made.token, "GET", "/api/v1/me")).body).toMatchObject({
      kind: "account",
      label: "bob@example.com",
      workspaces: [{ name: "main", role: "viewer" }],
    });
    expect((await withToken(made.token, "GET", "/api/v1/w/main/members")).status).toBe(200);
    expect((await withToken(made.token, "GET", "/api/v1/w/other/members")).status).toBe(404);
    const listed = async () => (await bob.ask("GET", "/api/v1/w/main/tokens")).body.tokens[0];
    await expect.poll(async () => (await listed())?.last_used_at).toMatch(/^20/);
    expect(JSON.stringify(await listed())).not.toMatch(/mr_pat/);
  });

  test("dies within a second: revoked by its owner, by an administrator, by who found it; with its time; with the account", async () => {
    const [own, managed, found, expired, disabled] = await Promise.all([
      make(bob, {}),
      make(bob, {}),
      make(bob, {}),
      make(bob, {}),
      make(await member("dan", "main", "viewer"), {}),
    ]);
    for (const { token } of [own, managed, found, expired, disabled]) expect((await withToken(token, "GET", "/api/v1/me")).status).toBe(200);
    expect((await bob.ask("DELETE", `/api/v1/w/main/tokens/${own.id}`)).status).toBe(204);
    expect((await ann.ask("DELETE", `/api/v1/w/main/workspace-tokens/${managed.id}`)).status).toBe(204);
    expect((await askWith(server, undefined, "POST", "/api/v1/tokens/revoke-by-secret", { token: found.token })).status).toBe(204);
    await server.pool.query("UPDATE token SET expires_at = now() WHERE id = $1", [expired.id]);
    await server.pool.query("UPDATE account SET disabled_at = now() WHERE email = 'dan@example.com'");
    for (const { token } of [own, managed, found, expired, disabled]) await isRefused(token);
    const statuses = (await bob.ask("GET", "/api/v1/w/main/tokens")).body.tokens.map(({ id, status }: { id: string; status: string }) => [id, status]);
    expect(statuses).toEqual(
      expect.arrayContaining([
        [own.id, "revoked"],
        [managed.id, "revoked"],
        [found.id, "revoked"],
        [expired.id, "expired"],
      ]),
    );
  });

  test("of a member who is taken out opens nothing any more, within a second", async () => {
    const eve = await member("eve", "main", "developer");
    const { token } = await make(eve, {});
    expect((await withToken(token, "GET", "/api/v1/w/main/members")).status).toBe(200);
    expect((await ann.ask("DELETE", "/api/v1/w/main/members/by-name?name=eve")).status).toBe(204);
    await expect.poll(async () => (await withToken(token, "GET", "/api/v1/w/main/members")).status).toBe(404);
    expect((await withToken(token, "GET", "/api/v1/me")).body.workspaces).toEqual([]);
  });

  test("with scopes does what they name and nothing else, and makes no tokens", async () => {
    const { token } = await make(ann, { scopes: ["members:read", "tokens:*"] });
    expect((await withToken(token, "GET", "/api/v1/me")).body.scopes).toEqual(["members:read", "tokens:*"]);
    expect((await withToken(token, "GET", "/api/v1/w/main/members")).status).toBe(200);
    expect((await withToken(token, "GET", "/api/v1/w/main/invitations")).status).toBe(403);
    expect((await withToken(token, "GET", "/api/v1/w/main/workspace-tokens")).status).toBe(200);
    expect((await withToken(token, "POST", "/api/v1/w/main/workspace-tokens", { label: "more" })).status).toBe(403);
    for (const scopes of [[], ["all"], ["jobs:run:../x y"], Array(51).fill("jobs:run")])
      expect((await ann.ask("POST", "/api/v1/w/main/tokens", { label: "x", scopes })).status).toBe(400);
  });

  test("is made in a session, not by a token, and lives a year at most", async () => {
    const { token } = await make(ann, {});
    expect((await withToken(token, "POST", "/api/v1/w/main/tokens", { label: "child" })).status).toBe(403);
    expect((await withToken(server.adminToken, "POST", "/api/v1/w/main/tokens", { label: "child" })).status).toBe(403);
    expect((await ann.ask("POST", "/api/v1/w/main/tokens", { label: "x", expires_in_s: 366 * 86_400 })).status).toBe(400);
    expect((await ann.ask("POST", "/api/v1/w/other/tokens", { label: "x" })).status).toBe(404);
  });

  test("is for members: an administrator of the instance who is none comes in with a session alone", async () => {
    const password = PASSWORD;
    await admin("POST", "/api/v1/accounts", {
      email: "boss@example.com",
      password,
      is_instance_admin: true,
      member_of: [{ workspace: "main", role: "viewer" }],
    });
    const boss = new Browser(server.url);
    await boss.ask("POST", "/api/v1/login", { email: "boss@example.com", password });
    expect((await boss.ask("GET", "/api/v1/w/other/members")).status).toBe(200);
    expect((await boss.ask("POST", "/api/v1/w/other/tokens", { label: "x" })).status).toBe(409);
    const { token } = await make(boss, {});
    expect((await withToken(token, "GET", "/api/v1/w/main/members")).status).toBe(200);
    expect((await withToken(token, "GET", "/api/v1/w/main/invitations")).status).toBe(403);
    for (const path of ["/api/v1/accounts", "/api/v1/workspaces"]) expect((await withToken(token, "GET", path)).status).toBe(403);
    expect((await admin("POST", "/api/v1/accounts", { email: "y@example.com", member_of: [{ workspace: "nowhere", role: "viewer" }] })).status).toBe(404);
  });

  test("of somebody else is not there for who does not manage tokens", async () => {
    const hers = await make(ann, { label: "hers" });
    expect((await bob.ask("DELETE", `/api/v1/w/main/tokens/${hers.id}`)).status).toBe(404);
    expect((await bob.ask("DELETE", `/api/v1/w/main/workspace-tokens/${hers.id}`)).status).toBe(403);
    expect((await bob.ask("GET", "/api/v1/w/main/workspace-tokens")).status).toBe(403);
    const labels = (await bob.ask("GET", "/api/v1/w/main/tokens")).body.tokens.map(({ label }: { label: string }) => label);
    expect(labels).not.toContain("hers");
    expect((await withToken(hers.token, "GET", "/api/v1/me")).status).toBe(200);
  });
});

describe("a service account", () => {
  const path = "/api/v1/w/main/service-accounts";

  test("has a role and tokens, never logs in, and goes with its tokens", async () => {
    expect((await ann.ask("POST", path, { name: "robot", role: "viewer" })).body).toMatchObject({
      name: "robot",
      role: "viewer",
      created_by: "ann@example.com",
    });
    expect((await ann.ask("POST", path, { name: "robot", role: "viewer" })).status).toBe(409);
    expect((await ann.ask("GET", path)).body.service_accounts).toMatchObject([{ name: "robot", role: "viewer" }]);
    const made = await make(ann, { service_account: "robot" }, "/api/v1/w/main/workspace-tokens");
    expect(made).toMatchObject({ kind: "service", holder: "robot", created_by: "ann@example.com" });
    expect((await withToken(made.token, "GET", "/api/v1/me")).body).toEqual({
      kind: "account",
      label: "service:robot",
      workspaces: [{ name: "main", role: "viewer" }],
    });
    expect((await withToken(made.token, "GET", "/api/v1/w/main/members")).status).toBe(200);
    expect((await withToken(made.token, "GET", path)).status).toBe(403);
    expect((await ann.ask("DELETE", `${path}/robot`)).status).toBe(204);
    await isRefused(made.token);
    expect((await ann.ask("GET", path)).body).toEqual({ service_accounts: [] });
  });

  test("is its workspace's: others do not see it, and have one of the same name", async () => {
    await ann.ask("POST", path, { name: "shared-name", role: "viewer" });
    expect((await admin("POST", "/api/v1/w/other/service-accounts", { name: "shared-name", role: "admin" })).status).toBe(201);
    expect((await ann.ask("GET", path)).body.service_accounts).toMatchObject([{ name: "shared-name", role: "viewer" }]);
    await admin("POST", "/api/v1/w/other/service-accounts", { name: "only-there", role: "admin" });
    expect((await ann.ask("POST", "/api/v1/w/main/workspace-tokens", { label: "x", service_account: "only-there" })).status).toBe(404);
    expect((await ann.ask("DELETE", `${path}/only-there`)).status).toBe(404);
    expect((await bob.ask("POST", path, { name: "mine", role: "admin" })).status).toBe(403);
  });
});

describe("tokens of a workspace", () => {
  test("have the rights of its administrators and nothing outside of it", async () => {
    const { token } = await make(ann, {}, "/api/v1/w/main/workspace-tokens");
    expect(token).toMatch(/^mr_wks_/);
    expect((await withToken(token, "GET", "/api/v1/me")).body).toMatchObject({ kind: "workspace", workspaces: [{ name: "main", role: "admin" }] });
    expect((await withToken(token, "GET", "/api/v1/w/main/invitations")).status).toBe(200);
    expect((await withToken(token, "GET", "/api/v1/w/other/invitations")).status).toBe(404);
    expect((await withToken(token, "GET", "/api/v1/workspaces")).status).toBe(403);
    expect((await bob.ask("POST", "/api/v1/w/main/workspace-tokens", { label: "x" })).status).toBe(403);
  });

  test("do not pass for somebody by their label", async () => {
    for (const label of ["bob@example.com", "service:robot", "job 01a20000-36dd-7000-aeb1-1bbad5bb6980", "schedule:f/a/b"])
      expect((await ann.ask("POST", "/api/v1/w/main/workspace-tokens", { label })).status).toBe(400);
  });

  test("are listed page by page, the newest first, each once", async () => {
    const all = (await ann.ask("GET", "/api/v1/w/main/workspace-tokens")).body.tokens.map(({ id }: { id: string }) => id);
    expect(all.length).toBeGreaterThan(8);
    const seen: string[] = [];
    for (let cursor: string | undefined, pages = 0; pages === 0 || cursor !== undefined; pages++) {
      const { body } = await ann.ask("GET", `/api/v1/w/main/workspace-tokens?limit=3${cursor === undefined ? "" : `&cursor=${cursor}`}`);
      seen.push(...body.tokens.map(({ id }: { id: string }) => id));
      cursor = body.next_cursor;
    }
    expect(seen).toEqual(all);
    expect((await ann.ask("GET", "/api/v1/w/main/workspace-tokens?cursor=x")).status).toBe(400);
  });

  test("that ended three months ago are forgotten with the next one; those that work or ended later stay", async () => {
    const path = "/api/v1/w/main/workspace-tokens";
    const [long, short, alive] = [await make(ann, {}, path), await make(ann, {}, path), await make(ann, {}, path)];
    await server.pool.query("UPDATE token SET revoked_at = now() - interval '91 days' WHERE id = $1", [long.id]);
    await server.pool.query("UPDATE token SET expires_at = now() - interval '89 days' WHERE id = $1", [short.id]);
    const made = await make(ann, {}, path);
    const { rows } = await server.pool.query("SELECT id FROM token WHERE id = ANY($1)", [[long.id, short.id, alive.id, made.id]]);
    expect(rows.map(({ id }) => id).sort()).toEqual([short.id, alive.id, made.id].sort());
  });

  test("of every kind can be ended by who finds them, and the answer never says whether there was one", async () => {
    const session = bob.cookies.get("millrace-session") ?? "";
    const { token: invitation } = (await ann.ask("POST", "/api/v1/w/main/invitations", { role: "viewer" })).body;
    for (const token of [session, invitation, "mr_pat_nothing", "", session]) {
      const { status, text } = await askWith(server, undefined, "POST", "/api/v1/tokens/revoke-by-secret", { token });
      expect([status, text]).toEqual([204, ""]);
    }
    await expect.poll(async () => (await bob.ask("GET", "/api/v1/me")).status).toBe(401);
    expect((await askWith(server, undefined, "POST", "/api/v1/invitations/preview", { token: invitation })).status).toBe(404);
  });
});

describe("the audit log", () => {
  const chainOf = async (target: string): Promise<string[]> => {
    const { rows } = await server.pool.query<{ name: string | null }>(
      "SELECT w.name FROM audit_event e LEFT JOIN workspace w ON w.id = e.workspace_id WHERE e.target LIKE $1 ORDER BY e.workspace_id, e.seq",
      [target],
    );
    return rows.map(({ name }) => name ?? "the instance");
  };

  test("of a workspace has its tokens, invitations and service accounts, and no secret of theirs", async () => {
    const first = await make(ann, { label: "kept on paper", scopes: ["jobs:run"] });
    const second = await make(ann, {});
    await ann.ask("DELETE", `/api/v1/w/main/tokens/${first.id}`);
    await ann.ask("DELETE", `/api/v1/w/main/tokens/${first.id}`);
    for (let times = 0; times < 2; times++) await withToken(second.token, "POST", "/api/v1/tokens/revoke-by-secret", { token: second.token });
    await ann.ask("POST", "/api/v1/w/main/service-accounts", { name: "audited", role: "operator" });
    const third = await make(ann, { service_account: "audited" }, "/api/v1/w/main/workspace-tokens");
    await ann.ask("DELETE", `/api/v1/w/main/workspace-tokens/${third.id}`);
    await ann.ask("DELETE", "/api/v1/w/main/service-accounts/audited");
    const invited = (await ann.ask("POST", "/api/v1/w/main/invitations", { role: "viewer" })).body;
    await ann.ask("DELETE", `/api/v1/w/main/invitations/${invited.id}`);
    const used = (await ann.ask("POST", "/api/v1/w/main/invitations", { role: "viewer" })).body;
    const signUp = { email: "audited@example.com", name: "x", password: PASSWORD, invitation: used.token };
    const newcomer = new Browser(server.url);
    expect((await newcomer.ask("POST", "/api/v1/sign-up", signUp)).status).toBe(201);
    const by = "ann@example.com";
    expect(await auditOf(server, ...[first, second, third].map(({ id }) => `token ${id}`), "service account audited")).toEqual([
      `${by}: tokens:create token …`,
      `${by}: tokens:create token …`,
      `${by}: tokens:revoke token …`,
      "address 127.0.0.1: tokens:revoke-by-secret token …",
      `${by}: service-accounts:create service account audited`,
      `${by}: tokens:create token …`,
      `${by}: tokens:revoke token …`,
      `${by}: service-accounts:delete service account audited`,
    ]);
    expect(await auditOf(server, `invitation ${invited.id}`, `invitation ${used.id}`, "account audited@%")).toEqual([
      `${by}: invitations:create invitation …`,
      `${by}: invitations:revoke invitation …`,
      `${by}: invitations:create invitation …`,
      "audited@example.com: invitations:accept invitation …",
      "audited@example.com: accounts:create account audited@example.com",
      "audited@example.com: sessions:begin account audited@example.com",
    ]);
    for (const target of [`token ${first.id}`, `token ${second.id}`, `invitation ${used.id}`]) expect(await chainOf(target)).toEqual(["main", "main"]);
    expect(await chainOf("account audited@%")).toEqual(["the instance", "the instance"]);
    // What is found of a session ends in the log of the instance: it belongs to no workspace.
    const session = newcomer.cookies.get("millrace-session") ?? "";
    await newcomer.ask("POST", "/api/v1/tokens/revoke-by-secret", { token: session });
    expect(await chainOf(`session ${session.split("_")[2]}`)).toEqual(["the instance"]);
    const whole = await wholeAudit(server);
    for (const secret of [first, second, third, invited, used].map(({ token }) => token.split("_")[3] ?? "")) {
      expect(secret).toHaveLength(32);
      expect(whole).not.toContain(secret);
    }
    for (const secret of [PASSWORD, session, "mr_"]) expect(whole).not.toContain(secret);
  });

  test("of the instance has workspaces and their names", async () => {
    await admin("POST", "/api/v1/workspaces", { name: "audited-one" });
    await admin("PATCH", "/api/v1/workspaces/audited-one", { name: "audited-two" });
    await admin("PATCH", "/api/v1/workspaces/audited-one", { name: "audited-two" });
    expect(await auditOf(server, "workspace audited-%")).toEqual([
      "test-admin: workspaces:create workspace audited-one",
      "test-admin: workspaces:rename workspace audited-two",
    ]);
    expect(await chainOf("workspace audited-%")).toEqual(["the instance", "the instance"]);
  });
});
