import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type Answer, askWith, auditOf, Browser, type IdentityServer, startIdentityServer, wholeAudit } from "./testing/identity-server.ts";

const PASSWORD = "correct horse battery";
let server: IdentityServer;
let browser: Browser;

beforeAll(async () => {
  server = await startIdentityServer({ env: { MILLRACE_SIGN_UP: "open", MILLRACE_TRUSTED_PROXIES: "127.0.0.1" } });
  for (const name of ["ann", "bob", "eve", "out"]) await make({ email: `${name}@example.com`, password: PASSWORD });
});
afterAll(() => server.close());
beforeEach(async () => {
  browser = new Browser(server.url);
  await server.pool.query("DELETE FROM login_attempt");
});

const admin = (method: string, path: string, body?: unknown): Promise<Answer> => askWith(server, server.adminToken, method, path, body);
const make = (body: object): Promise<Answer> => admin("POST", "/api/v1/accounts", body);
const login = (email: string, password = PASSWORD, from = browser, address = "198.51.100.1"): Promise<Answer> =>
  from.ask("POST", "/api/v1/login", { email, password }, { "x-forwarded-for": address });
const shape = ({ status, body }: Answer): unknown => ({ ...body, status, request_id: undefined });
/** Time passes for what is stored. */
const passes = (seconds: number): Promise<unknown> =>
  server.pool.query("UPDATE login_attempt SET last_at = last_at - make_interval(secs => $1), blocked_until = blocked_until - make_interval(secs => $1)", [
    seconds,
  ]);

describe("a login", () => {
  test("needs the password, whatever the case of the address, and begins a session", async () => {
    const answer = await login("ANN@Example.com");
    expect(answer).toMatchObject({ status: 200, body: { account: { email: "ann@example.com", name: "ann", has_password: true } } });
    expect((await browser.ask("GET", "/api/v1/me")).body).toMatchObject({ kind: "account", label: "ann@example.com", workspaces: [] });
    expect(JSON.stringify(answer.body)).not.toMatch(/mr_ses|argon2|secret/);
  });

  test("tells nobody whether there is such an account, has a password, or is disabled", async () => {
    await make({ email: "oidc-only@example.com" });
    const { body } = await make({ email: "gone@example.com", password: PASSWORD });
    await admin("PATCH", `/api/v1/accounts/${body.id}`, { disabled: true });
    const wrong = shape(await login("ann@example.com", "not the password"));
    for (const [email, password] of [
      ["nobody@example.com", PASSWORD],
      ["oidc-only@example.com", PASSWORD],
      ["gone@example.com", PASSWORD],
      ["not even an address", PASSWORD],
      ["ann@example.com", ""],
    ] as const)
      expect(shape(await login(email, password))).toEqual(wrong);
    expect(wrong).toMatchObject({ status: 401, detail: "the e-mail address or the password is wrong" });
  });

  test("is refused after five wrong passwords, also the right one, for longer each time; an unknown address looks the same", async () => {
    const blockS = async (): Promise<number> => {
      const { rows } = await server.pool.query(
        "SELECT round(extract(epoch FROM blocked_until - last_at))::integer AS s FROM login_attempt WHERE key LIKE 'email %'",
      );
      return rows[0].s;
    };
    for (const email of ["bob@example.com", "unknown@example.com"]) {
      await server.pool.query("DELETE FROM login_attempt");
      const blocks: number[] = [];
      for (let i = 0; i < 8; i++) {
        expect((await login(email, `wrong ${i}`)).status).toBe(401);
        blocks.push(await blockS());
        await passes(10);
      }
      expect(blocks).toEqual([0, 0, 0, 0, 0, 1, 2, 4]);
      // From here on blocks are so long that no slow machine sees their end.
      await server.pool.query("UPDATE login_attempt SET failures = 12 WHERE key LIKE 'email %'");
      expect((await login(email, "wrong again")).status).toBe(401);
      const blocked = await login(email);
      expect(blocked.status).toBe(429);
      expect(Number(blocked.headers.get("retry-after"))).toBeGreaterThan(60);
      expect(Number(blocked.headers.get("retry-after"))).toBeLessThanOrEqual(128);
    }
    await server.pool.query("DELETE FROM login_attempt");
    for (const [password, status] of [
      ["one mistake", 401],
      [PASSWORD, 200],
    ] as const)
      expect((await login("bob@example.com", password)).status).toBe(status);
    expect((await server.pool.query("SELECT 1 FROM login_attempt WHERE key LIKE 'email %'")).rows).toEqual([]);
  });

  test("guessed from one address at many accounts is refused too, and from another address it is not", async () => {
    await server.pool.query("INSERT INTO login_attempt (key, failures) VALUES ('address 198.51.100.1', 35)");
    expect((await login("someone@example.com", "a guess")).status).toBe(401);
    expect((await login("eve@example.com")).status).toBe(429);
    expect((await login("eve@example.com", PASSWORD, browser, "198.51.100.2")).status).toBe(200);
  });

  test("that comes many times at once is not let in more often than one after the other", async () => {
    await login("eve@example.com", "one guess");
    // The next one is blocked for minutes: however slow this machine is, nobody waits that long.
    await server.pool.query("UPDATE login_attempt SET failures = 12 WHERE key LIKE 'email %'");
    const answers = await Promise.all(Array.from({ length: 20 }, (_, i) => login("eve@example.com", `guess ${i}`, new Browser(server.url), `198.51.100.${i}`)));
    expect(answers.filter(({ status }) => status === 401)).toHaveLength(1);
    expect(answers.filter(({ status }) => status === 429)).toHaveLength(19);
  });

  test("does not end a block by a login to an account of one's own", async () => {
    await server.pool.query("INSERT INTO login_attempt (key, failures) VALUES ('address 198.51.100.1', 40)");
    expect((await login("ann@example.com", "a guess")).status).toBe(401);
    expect((await login("eve@example.com")).status).toBe(429);
    const { rows } = await server.pool.query("SELECT failures FROM login_attempt WHERE key LIKE 'address%'");
    expect(rows).toEqual([{ failures: 41 }]);
  });

  test("with text that cannot be stored is a mistake of the caller, not of ours", async () => {
    for (const email of ["nul\u0000@example.com", "half\ud800@example.com"]) expect((await login(email)).status).toBe(400);
  });

  test("sent off by another site is refused", async () => {
    const from = (headers: Record<string, string | undefined>): Promise<Answer> =>
      browser.ask("POST", "/api/v1/login", { email: "ann@example.com", password: PASSWORD }, headers);
    expect((await from({ "sec-fetch-site": "cross-site" })).status).toBe(403);
    expect((await from({ "sec-fetch-site": undefined, origin: "https://evil.example" })).status).toBe(403);
    expect((await from({ "sec-fetch-site": undefined, "x-millrace-csrf": undefined })).status).toBe(200);
  });
});

