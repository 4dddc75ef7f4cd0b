import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Answer, askWith, auditOf, Browser, type IdentityServer, startIdentityServer } from "./testing/identity-server.ts";

const PASSWORD = "correct horse battery";
let server: IdentityServer;

beforeAll(async () => {
  server = await startIdentityServer();
  await askWith(server, server.adminToken, "POST", "/api/v1/accounts", { email: "ann@example.com", password: PASSWORD });
  await askWith(server, server.adminToken, "POST", "/api/v1/accounts", { email: "bob@example.com", password: PASSWORD });
});
afterAll(() => server.close());

const begin = (browser: Browser, email = "ann@example.com"): Promise<Answer> => browser.ask("POST", "/api/v1/login", { email, password: PASSWORD });
const me = (browser: Browser): Promise<Answer> => browser.ask("GET", "/api/v1/me");
const idOf = (browser: Browser): string => /^mr_ses_([^_]+)_/.exec(browser.cookies.get("millrace-session") ?? "")?.[1] ?? "";

async function loggedIn(email?: string): Promise<Browser> {
  const browser = new Browser(server.url);
  expect((await begin(browser, email)).status).toBe(200);
  return browser;
}

describe("the cookie of a session", () => {
  test("is one that scripts cannot read and other sites do not send; its secret is not in the database", async () => {
    const browser = new Browser(server.url);
    const { headers } = await begin(browser);
    expect(headers.getSetCookie()).toEqual([expect.stringMatching(/^millrace-session=mr_ses_\w+; Max-Age=43200; Path=\/; HttpOnly; SameSite=Lax$/)]);
    const secret = browser.cookies.get("millrace-session")?.split("_")[3] ?? "";
    expect(secret).toHaveLength(32);
    const { rows } = await server.pool.query("SELECT account_session::text AS row FROM account_session WHERE id = $1", [idOf(browser)]);
    expect(rows).toHaveLength(1);
    expect(rows[0].row).not.toContain(secret);
    expect(rows[0].row).not.toContain(Buffer.from(secret).toString("hex"));
  });

  test("is bound to the host and to TLS, where browsers come over the network; a plain one is then none", async () => {
    const public_ = await startIdentityServer({ publicUrl: "https://millrace.example.com" });
    try {
      await askWith(public_, public_.adminToken, "POST", "/api/v1/accounts", { email: "ann@example.com", password: PASSWORD });
      const browser = new Browser(public_.url);
      const { headers } = await begin(browser);
      expect(headers.getSetCookie()).toEqual([
        expect.stringMatching(/^__Host-millrace-session=mr_ses_\w+; Max-Age=43200; Path=\/; HttpOnly; Secure; SameSite=Lax$/),
      ]);
      expect((await me(browser)).status).toBe(200);
      const value = browser.cookies.get("__Host-millrace-session") ?? "";
      browser.cookies.clear();
      browser.cookies.set("millrace-session", value);
      expect((await me(browser)).status).toBe(401);
      browser.cookies.clear();
      browser.cookies.set("__Host-millrace-session", value);
      const logout = (headers: Record<string, string | undefined>): Promise<Answer> =>
        browser.ask("POST", "/api/v1/logout", undefined, { "sec-fetch-site": undefined, ...headers });
      expect((await logout({ origin: public_.url })).status).toBe(403);
      expect((await logout({ origin: "https://millrace.example.com" })).status).toBe(204);
    } finally {
      await public_.close();
    }
  });

  test("opens nothing when it was changed, or as a bearer token", async () => {
    const browser = await loggedIn();
    const value = browser.cookies.get("millrace-session") ?? "";
    expect((await askWith(server, value, "GET", "/api/v1/me")).status).toBe(401);
    const other = await loggedIn();
    const [, , , secret] = (other.cookies.get("millrace-session") ?? "").split("_");
    for (const wrong of [`${value}x`, value.replace(/_[^_]{32}_/, `_${secret}_`), "", "x"]) {
      browser.cookies.set("millrace-session", wrong);
      expect((await me(browser)).status).toBe(401);
    }
  });
});

