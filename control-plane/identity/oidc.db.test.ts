import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readProviders } from "./oidc-providers.ts";
import { type Answer, askWith, auditOf, Browser, type IdentityServer, startIdentityServer } from "./testing/identity-server.ts";
import { type LocalProvider, startLocalProvider } from "./testing/local-provider.ts";

const PASSWORD = "correct horse battery";
let server: IdentityServer;
let company: LocalProvider;
let partner: LocalProvider;

beforeAll(async () => {
  const callback = (name: string) => (): string => `${server.url}/api/v1/oidc/${name}/callback`;
  const client = { clientId: "millrace", clientSecret: "a secret of the client" };
  company = await startLocalProvider({ ...client, tokenAuth: "client_secret_basic", redirectUri: callback("company") });
  partner = await startLocalProvider({ ...client, tokenAuth: "client_secret_post", redirectUri: callback("partner") });
  const provider = { client_id: client.clientId, client_secret: client.clientSecret };
  const providers = [
    { ...provider, name: "company", title: "The company", issuer: company.issuer, sign_up: true },
    { ...provider, name: "partner", title: "A partner", issuer: partner.issuer, token_auth: "client_secret_post" },
    { ...provider, name: "away", title: "Away", issuer: "http://127.0.0.1:9" },
  ];
  server = await startIdentityServer({ env: { MILLRACE_OIDC: JSON.stringify(providers) } });
});
afterAll(async () => {
  await server.close();
  await company.close();
  await partner.close();
});

const admin = (method: string, path: string, body?: unknown): Promise<Answer> => askWith(server, server.adminToken, method, path, body);

async function start(browser: Browser, provider = "company", body: object = {}): Promise<string> {
  const answer = await browser.ask("POST", `/api/v1/oidc/${provider}/start`, body);
  expect(answer).toMatchObject({ status: 200 });
  return answer.body.url;
}

/** The whole way of a person. */
async function logIn(
  subject: string,
  { at = company, provider = "company", body = {}, browser = new Browser(server.url) } = {},
): Promise<{ browser: Browser; answer: Answer; url: string }> {
  const url = await at.visit(await start(browser, provider, body), subject);
  return { browser, url, answer: await browser.ask("GET", url, undefined, { "sec-fetch-site": "cross-site" }) };
}

const me = async (browser: Browser): Promise<Answer["body"]> => (await browser.ask("GET", "/api/v1/me")).body;

