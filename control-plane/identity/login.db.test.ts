import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type Answer, askWith, Browser, type IdentityServer, startIdentityServer } from "./testing/identity-server.ts";

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
    await expect.poll(async () => (await browser.ask("GET", "/api/v1/me")).status, { timeout: 3000 }).toBe(401);
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
    await expect.poll(async () => (await other.ask("GET", "/api/v1/me")).status, { timeout: 3000 }).toBe(401);
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