describe("a sign-up", () => {
  const signUp = (body: object, from = browser): Promise<Answer> => from.ask("POST", "/api/v1/sign-up", { name: "New", password: PASSWORD, ...body });

  test("makes an account and logs it in; an address is taken once, whatever its case", async () => {
    expect(await signUp({ email: "New@example.com" })).toMatchObject({
      status: 201,
      body: { account: { email: "New@example.com", is_instance_admin: false } },
    });
    expect((await browser.ask("GET", "/api/v1/me")).status).toBe(200);
    expect((await signUp({ email: "new@EXAMPLE.com" })).status).toBe(409);
  });

  test("takes no short password, no address that is none, and nothing that is not asked for", async () => {
    for (const body of [
      { email: "x@example.com", password: "too short" },
      { email: "none" },
      { email: "a@b@c" },
      { email: "x@example.com", is_instance_admin: true },
    ])
      expect((await signUp(body)).status).toBe(400);
  });
});

describe("an account", () => {
  test("that is disabled loses its sessions within a second and logs in again when it is enabled", async () => {
    const { body: made } = await make({ email: "dis@example.com", password: PASSWORD });
    await login("dis@example.com");
    expect((await admin("PATCH", `/api/v1/accounts/${made.id}`, { disabled: true })).body.disabled_at).not.toBeNull();
    await expect.poll(async () => (await browser.ask("GET", "/api/v1/me")).status).toBe(401);
    expect((await login("dis@example.com")).status).toBe(401);
    await admin("PATCH", `/api/v1/accounts/${made.id}`, { disabled: false });
    expect((await browser.ask("GET", "/api/v1/me")).status).toBe(401);
    expect((await login("dis@example.com")).status).toBe(200);
  });

  test("changes its password with the old one; its other sessions end, this one stays", async () => {
    await make({ email: "change@example.com", password: PASSWORD });
    const other = new Browser(server.url);
    await login("change@example.com", PASSWORD, other);
    await login("change@example.com");
    const change = (current: string, password = "a new password of mine"): Promise<Answer> => browser.ask("PUT", "/api/v1/me/password", { current, password });
    expect((await change("wrong")).status).toBe(403);
    expect((await change(PASSWORD, "short")).status).toBe(400);
    expect((await change(PASSWORD)).status).toBe(204);
    expect((await browser.ask("GET", "/api/v1/me")).status).toBe(200);
    await expect.poll(async () => (await other.ask("GET", "/api/v1/me")).status).toBe(401);
    expect((await login("change@example.com", PASSWORD, other)).status).toBe(401);
    expect((await login("change@example.com", "a new password of mine", other)).status).toBe(200);
  });

  test("of which somebody has the session cannot be guessed at without end", async () => {
    await make({ email: "guess@example.com", password: PASSWORD });
    await login("guess@example.com");
    const guess = async (text: string): Promise<number> => (await browser.ask("PUT", "/api/v1/me/password", { current: text, password: PASSWORD })).status;
    expect(await guess("first")).toBe(403);
    await server.pool.query("UPDATE login_attempt SET failures = 12 WHERE key LIKE 'email %'");
    expect([await guess("second"), await guess("third"), await guess(PASSWORD)]).toEqual([403, 429, 429]);
  });

  test("of an administrator of the instance makes and changes others, and nobody else does", async () => {
    const { body: boss } = await make({ email: "boss@example.com", password: PASSWORD, is_instance_admin: true });
    await login("boss@example.com");
    const { body: made } = await browser.ask("POST", "/api/v1/accounts", { email: "made@example.com", name: "Made" });
    expect(made).toMatchObject({ email: "made@example.com", name: "Made", has_password: false, created_by: "boss@example.com" });
    expect((await browser.ask("PATCH", `/api/v1/accounts/${made.id}`, { password: PASSWORD })).body).toMatchObject({ has_password: true });
    const { body: list } = await browser.ask("GET", "/api/v1/accounts?prefix=BO&limit=1");
    expect(list.accounts.map(({ email }: { email: string }) => email)).toEqual(["bob@example.com"]);
    const { body: rest } = await browser.ask("GET", `/api/v1/accounts?prefix=BO&cursor=${list.next_cursor}`);
    expect(rest).toEqual({ accounts: [expect.objectContaining({ id: boss.id })] });
    const ann = new Browser(server.url);
    await login("ann@example.com", PASSWORD, ann);
    for (const [method, path, body] of [
      ["GET", "/api/v1/accounts"],
      ["GET", `/api/v1/accounts/${boss.id}`],
      ["POST", "/api/v1/accounts", { email: "y@example.com" }],
      ["PATCH", `/api/v1/accounts/${boss.id}`, { disabled: true }],
      ["GET", "/api/v1/workspaces"],
      ["POST", "/api/v1/workspaces", { name: "hers" }],
      ["PATCH", "/api/v1/workspaces/main", { name: "hers" }],
    ] as const) {
      expect((await ann.ask(method, path, body)).status).toBe(403);
      expect((await askWith(server, undefined, method, path, body)).status).toBe(401);
    }
  });
});

