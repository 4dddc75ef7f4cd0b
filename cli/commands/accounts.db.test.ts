import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Browser, type IdentityServer, startIdentityServer } from "../../control-plane/identity/testing/identity-server.ts";
import { type Finished, startCli } from "../scripted-api.fixture.ts";

const PASSWORD = "correct horse battery";
let server: IdentityServer;
let folder: string;

beforeAll(async () => {
  server = await startIdentityServer();
  folder = mkdtempSync(join(tmpdir(), "millrace-accounts-"));
  writeFileSync(join(folder, "credentials.json"), JSON.stringify({ url: server.url, admin_token: server.adminToken }));
  writeFileSync(join(folder, "password"), `${PASSWORD}\n`);
});
afterAll(async () => {
  rmSync(folder, { recursive: true });
  await server.close();
});

/** As on the machine of the server: nobody gives a token. */
const millrace = (...args: string[]): Promise<Finished> => startCli(server.url, args, { MILLRACE_TOKEN: "", MILLRACE_STATE_DIR: folder }).finished;
const login = async (): Promise<number> =>
  (await new Browser(server.url).ask("POST", "/api/v1/login", { email: "ann@example.com", password: PASSWORD })).status;

test("the first account is made on the machine of the server, with a password from a file, and can be disabled and enabled", async () => {
  const create = ["account", "create", "--email", "Ann@example.com", "--instance-admin", "--role", "admin"];
  expect(await millrace(...create)).toMatchObject({ code: 2, stderr: expect.stringMatching(/nobody to ask for a password/) });
  expect(await millrace(...create, "--password-file", join(folder, "password"))).toMatchObject({
    code: 0,
    stdout: "",
    stderr: expect.stringMatching(/Ann@example.com is made, an administrator of the instance/),
  });
  expect(await login()).toBe(200);
  expect(await millrace(...create, "--no-password")).toMatchObject({ code: 4 });
  expect(await millrace("account", "disable", "ann@EXAMPLE.com")).toMatchObject({ code: 4, stderr: expect.stringContaining("last administrator") });
  expect((await millrace("account", "create", "--email", "bob@example.com", "--instance-admin", "--no-password")).code).toBe(0);
  expect((await millrace("account", "disable", "ann@EXAMPLE.com")).code).toBe(0);
  expect(await login()).toBe(401);
  const { stdout } = await millrace("account", "list", "--json");
  expect(JSON.parse(stdout).accounts).toMatchObject([
    { email: "Ann@example.com", is_instance_admin: true, disabled_at: expect.stringMatching(/^20/) },
    { email: "bob@example.com", is_instance_admin: true },
  ]);
  expect((await millrace("account", "enable", "ann@example.com")).code).toBe(0);
  expect(await login()).toBe(200);
  expect(await millrace("account", "disable", "nobody@example.com")).toMatchObject({ code: 3 });
  const { rows } = await server.pool.query("SELECT role FROM workspace_member");
  expect(rows).toEqual([{ role: "admin" }]);
});

test("the administrator's token goes to no other server than its own", async () => {
  const other = await startCli(server.url.replace("127.0.0.1", "localhost"), ["account", "list"], { MILLRACE_TOKEN: "", MILLRACE_STATE_DIR: folder }).finished;
  expect(other).toMatchObject({ code: 5, stdout: "" });
});
