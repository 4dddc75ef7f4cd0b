import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { AppError } from "../kernel/app-error.ts";
import { loadConfig, SETTINGS } from "./config.ts";

const DOCS = readFileSync(new URL("../docs/configuration.md", import.meta.url), "utf8");

interface DocumentedSetting {
  readonly name: string;
  readonly default: string;
  readonly meaning: string;
  readonly consequence: string;
}

/** Rows of the table under the heading, without the two lines of its head. */
function documented(heading: string): DocumentedSetting[] {
  const section = DOCS.split(/^## /m).find((part) => part.startsWith(`${heading}\n`)) ?? "";
  return section.split("\n").flatMap((line) => {
    const [, name = "", , fallback = "", meaning = "", consequence = ""] = line.split("|").map((cell) => cell.trim());
    return /^`[A-Z0-9_]+`$/.test(name) ? [{ name: name.replaceAll("`", ""), default: fallback.replaceAll("`", ""), meaning, consequence }] : [];
  });
}

function errorOf(env: Record<string, string>): AppError {
  try {
    loadConfig(env);
  } catch (error) {
    if (error instanceof AppError) return error;
    throw error;
  }
  throw new Error("the configuration was accepted");
}

describe("docs/configuration.md", () => {
  const rows = documented("Control plane");

  test("lists every setting of the control plane, once, and nothing else", () => {
    expect(rows.map((row) => row.name).sort()).toEqual(Object.keys(SETTINGS).sort());
  });

  test.each(Object.entries(SETTINGS))("says the default of %s, what it means and what follows", (name, setting) => {
    const row = rows.find((one) => one.name === name);
    const fallback: unknown = setting.parse(undefined);
    expect(row).toMatchObject({ default: fallback === undefined ? "none" : String(fallback) });
    expect([(row?.meaning ?? "").length > 10, (row?.consequence ?? "").length > 10]).toEqual([true, true]);
  });
});

describe("loadConfig", () => {
  test("needs nothing: every setting has a default or may be absent", () => {
    expect(loadConfig({})).toMatchObject({ MILLRACE_HTTP_PORT: 8000, MILLRACE_GRPC_PORT: 8001, MILLRACE_WORKSPACE: "main" });
    expect(loadConfig({}).MILLRACE_DATABASE_URL).toBeUndefined();
  });

  test("turns text into numbers and takes an empty value as not set", () => {
    const config = loadConfig({ MILLRACE_HTTP_PORT: "0", MILLRACE_HOT_JOBS: "500", MILLRACE_GRPC_PORT: "" });
    expect([config.MILLRACE_HTTP_PORT, config.MILLRACE_HOT_JOBS, config.MILLRACE_GRPC_PORT]).toEqual([0, 500, 8001]);
  });

  test("cannot be changed afterwards", () => {
    expect(Object.isFrozen(loadConfig({}))).toBe(true);
  });

  test("names the replica by the setting, else by host and port: two on one host must not share a lease", () => {
    expect(loadConfig({ MILLRACE_REPLICA_NAME: "east-1" }).replicaName).toBe("east-1");
    expect(loadConfig({ MILLRACE_HTTP_PORT: "9000" }).replicaName).toMatch(/:9000$/);
    expect(loadConfig({ MILLRACE_HTTP_PORT: "9000" }).replicaName).not.toBe(loadConfig({ MILLRACE_HTTP_PORT: "9001" }).replicaName);
  });

  test("leaves variables of others alone", () => {
    const others = { PATH: "/bin", MILLRACE_AGENT_SLOTS: "4", MILLRACE_TOKEN: "x", MILLRACE_URL: "http://127.0.0.1:1", MILLRACE_GRPC_ADDRESS: "a:1" };
    expect(() => loadConfig(others)).not.toThrow();
  });

  test("names every problem at once, and where the settings are listed", () => {
    const error = errorOf({ MILLRACE_HTTP_PROT: "1", MILLRACE_HTTP_PORT: "70000", MILLRACE_LOG_LEVEL: "loud" });
    expect(error.code).toBe("invalid_argument");
    expect(error.message.split("\n").slice(1)).toEqual([
      "  MILLRACE_HTTP_PROT: there is no such setting",
      expect.stringMatching(/^ {2}MILLRACE_HTTP_PORT: /),
      expect.stringMatching(/^ {2}MILLRACE_LOG_LEVEL: /),
    ]);
    expect(error.hint).toContain("docs/configuration.md");
  });

  test.each([
    ["MILLRACE_HTTP_PORT", "-1"],
    ["MILLRACE_TRUSTED_PROXIES", "10.0.0.0/33"],
    ["MILLRACE_SIGN_UP", "everybody"],
    ["MILLRACE_HTTP_PORT", "http"],
    ["MILLRACE_GRPC_PORT", "1.5"],
    ["MILLRACE_DATABASE_URL", "mysql://localhost/x"],
    ["MILLRACE_WORKSPACE", "Main"],
    ["MILLRACE_HOT_CONNECTIONS", "9"],
    ["MILLRACE_HOT_JOBS", "99"],
    ["MILLRACE_JOB_TIMEOUT_MS", "999"],
    ["MILLRACE_RESULT_MAX_BYTES", String(2 * 1024 * 1024 + 1)],
    ["MILLRACE_LOG_MAX_BYTES", "1023"],
  ])("refuses %s=%s by name", (name, value) => {
    expect(errorOf({ [name]: value }).message).toContain(`  ${name}: `);
  });

  test("refuses a reclaim that could come before the agent has fenced itself", () => {
    expect(errorOf({ MILLRACE_SELF_FENCE_MS: "20000", MILLRACE_RECLAIM_MS: "25999" }).message).toMatch(/two attempts of one job/);
    expect(() => loadConfig({ MILLRACE_SELF_FENCE_MS: "20000", MILLRACE_RECLAIM_MS: "26000" })).not.toThrow();
  });
});