describe("a login at an identity provider", () => {
  test("makes an account of a verified address, begins a session, and goes on to where it was wanted", async () => {
    company.people.set("c-1", { email: "New@example.com", email_verified: true, name: "New Person" });
    const { browser, answer } = await logIn("c-1", { body: { return_to: "/jobs?status=failed" } });
    expect([answer.status, answer.headers.get("location")]).toEqual([302, "/jobs?status=failed"]);
    expect([...browser.cookies.keys()]).toEqual(["millrace-session"]);
    expect(await me(browser)).toMatchObject({ account: { email: "New@example.com", name: "New Person", has_password: false, created_by: "oidc:company" } });
    expect((await browser.ask("GET", "/api/v1/me/sessions")).body.sessions).toMatchObject([{ method: "oidc:company" }]);
  });

  test("knows the person by the subject, also when the address is another one by now", async () => {
    company.people.set("c-2", { email: "before@example.com", email_verified: true });
    const first = (await me((await logIn("c-2")).browser)).account;
    company.people.set("c-2", { email: "after@example.com", email_verified: false });
    expect((await me((await logIn("c-2")).browser)).account).toEqual(first);
  });

  test("belongs to the account that has the verified address, and never to that of one which is not verified", async () => {
    await admin("POST", "/api/v1/accounts", { email: "ann@example.com", password: PASSWORD });
    company.people.set("thief", { email: "ann@example.com", email_verified: false });
    expect((await logIn("thief")).answer).toMatchObject({ status: 403, body: { detail: expect.stringMatching(/has not verified/) } });
    company.people.set("c-3", { email: "ANN@example.com", email_verified: true });
    expect(await me((await logIn("c-3")).browser)).toMatchObject({ label: "ann@example.com", account: { has_password: true } });
    // From both providers, if both say so.
    partner.people.set("p-3", { email: "ann@example.com", email_verified: true });
    expect(await me((await logIn("p-3", { at: partner, provider: "partner" })).browser)).toMatchObject({ label: "ann@example.com" });
  });

  test("throws out whoever had signed up with the address before its owner came", async () => {
    await admin("POST", "/api/v1/accounts", { email: "victim@example.com", password: PASSWORD, member_of: [{ workspace: "main", role: "viewer" }] });
    await server.pool.query("UPDATE account SET email_proven = false WHERE email = 'victim@example.com'");
    const squatter = new Browser(server.url);
    expect((await squatter.ask("POST", "/api/v1/login", { email: "victim@example.com", password: PASSWORD })).status).toBe(200);
    expect((await squatter.ask("POST", "/api/v1/w/main/tokens", { label: "of the squatter" })).status).toBe(201);
    company.people.set("c-4", { email: "victim@example.com", email_verified: true });
    const { browser } = await logIn("c-4");
    expect(await me(browser)).toMatchObject({ account: { email: "victim@example.com", has_password: false } });
    await expect.poll(async () => (await squatter.ask("GET", "/api/v1/me")).status).toBe(401);
    expect((await squatter.ask("POST", "/api/v1/login", { email: "victim@example.com", password: PASSWORD })).status).toBe(401);
    expect((await browser.ask("GET", "/api/v1/me")).status).toBe(200);
    expect((await auditOf(server, "account victim@%")).slice(0, 5)).toEqual([
      "test-admin: accounts:create account victim@example.com",
      "victim@example.com: sessions:begin account victim@example.com",
      "oidc:company: accounts:reclaim account victim@example.com",
      "oidc:company: accounts:link-identity account victim@example.com",
      "victim@example.com: sessions:begin account victim@example.com",
    ]);
    const { rows } = await server.pool.query("SELECT detail FROM audit_event WHERE action = 'accounts:reclaim'");
    expect(rows.map(({ detail }) => JSON.parse(detail))).toEqual([{ sessions_ended: 1, tokens_ended: 1, had_password: true }]);
    expect(await auditOf(server, "tokens of victim@%")).toEqual(["oidc:company: tokens:revoke tokens of victim@example.com"]);
  });

  test("where the provider brings nobody new needs an invitation, which is accepted with it", async () => {
    partner.people.set("p-5", { email: "guest@partner.example", email_verified: true });
    const wish = { at: partner, provider: "partner" };
    expect((await logIn("p-5", wish)).answer).toMatchObject({ status: 403, body: { detail: expect.stringMatching(/no account for you/) } });
    const { token } = (await admin("POST", "/api/v1/w/main/invitations", { role: "operator", email: "guest@partner.example" })).body;
    const { browser } = await logIn("p-5", { ...wish, body: { invitation: token } });
    expect(await me(browser)).toMatchObject({ workspaces: [{ name: "main", role: "operator" }] });
    expect((await new Browser(server.url).ask("POST", "/api/v1/oidc/partner/start", { invitation: token })).status).toBe(404);
    expect((await logIn("p-5", wish)).answer.status).toBe(302);
    // Who is a member already just logs in, and the invitation is for somebody else.
    const second = (await admin("POST", "/api/v1/w/main/invitations", { role: "viewer" })).body.token;
    expect(await me((await logIn("p-5", { ...wish, body: { invitation: second } })).browser)).toMatchObject({
      workspaces: [{ name: "main", role: "operator" }],
    });
    expect((await new Browser(server.url).ask("POST", "/api/v1/invitations/preview", { token: second })).status).toBe(200);
  });

  test("to a disabled account is refused", async () => {
    company.people.set("c-6", { email: "off@example.com", email_verified: true });
    const { account } = await me((await logIn("c-6")).browser);
    await admin("PATCH", `/api/v1/accounts/${account.id}`, { disabled: true });
    expect((await logIn("c-6")).answer.status).toBe(401);
  });
});