describe("what another site makes a browser send", () => {
  test.each([
    ["from another site", { "sec-fetch-site": "cross-site" }],
    ["from another host of the domain", { "sec-fetch-site": "same-site" }],
    ["with another origin", { "sec-fetch-site": undefined, origin: "https://evil.example" }],
    ["that does not say where it comes from", { "sec-fetch-site": undefined }],
    ["without our header", { "x-millrace-csrf": undefined }],
  ])("changes nothing: %s", async (_, headers) => {
    const browser = await loggedIn();
    const answer = await browser.ask("POST", "/api/v1/logout", undefined, headers);
    expect(answer).toMatchObject({ status: 403, body: { code: "permission_denied" } });
    expect(answer.body.detail).toMatch(/another site may have sent this/);
    expect((await me(browser)).status).toBe(200);
  });

  test("is not looked at with a bearer token: no browser adds that by itself", async () => {
    const browser = await loggedIn();
    const headers = { "sec-fetch-site": "cross-site", "x-millrace-csrf": undefined, authorization: `Bearer ${server.adminToken}` };
    expect((await browser.ask("POST", "/api/v1/workspaces", { name: "by-token" }, headers)).status).toBe(201);
  });

  test("our own pages are told apart by their origin where the browser says no more", async () => {
    const browser = await loggedIn();
    expect((await browser.ask("POST", "/api/v1/logout", undefined, { "sec-fetch-site": undefined, origin: server.url })).status).toBe(204);
  });
});

describe("what a session alone is not enough for", () => {
  const LASTING = [
    ["POST", "/api/v1/accounts"],
    ["PATCH", "/api/v1/accounts/1"],
    ["DELETE", "/api/v1/me"],
    ["POST", "/api/v1/w/main/tokens"],
    ["POST", "/api/v1/w/main/workspace-tokens"],
    ["POST", "/api/v1/w/main/invitations"],
    ["POST", "/api/v1/w/main/service-accounts"],
    ["PUT", "/api/v1/w/main/members/by-name?name=ann"],
  ] as const;

  test("needs the password again, or another login, when a quarter of an hour is over", async () => {
    await server.pool.query("UPDATE account SET is_instance_admin = true WHERE email = 'ann@example.com'");
    const browser = await loggedIn();
    const older = (): Promise<unknown> =>
      server.pool.query(
        "UPDATE account_session SET created_at = created_at - interval '16 minutes', confirmed_at = confirmed_at - interval '16 minutes' WHERE id = $1",
        [idOf(browser)],
      );
    // What is wrong with the request is said to whoever may make it.
    const make = async (): Promise<number> => (await browser.ask("POST", "/api/v1/accounts", {})).status;
    expect(await make()).toBe(400);
    await older();
    for (const [method, path] of LASTING)
      expect(await browser.ask(method, path, method === "DELETE" ? undefined : {})).toMatchObject({
        status: 403,
        body: { detail: "this needs a login of the last 15 minutes" },
      });
    expect((await me(browser)).status).toBe(200);
    const confirm = async (password: string): Promise<number> => (await browser.ask("POST", "/api/v1/me/confirm", { password })).status;
    expect([await confirm("a guess of somebody"), await make()]).toEqual([403, 403]);
    expect([await confirm(PASSWORD), await make()]).toEqual([204, 400]);
    await older();
    expect(await make()).toBe(403);
    await begin(browser);
    expect(await make()).toBe(400);
    await server.pool.query("UPDATE account SET is_instance_admin = false");
  });

  test("is enough with a token: there is nothing to confirm it with", async () => {
    expect((await askWith(server, server.adminToken, "POST", "/api/v1/accounts", {})).status).toBe(400);
    expect((await askWith(server, server.adminToken, "POST", "/api/v1/me/confirm", { password: PASSWORD })).status).toBe(403);
  });

  test("cannot be guessed at without end", async () => {
    const browser = await loggedIn("bob@example.com");
    const confirm = async (password: string): Promise<number> => (await browser.ask("POST", "/api/v1/me/confirm", { password })).status;
    expect(await confirm("first guess")).toBe(403);
    await server.pool.query("UPDATE login_attempt SET failures = 12 WHERE key LIKE 'email %'");
    expect([await confirm("second guess"), await confirm(PASSWORD)]).toEqual([403, 429]);
    await expect.poll(() => auditOf(server, "account bob@%")).toContain("address 127.0.0.1: sessions:confirm account bob@example.com, denied");
    await server.pool.query("DELETE FROM login_attempt");
  });
});

