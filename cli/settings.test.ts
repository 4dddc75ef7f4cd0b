import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { resolveSettings } from "./settings.ts";

const LOCAL = { url: "http://127.0.0.1:8000", grpc: "127.0.0.1:8001", workspace: "main", token: "local-token", admin_token: "a", agent_token: "b" };
const PERSONAL = { url: "https://millrace.example", workspace: "team", token: "personal-token" };

function world(files: { local?: unknown; personal?: unknown }) {
  const root = mkdtempSync(join(tmpdir(), "millrace-settings-"));
  mkdirSync(join(root, ".millrace"));
  mkdirSync(join(root, "config/millrace"), { recursive: true });
  const write = (path: string, value: unknown): void => writeFileSync(join(root, path), typeof value === "string" ? value : JSON.stringify(value));
  if (files.local !== undefined) write(".millrace/credentials.json", files.local);
  if (files.personal !== undefined) write("config/millrace/config.json", files.personal);
  return (env: NodeJS.ProcessEnv = {}, flags = {}) =>
    resolveSettings({ flags, projectRoot: root, env: { HOME: root, XDG_CONFIG_HOME: join(root, "config"), ...env } });
}

describe("resolveSettings", () => {
  it("uses the server of this checkout before the personal one", () => {
    expect(world({ local: LOCAL, personal: PERSONAL })()).toEqual({ url: LOCAL.url, workspace: "main", token: "local-token" });
    expect(world({ personal: PERSONAL })()).toEqual({ url: PERSONAL.url, workspace: "team", token: "personal-token" });
    expect(world({})()).toEqual({ url: "http://127.0.0.1:8000", workspace: "main", token: undefined });
  });

  it("lets the environment win over files, and flags over the environment", () => {
    const resolve = world({ local: LOCAL });
    expect(resolve({ MILLRACE_WORKSPACE: "env", MILLRACE_TOKEN: "env-token" })).toEqual({ url: LOCAL.url, workspace: "env", token: "env-token" });
    expect(resolve({ MILLRACE_WORKSPACE: "env", MILLRACE_URL: "http://env:1" }, { workspace: "flag", url: "http://flag:2/" })).toEqual({
      url: "http://flag:2",
      workspace: "flag",
      token: undefined,
    });
  });

  it("never gives a token of a file to another server than that file names", () => {
    const resolve = world({ local: LOCAL, personal: PERSONAL });
    expect(resolve({ MILLRACE_URL: "http://evil.example" }).token).toBeUndefined();
    expect(resolve({ MILLRACE_URL: "http://127.0.0.1:9000" }).token).toBeUndefined();
    expect(resolve({}, { url: "https://millrace.example/" })).toEqual({ url: "https://millrace.example", workspace: "team", token: "personal-token" });
    expect(resolve({ MILLRACE_URL: "http://localhost:8000" }).token).toBe("local-token");
  });

  it("reads the state folder that is set, and a token from a file", () => {
    const other = mkdtempSync(join(tmpdir(), "millrace-state-"));
    writeFileSync(join(other, "credentials.json"), JSON.stringify({ ...LOCAL, token: "other-token" }));
    writeFileSync(join(other, "token"), "file-token\n");
    const resolve = world({ local: LOCAL });
    expect(resolve({ MILLRACE_STATE_DIR: other }).token).toBe("other-token");
    expect(resolve({ MILLRACE_TOKEN: "env-token" }, { tokenFile: join(other, "token") }).token).toBe("file-token");
    expect(() => resolve({}, { tokenFile: join(other, "none") })).toThrow("cannot be read");
  });

  it("refuses a damaged file and what is no URL", () => {
    expect(() => world({ local: "{" })()).toThrow("are not a JSON object");
    expect(() => world({})({ MILLRACE_URL: "localhost:8000" })).toThrow("is not an http(s) URL");
  });
});