describe("the way back from an identity provider", () => {
  test("is open once, to the browser that went there, with what it was sent with", async () => {
    company.people.set("c-7", { email: "seven@example.com", email_verified: true });
    const browser = new Browser(server.url);
    const url = await company.visit(await start(browser), "c-7");
    const ticket = browser.cookies.get("millrace-oidc") ?? "";
    const stranger = new Browser(server.url);
    const back = async (from: Browser, to = url): Promise<number> => (await from.ask("GET", to, undefined, { "sec-fetch-site": "cross-site" })).status;
    expect(await back(stranger)).toBe(401);
    await start(stranger);
    expect(await back(stranger)).toBe(401);
    for (const change of [
      (to: URL) => to.searchParams.set("state", "x"),
      (to: URL) => to.searchParams.delete("state"),
      (to: URL) => to.searchParams.set("code", "x"),
      (to: URL) => to.searchParams.set("iss", partner.issuer),
    ]) {
      const to = new URL(url);
      change(to);
      browser.cookies.set("millrace-oidc", ticket);
      expect(await back(browser, to.href)).toBe(401);
    }
    browser.cookies.set("millrace-oidc", ticket);
    expect(await back(browser, url.replace("/company/", "/partner/"))).toBe(401);
    browser.cookies.set("millrace-oidc", ticket);
    expect(await back(browser)).toBe(302);
    const again = new Browser(server.url);
    again.cookies.set("millrace-oidc", ticket);
    expect(await back(again)).toBe(401);
    expect([...again.cookies.keys()]).toEqual([]);
  });

  test("asks for PKCE, state and nonce, each of them new", async () => {
    const urls = [new URL(await start(new Browser(server.url))), new URL(await start(new Browser(server.url)))];
    for (const name of ["state", "nonce", "code_challenge"]) {
      const values = urls.map((url) => url.searchParams.get(name));
      expect(values[0]).toMatch(/^[\w-]{20,}$/);
      expect(values[0]).not.toBe(values[1]);
    }
    expect(urls[0]?.searchParams.get("code_challenge_method")).toBe("S256");
    expect(urls[0]?.searchParams.get("redirect_uri")).toBe(`${server.url}/api/v1/oidc/company/callback`);
  });

  test("of somebody who did not consent says that the login came to nothing", async () => {
    const browser = new Browser(server.url);
    const state = new URL(await start(browser)).searchParams.get("state") ?? "";
    const answer = await browser.ask("GET", `/api/v1/oidc/company/callback?error=access_denied&state=${state}&iss=${encodeURIComponent(company.issuer)}`);
    expect(answer).toMatchObject({ status: 401, body: { detail: "the identity provider's answer is not good" } });
    expect(JSON.stringify(answer.body)).not.toMatch(/access_denied/);
  });

  test.each(["//evil.example", "/\\evil.example", "https://evil.example", "jobs", "/a\nb"])("goes to no other site: %j", async (returnTo) => {
    expect((await new Browser(server.url).ask("POST", "/api/v1/oidc/company/start", { return_to: returnTo })).status).toBe(400);
  });
});

describe("identity providers", () => {
  test("are told to people by name, without what is secret; one that there is not is a 404, one that is away a 503", async () => {
    const { body } = await new Browser(server.url).ask("GET", "/api/v1/sign-in-options");
    expect(body).toEqual({
      sign_up: "invited",
      providers: [
        { name: "company", title: "The company" },
        { name: "partner", title: "A partner" },
        { name: "away", title: "Away" },
      ],
    });
    expect((await new Browser(server.url).ask("POST", "/api/v1/oidc/none/start", {})).status).toBe(404);
    expect((await new Browser(server.url).ask("POST", "/api/v1/oidc/away/start", {})).status).toBe(503);
  });

  test("that are configured wrongly end the start with what is wrong", () => {
    const one = { name: "a", title: "A", issuer: "https://a.example", client_id: "x" };
    const wrong = (value: unknown): void => void readProviders(JSON.stringify(value));
    expect(readProviders(JSON.stringify([one]))).toMatchObject([{ scopes: ["openid", "email", "profile"], sign_up: false }]);
    expect(() => wrong([one, one])).toThrow(/same name/);
    expect(() => wrong([{ ...one, issuer: "http://a.example" }])).toThrow(/https/);
    expect(() => wrong([{ ...one, secret: "x" }])).toThrow(/secret/);
    expect(() => wrong([{ ...one, name: "A b" }])).toThrow(/0\.name/);
    expect(() => readProviders("[")).toThrow(/MILLRACE_OIDC/);
    expect(() => readProviders("/nowhere/oidc.json")).toThrow(/cannot be read/);
  });
});