describe("an account that its person deletes", () => {
  test("is gone with its sessions, tokens and memberships; what it made stays, with its name", async () => {
    const { body: made } = await make({ email: "leaver@example.com", password: PASSWORD, member_of: [{ workspace: "main", role: "developer" }] });
    const [here, there] = [new Browser(server.url), new Browser(server.url)];
    await login("leaver@example.com", PASSWORD, here);
    await login("leaver@example.com", PASSWORD, there);
    const { body: token } = await here.ask("POST", "/api/v1/w/main/tokens", { label: "x" });
    const count = async (): Promise<object> =>
      (
        await server.pool.query(
          `SELECT (SELECT count(*)::int FROM account WHERE id = $1::bigint) AS accounts, (SELECT count(*)::int FROM account_session WHERE account_id = $1::bigint) AS sessions,
             (SELECT count(*)::int FROM token WHERE account_id = $1::bigint) AS tokens, (SELECT count(*)::int FROM workspace_member WHERE account_id = $1::bigint) AS memberships,
             (SELECT count(*)::int FROM member_name WHERE name = 'leaver') AS names`,
          [made.id],
        )
      ).rows[0];
    expect(await count()).toEqual({ accounts: 1, sessions: 2, tokens: 1, memberships: 1, names: 1 });
    expect((await askWith(server, token.token, "DELETE", "/api/v1/me")).status).toBe(403);
    expect((await here.ask("DELETE", "/api/v1/me")).status).toBe(204);
    expect(here.cookies.size).toBe(0);
    expect(await count()).toEqual({ accounts: 0, sessions: 0, tokens: 0, memberships: 0, names: 1 });
    await expect.poll(async () => (await there.ask("GET", "/api/v1/me")).status).toBe(401);
    await expect.poll(async () => (await askWith(server, token.token, "GET", "/api/v1/me")).status).toBe(401);
    expect((await login("leaver@example.com", PASSWORD, here, "198.51.100.44")).status).toBe(401);
    expect(await auditOf(server, "account leaver@%", "member leaver")).toEqual([
      "test-admin: members:write member leaver",
      "leaver@example.com: members:delete member leaver",
      "test-admin: accounts:create account leaver@example.com",
      "leaver@example.com: sessions:begin account leaver@example.com",
      "leaver@example.com: sessions:begin account leaver@example.com",
      "leaver@example.com: accounts:delete account leaver@example.com",
    ]);
    // Whoever comes with the address is somebody else.
    await make({ email: "leaver@example.com", password: PASSWORD, member_of: [{ workspace: "main", role: "viewer" }] });
    const { rows } = await server.pool.query("SELECT name FROM workspace_member WHERE name LIKE 'leaver%'");
    expect(rows).toEqual([{ name: "leaver2" }]);
  });

  test("is not the last administrator of a workspace, nor of the instance; two of them do not go at once", async () => {
    await admin("POST", "/api/v1/workspaces", { name: "kept" });
    const member = { password: PASSWORD, member_of: [{ workspace: "kept", role: "admin" }] };
    const boss = (await make({ ...member, email: "one-boss@example.com" })).body;
    const one = new Browser(server.url);
    await login("one-boss@example.com", PASSWORD, one);
    expect(await one.ask("DELETE", "/api/v1/me")).toMatchObject({
      status: 409,
      body: { detail: "one-boss@example.com is the last administrator of the workspace kept" },
    });
    await make({ ...member, email: "two-boss@example.com" });
    expect((await one.ask("DELETE", "/api/v1/me")).status).toBe(204);
    expect((await admin("GET", `/api/v1/accounts/${boss.id}`)).status).toBe(404);

    await server.pool.query("UPDATE account SET is_instance_admin = false");
    const root = async (email: string): Promise<string> => (await make({ email, password: PASSWORD, is_instance_admin: true })).body.id;
    const ids = [await root("root-1@example.com"), await root("root-2@example.com")];
    const unmade = await Promise.all(
      ids.map((id, at) => admin("PATCH", `/api/v1/accounts/${id}`, at === 0 ? { is_instance_admin: false } : { disabled: true })),
    );
    expect(unmade.map(({ status }) => status).sort()).toEqual([200, 409]);
    const last = unmade[0]?.status === 409 ? 0 : 1;
    const browser = new Browser(server.url);
    await login(`root-${last + 1}@example.com`, PASSWORD, browser);
    expect(await browser.ask("DELETE", "/api/v1/me")).toMatchObject({
      status: 409,
      body: { detail: "this account is the last administrator of the instance" },
    });
    expect((await admin("PATCH", `/api/v1/accounts/${ids[last]}`, { name: "Still" })).status).toBe(200);
    await root("root-3@example.com");
    expect((await browser.ask("DELETE", "/api/v1/me")).status).toBe(204);
    await server.pool.query("UPDATE account SET is_instance_admin = false");
  });
});