describe("a session", () => {
  test("ends when it was idle for an hour, and after twelve hours in any case", async () => {
    const [idle, old, used] = [await loggedIn(), await loggedIn(), await loggedIn()];
    await server.pool.query("UPDATE account_session SET seen_at = seen_at - interval '61 minutes' WHERE id = $1", [idOf(idle)]);
    await server.pool.query("UPDATE account_session SET expires_at = expires_at - interval '721 minutes' WHERE id = $1", [idOf(old)]);
    await server.pool.query("UPDATE account_session SET seen_at = seen_at - interval '59 minutes' WHERE id = $1", [idOf(used)]);
    expect([(await me(idle)).status, (await me(old)).status, (await me(used)).status]).toEqual([401, 401, 200]);
    // Having been used it is not idle any more.
    const seen = (): Promise<boolean> =>
      server.pool
        .query("SELECT seen_at > now() - interval '1 minute' AS is_new FROM account_session WHERE id = $1", [idOf(used)])
        .then(({ rows }) => rows[0].is_new);
    await expect.poll(seen).toBe(true);
  });

  test("is replaced by the next login of the browser: the old cookie is dead", async () => {
    const browser = await loggedIn();
    const before = browser.cookies.get("millrace-session") ?? "";
    await begin(browser, "bob@example.com");
    expect(browser.cookies.get("millrace-session")).not.toBe(before);
    expect((await me(browser)).body.label).toBe("bob@example.com");
    const thief = new Browser(server.url);
    thief.cookies.set("millrace-session", before);
    expect((await me(thief)).status).toBe(401);
  });

  test("is over with the logout, also for who has copied its cookie", async () => {
    const browser = await loggedIn();
    const copy = new Browser(server.url);
    copy.cookies.set("millrace-session", browser.cookies.get("millrace-session") ?? "");
    expect((await me(copy)).status).toBe(200);
    expect((await browser.ask("POST", "/api/v1/logout")).status).toBe(204);
    expect(browser.cookies.size).toBe(0);
    await expect.poll(async () => (await me(copy)).status).toBe(401);
  });

  test("is listed with its browser, and ended by its owner alone, one by one or all others at once", async () => {
    await server.pool.query("DELETE FROM account_session");
    const [here, there, elsewhere] = [await loggedIn(), await loggedIn(), await loggedIn()];
    const bob = await loggedIn("bob@example.com");
    const list = async (): Promise<string[]> => (await here.ask("GET", "/api/v1/me/sessions")).body.sessions.map(({ id }: { id: string }) => id);
    expect(await list()).toEqual([idOf(elsewhere), idOf(there), idOf(here)]);
    const { sessions } = (await here.ask("GET", "/api/v1/me/sessions")).body;
    expect(sessions[2]).toMatchObject({ is_current: true, method: "password", address: "127.0.0.1", user_agent: expect.stringMatching(/node/) });
    expect((await bob.ask("DELETE", `/api/v1/me/sessions/${idOf(here)}`)).status).toBe(404);
    expect((await here.ask("DELETE", `/api/v1/me/sessions/${idOf(there)}`)).status).toBe(204);
    expect(await list()).toEqual([idOf(elsewhere), idOf(here)]);
    expect((await here.ask("DELETE", "/api/v1/me/sessions")).status).toBe(204);
    expect(await list()).toEqual([idOf(here)]);
    await expect.poll(async () => (await me(elsewhere)).status).toBe(401);
    expect((await me(bob)).status).toBe(200);
  });

  test("of a person is not what a token has: routes of sessions refuse tokens", async () => {
    for (const [method, path] of [
      ["POST", "/api/v1/logout"],
      ["GET", "/api/v1/me/sessions"],
      ["DELETE", "/api/v1/me/sessions"],
    ] as const)
      expect((await askWith(server, server.adminToken, method, path)).status).toBe(403);
  });

  test("beyond fifty makes the oldest end", async () => {
    const first = await loggedIn("bob@example.com");
    await server.pool.query(
      `INSERT INTO account_session (id, secret_hash, account_id, method, user_agent, address, expires_at)
       SELECT 'many' || n, 'x', (SELECT id FROM account WHERE email = 'bob@example.com'), 'password', '', '', now() + interval '1 hour' FROM generate_series(1, 60) AS n`,
    );
    const last = await loggedIn("bob@example.com");
    expect((await last.ask("GET", "/api/v1/me/sessions")).body.sessions).toHaveLength(50);
    expect((await me(first)).status).toBe(401);
  });
});
