import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { CONFIG_KEYS, readAgentConfig } from "./config.ts";

const TOKEN = { MILLRACE_AGENT_TOKEN: "mra_secret" };

test("a token is all that is needed", () => {
  const config = readAgentConfig({ ...TOKEN, PATH: "/bin" });
  expect(config).toMatchObject({
    addresses: ["127.0.0.1:8001"],
    tls: false,
    token: "mra_secret",
    tags: ["default"],
    sandbox: true,
    network: "none",
    prepared: 4,
    warmMb: 128,
    dedicated: 8,
    extraRuntimes: [],
    drainGraceMs: 30_000,
    logLevel: "info",
  });
  expect(config.slots).toBeGreaterThanOrEqual(2);
});

test("everything can be set", () => {
  const config = readAgentConfig({
    ...TOKEN,
    MILLRACE_GRPC_ADDRESS: "millrace.example:443",
    MILLRACE_URL: "http://other.example",
    MILLRACE_LOG_LEVEL: "debug",
    MILLRACE_AGENT_NAME: "builder-1",
    MILLRACE_AGENT_TAGS: "gpu, linux,gpu",
    MILLRACE_AGENT_SLOTS: "12",
    MILLRACE_AGENT_DATA_DIR: "/data",
    MILLRACE_AGENT_SANDBOX: "off",
    MILLRACE_AGENT_NETWORK: "full",
    MILLRACE_AGENT_PREPARED: "0",
    MILLRACE_AGENT_WARM_MB: "64",
    MILLRACE_AGENT_DEDICATED: "2",
    MILLRACE_AGENT_RUNTIMES: "noop",
    MILLRACE_AGENT_TLS: "on",
    MILLRACE_AGENT_CA_FILE: "/ca.pem",
    MILLRACE_AGENT_DRAIN_GRACE_MS: "0",
  });
  expect(config).toEqual({
    addresses: ["millrace.example:443"],
    tls: true,
    caFile: "/ca.pem",
    token: "mra_secret",
    name: "builder-1",
    tags: ["gpu", "linux"],
    slots: 12,
    dataDir: "/data",
    sandbox: false,
    network: "full",
    prepared: 0,
    warmMb: 64,
    dedicated: 2,
    extraRuntimes: ["noop"],
    drainGraceMs: 0,
    logLevel: "debug",
  });
});

test("the URL that people know is enough to find the listener", () => {
  const list = readAgentConfig({ ...TOKEN, MILLRACE_GRPC_ADDRESS: "a.example:1, b.example:2,,a.example:1" });
  expect(list.addresses).toEqual(["a.example:1", "b.example:2"]);
  for (const wrong of ["a.example", "a.example:1,b", ","]) {
    expect(() => readAgentConfig({ ...TOKEN, MILLRACE_GRPC_ADDRESS: wrong })).toThrow(/MILLRACE_GRPC_ADDRESS: must be host:port/);
  }
  expect(readAgentConfig({ ...TOKEN, MILLRACE_URL: "https://millrace.example/path" })).toMatchObject({ addresses: ["millrace.example:8001"], tls: true });
});

test("what is empty counts as not set", () => {
  expect(readAgentConfig({ ...TOKEN, MILLRACE_AGENT_TAGS: "", MILLRACE_URL: "" }).tags).toEqual(["default"]);
});

test.each([
  ["MILLRACE_AGENT_SLOTS", "0"],
  ["MILLRACE_AGENT_SLOTS", "many"],
  ["MILLRACE_AGENT_SANDBOX", "yes"],
  ["MILLRACE_AGENT_NETWORK", "some"],
  ["MILLRACE_AGENT_TAGS", "a b"],
  ["MILLRACE_AGENT_TAGS", ","],
  ["MILLRACE_AGENT_RUNTIMES", "cobol"],
  ["MILLRACE_AGENT_DRAIN_GRACE_MS", "-1"],
  ["MILLRACE_GRPC_ADDRESS", "nowhere"],
  ["MILLRACE_URL", "ftp://x"],
  ["MILLRACE_LOG_LEVEL", "loud"],
  ["MILLRACE_AGENT_TOKE", "x"],
])("%s=%s is refused by name", (key, value) => {
  expect(() => readAgentConfig({ ...TOKEN, [key]: value })).toThrow(key);
});

test("the token may be in a file, but not in both places", () => {
  const folder = mkdtempSync(join(tmpdir(), "millrace-config-"));
  const file = join(folder, "token");
  writeFileSync(file, "mra_from_file\n");
  expect(readAgentConfig({ MILLRACE_AGENT_TOKEN_FILE: file }).token).toBe("mra_from_file");
  expect(() => readAgentConfig({ ...TOKEN, MILLRACE_AGENT_TOKEN_FILE: file })).toThrow(/not both/);
  expect(() => readAgentConfig({ MILLRACE_AGENT_TOKEN_FILE: join(folder, "none") })).toThrow(/cannot be read/);
  expect(() => readAgentConfig({})).toThrow(/no token/);
  rmSync(folder, { recursive: true });
});

test("every setting is explained, and nothing else is", () => {
  const source = readFileSync(new URL("./config.ts", import.meta.url), "utf8");
  const schema = source.slice(source.indexOf("const environment"), source.indexOf("/** Reads the agent's settings"));
  const inSchema = [...schema.matchAll(/^ {2}(MILLRACE_[A-Z_]+):/gm)].map((match) => match[1]);
  expect(CONFIG_KEYS.map((entry) => entry.key).sort()).toEqual(inSchema.sort());
  for (const entry of CONFIG_KEYS) expect([entry.key, entry.meaning.length > 10, entry.consequence.length > 10]).toEqual([entry.key, true, true]);
});
