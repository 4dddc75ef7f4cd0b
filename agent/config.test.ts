import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
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
    cacheMb: 10_240,
    sharedMb: 1_024,
    buildEnv: new Map(),
    warmMb: 512,
    dedicated: 8,
    languages: [],
    extraRuntimes: [],
    drainGraceMs: 30_000,
    logLevel: "info",
  });
  expect(config.slots).toBeGreaterThanOrEqual(2);
  expect(config.packs).toBe(false);
  expect(readAgentConfig({ ...TOKEN, MILLRACE_AGENT_SLOTS: "auto" })).toMatchObject({ packs: true, slots: config.slots });
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
    MILLRACE_AGENT_MEMORY_MB: "2048",
    MILLRACE_AGENT_DATA_DIR: "/data",
    MILLRACE_AGENT_SANDBOX: "off",
    MILLRACE_AGENT_NETWORK: "full",
    MILLRACE_AGENT_BLOCK_METADATA: "off",
    MILLRACE_AGENT_JOB_MEMORY_MB: "64",
    MILLRACE_AGENT_JOB_CPU_MILLIS: "1500",
    MILLRACE_AGENT_PREPARED: "0",
    MILLRACE_AGENT_CACHE_MB: "2048",
    MILLRACE_AGENT_SHARED_MB: "64",
    MILLRACE_BUILD_ENV_PIP_INDEX_URL: "https://packages.example/simple",
    MILLRACE_BUILD_ENV_EMPTY: "",
    MILLRACE_AGENT_WARM_MB: "64",
    MILLRACE_AGENT_DEDICATED: "2",
    MILLRACE_AGENT_LANGUAGES: "python3, bash",
    MILLRACE_AGENT_RUNTIMES: "noop",
    MILLRACE_AGENT_TLS: "on",
    MILLRACE_AGENT_CA_FILE: "/ca.pem",
    MILLRACE_AGENT_DRAIN_GRACE_MS: "0",
    MILLRACE_AGENT_CERT_FILE: "/cert.pem",
    MILLRACE_AGENT_KEY_FILE: "/key.pem",
    MILLRACE_AGENT_POLICY_FILE: "/policy.json",
    MILLRACE_AGENT_STATUS_ADDRESS: "127.0.0.1:9100",
    MILLRACE_AGENT_EXIT_WHEN_IDLE_S: "60",
    MILLRACE_AGENT_MAX_JOBS: "1",
    MILLRACE_AGENT_MIN_FREE_BYTES: "0",
  });
  expect(config).toEqual({
    certFile: "/cert.pem",
    keyFile: "/key.pem",
    policyFile: "/policy.json",
    statusAddress: "127.0.0.1:9100",
    exitWhenIdleS: 60,
    maxJobs: 1,
    minFreeBytes: 0,
    joinToken: "",
    addresses: ["millrace.example:443"],
    tls: true,
    caFile: "/ca.pem",
    apiUrl: "http://other.example",
    token: "mra_secret",
    name: "builder-1",
    tags: ["gpu", "linux"],
    slots: 12,
    packs: false,
    memoryBytes: 2_048 * 1024 * 1024,
    dataDir: "/data",
    sandbox: false,
    network: "full",
    blockMetadata: false,
    jobMemoryBytes: 64 * 1024 * 1024,
    jobCpuMillis: 1_500,
    prepared: 0,
    cacheMb: 2_048,
    sharedMb: 64,
    buildEnv: new Map([["PIP_INDEX_URL", "https://packages.example/simple"]]),
    warmMb: 64,
    dedicated: 2,
    languages: ["python3", "bash"],
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
  ["MILLRACE_AGENT_CERT_FILE", "/cert.pem"],
  ["MILLRACE_AGENT_STATUS_ADDRESS", "9100"],
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

test("a join token stands for a token, and is not needed by a folder that has joined", () => {
  const dataDir = mkdtempSync(join(tmpdir(), "millrace-config-"));
  const settings = { MILLRACE_AGENT_DATA_DIR: dataDir };
  expect(readAgentConfig({ ...settings, MILLRACE_AGENT_JOIN_TOKEN: "join" })).toMatchObject({ token: "", joinToken: "join" });
  expect(readAgentConfig({ ...settings, ...TOKEN, MILLRACE_AGENT_JOIN_TOKEN: "join" })).toMatchObject({ token: "mra_secret", joinToken: "" });
  expect(() => readAgentConfig({ ...settings, MILLRACE_AGENT_JOIN_TOKEN: "join", MILLRACE_AGENT_JOIN_TOKEN_FILE: "/x" })).toThrow(/not both/);
  expect(() => readAgentConfig({ ...settings, MILLRACE_AGENT_JOIN_TOKEN_FILE: join(dataDir, "gone") })).toThrow(/cannot be read/);
  mkdirSync(join(dataDir, "identity"));
  writeFileSync(join(dataDir, "identity", "agent.json"), "{}");
  expect(readAgentConfig(settings)).toMatchObject({ token: "", joinToken: "" });
  expect(readAgentConfig({ ...settings, MILLRACE_AGENT_JOIN_TOKEN_FILE: join(dataDir, "gone") })).toMatchObject({ token: "", joinToken: "" });
  rmSync(dataDir, { recursive: true });
});

test("every setting is explained, and nothing else is", () => {
  const read = (file: string): string => readFileSync(new URL(file, import.meta.url), "utf8");
  const source = read("./config.ts");
  const schema = source.slice(source.indexOf("const environment"), source.indexOf("/** Reads the agent's settings")) + read("./life-settings.ts");
  const inSchema = [...schema.matchAll(/^ {2}(MILLRACE_[A-Z_]+):/gm)].map((match) => match[1]);
  expect(CONFIG_KEYS.map((entry) => entry.key).sort()).toEqual(inSchema.sort());
  for (const entry of CONFIG_KEYS) expect([entry.key, entry.meaning.length > 10, entry.consequence.length > 10]).toEqual([entry.key, true, true]);
});
