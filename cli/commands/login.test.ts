import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Finished, json, problem, ScriptedApi } from "../scripted-api.fixture.ts";
import { PROJECT_ROOT } from "../settings.ts";

const ME = { kind: "account", label: "ann@example.com", account: { email: "ann@example.com", name: "Ann" }, workspaces: [{ name: "main", role: "developer" }] };
const TOKEN = "mr_pat_0123456789ab_secret";

let api: ScriptedApi;
let home: string;
let file: string;
beforeEach(async () => {
  api = new ScriptedApi();
  await api.open();
  home = mkdtempSync(join(tmpdir(), "millrace-login-"));
  file = join(home, "millrace/logins.json");
});
afterEach(() => api.close());

/** Nothing but a home: no address, no token. */
function millrace(stdin: string, ...args: string[]): Promise<Finished> {
  const env = {
    PATH: process.env["PATH"],
    NODE_COMPILE_CACHE: process.env["NODE_COMPILE_CACHE"],
    HOME: "/nonexistent",
    MILLRACE_STATE_DIR: "/nonexistent",
    XDG_CONFIG_HOME: home,
  };
  const child = spawn(process.execPath, [join(PROJECT_ROOT, "cli/main.ts"), ...args], { env });
  let [stdout, stderr] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
    stdout += chunk;
  });
  child.stderr.setEncoding("utf8").on("data", (chunk: string) => {
    stderr += chunk;
  });
  child.stdin.end(stdin);
  return new Promise((resolve) => child.once("close", (code) => resolve({ code, stdout, stderr })));
}

describe("millrace login", () => {
  it("keeps a token of this machine where only its owner can read it, uses it, and revokes it", { timeout: 60_000 }, async () => {
    api
      .on("POST /api/v1/login", (response) => {
        response.writeHead(200, { "content-type": "application/json", "set-cookie": "millrace-session=s3ss10n; Path=/; HttpOnly" }).end("{}");
      })
      .on("GET /api/v1/me", json(200, ME))
      .on("POST /tokens", json(201, { id: "0123456789ab", token: TOKEN }))
      .on("POST /api/v1/logout", json(200, {}))
      .on("GET /jobs", json(200, { jobs: [] }))
      .on("DELETE /tokens/0123456789ab", json(200, {}));
    const login = await millrace("correct horse battery\n", "login", `${api.url}/`, "--email", "ann@example.com", "--password-stdin");
    expect(login).toEqual({ code: 0, stdout: "", stderr: `logged in to ${api.url} as ann@example.com, workspace main\n` });
    expect(JSON.parse(api.to("POST /api/v1/login")[0]?.body ?? "")).toEqual({ email: "ann@example.com", password: "correct horse battery" });
    expect(api.to("POST /tokens")[0]?.headers).toMatchObject({ cookie: "millrace-session=s3ss10n", "x-millrace-csrf": "1", "sec-fetch-site": "same-origin" });
    expect(api.to("POST /api/v1/logout")).toHaveLength(1);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(JSON.parse(readFileSync(file, "utf8"))).toEqual({
      current: api.url,
      servers: { [api.url]: { workspace: "main", token: TOKEN, token_id: "0123456789ab", label: "ann@example.com" } },
    });

    expect(await millrace("", "jobs")).toMatchObject({ code: 0 });
    expect(api.to("GET /jobs")[0]?.headers.authorization).toBe(`Bearer ${TOKEN}`);
    expect((await millrace("", "whoami")).stdout).toBe(`ann@example.com at ${api.url}\n* main (developer)\n`);

    expect(await millrace("", "logout")).toMatchObject({ code: 0, stderr: `logged out of ${api.url}\n` });
    expect(api.to("DELETE /tokens/0123456789ab")[0]?.headers.authorization).toBe(`Bearer ${TOKEN}`);
    expect(readFileSync(file, "utf8")).not.toContain(TOKEN);
    expect(await millrace("", "logout")).toMatchObject({ code: 3 });
  });

  it("takes a token from stdin, and refuses one that the server does not know", { timeout: 60_000 }, async () => {
    api.on(
      "GET /api/v1/me",
      problem(401, "unauthenticated", "the token is not valid"),
      json(200, { ...ME, workspaces: [...ME.workspaces, { name: "other", role: "viewer" }] }),
    );
    expect(await millrace(`${TOKEN}\n`, "login", api.url, "--token-stdin")).toMatchObject({ code: 5 });
    expect(existsSync(file)).toBe(false);
    expect(await millrace(`${TOKEN}\n`, "login", api.url, "--token-stdin")).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("there are: main, other"),
    });
    expect(await millrace(`${TOKEN}\n`, "login", api.url, "--token-stdin", "--workspace", "nowhere")).toMatchObject({ code: 5 });
    const done = await millrace(`${TOKEN}\n`, "login", api.url, "--token-stdin", "--workspace", "other", "--json");
    expect([done.code, JSON.parse(done.stdout)]).toEqual([0, { url: api.url, workspace: "other", label: "ann@example.com" }]);
    // Nobody to ask.
    expect(await millrace("", "login", api.url)).toMatchObject({ code: 2, stderr: expect.stringContaining("--email") });
  });
});