describe("the audit log of the instance", () => {
  test("has who came in, who could not, and who went, once a minute for what failed", async () => {
    await make({ email: "seen@example.com", password: PASSWORD });
    for (const wrong of ["a wrong guess", "another wrong guess"]) expect((await login("seen@example.com", wrong)).status).toBe(401);
    // Whoever typed a password where the address belongs did not tell it to the log.
    expect((await login("my-secret-passphrase", "x")).status).toBe(401);
    await login("SEEN@example.com");
    const other = new Browser(server.url);
    await login("seen@example.com", PASSWORD, other);
    await browser.ask("DELETE", "/api/v1/me/sessions");
    await browser.ask("DELETE", "/api/v1/me/sessions");
    await browser.ask("POST", "/api/v1/logout");
    await server.pool.query("INSERT INTO login_attempt (key, failures, blocked_until) VALUES ('address 198.51.100.9', 50, now() + interval '1 hour')");
    for (const email of ["seen@example.com", "nobody-at-all@example.com"]) expect((await login(email, PASSWORD, browser, "198.51.100.9")).status).toBe(429);
    await expect.poll(() => auditOf(server, "account seen@%", "sessions of seen@%", "address 198.51.100.9")).toHaveLength(7);
    const rows = await auditOf(server, "account seen@%", "sessions of seen@%", "address 198.51.100.9");
    expect(rows.sort()).toEqual([
      "address 198.51.100.1: sessions:begin account seen@example.com, denied",
      "address 198.51.100.9: sessions:begin account seen@example.com, denied",
      "address 198.51.100.9: sessions:begin address 198.51.100.9, denied",
      "seen@example.com: sessions:begin account seen@example.com",
      "seen@example.com: sessions:begin account seen@example.com",
      "seen@example.com: sessions:end sessions of seen@example.com",
      "test-admin: accounts:create account seen@example.com",
    ]);
    const { rows: ended } = await server.pool.query(
      "SELECT FROM audit_event WHERE actor = 'seen@example.com' AND action = 'sessions:end' AND target LIKE 'session %'",
    );
    expect(ended).toHaveLength(1);
    const whole = await wholeAudit(server);
    for (const secret of [PASSWORD, "wrong guess", "my-secret-passphrase", "nobody-at-all", "argon2", "mr_", ...browser.cookies.values()])
      expect(whole).not.toContain(secret);
  });

  test("has what was done to an account, and nothing of what was left as it is", async () => {
    await make({ email: "remains@example.com", password: PASSWORD, is_instance_admin: true });
    const { body: made } = await make({ email: "changed@example.com", password: PASSWORD });
    const patch = (body: object): Promise<Answer> => admin("PATCH", `/api/v1/accounts/${made.id}`, body);
    await login("changed@example.com");
    await browser.ask("PUT", "/api/v1/me/password", { current: PASSWORD, password: "the password after that" });
    await patch({ password: "the password of an administrator", disabled: false });
    await patch({ is_instance_admin: true, name: "Changed" });
    await patch({ is_instance_admin: true, name: "Changed" });
    await patch({ is_instance_admin: false, disabled: true });
    expect((await login("changed@example.com", "the password of an administrator", browser, "198.51.100.7")).status).toBe(401);
    await expect.poll(async () => (await auditOf(server, "account changed@%")).at(-1)).toMatch(/denied$/);
    await patch({ disabled: false });
    expect(await auditOf(server, "account changed@%")).toEqual([
      "test-admin: accounts:create account changed@example.com",
      "changed@example.com: sessions:begin account changed@example.com",
      "changed@example.com: accounts:change-password account changed@example.com",
      "test-admin: accounts:reset-password account changed@example.com",
      "test-admin: accounts:rename account changed@example.com",
      "test-admin: accounts:make-admin account changed@example.com",
      "test-admin: accounts:disable account changed@example.com",
      "test-admin: accounts:unmake-admin account changed@example.com",
      "address 198.51.100.7: sessions:begin account changed@example.com, denied",
      "test-admin: accounts:enable account changed@example.com",
    ]);
    const whole = await wholeAudit(server);
    for (const secret of [PASSWORD, "the password after that", "the password of an administrator", server.adminToken]) expect(whole).not.toContain(secret);
  });
});
