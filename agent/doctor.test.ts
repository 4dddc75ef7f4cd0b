import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createServer as createHttp2 } from "node:http2";
import { type AddressInfo, createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { LANGUAGES } from "../kernel/languages.ts";
import { examineHost } from "./doctor.ts";
import { checkSettings } from "./doctor-checks.ts";
import { levelOf } from "./sandbox/layers.ts";

const folders = (): string[] => readdirSync(tmpdir()).filter((name) => name.startsWith("millrace-doctor-"));

test("the doctor names every layer with what was found, and leaves nothing behind", async () => {
  const before = folders();
  const { level, layers, languages, missing } = await examineHost();
  expect(layers.map((layer) => layer.name)).toEqual([
    "bubblewrap",
    "isolation",
    "user per job",
    "memory limit",
    "process limit",
    "processor limit",
    "network rules",
  ]);
  expect(layers.filter((layer) => layer.detail === "" || layer.ok !== (layer.fix === ""))).toEqual([]);
  expect(level).toBe(levelOf(layers));
  expect(level).toBeGreaterThanOrEqual(1);
  const named = languages.map(({ language }) => language);
  expect(named).toEqual(expect.arrayContaining(["bash", "javascript", "sqlite", "typescript"]));
  // Everything else says how it could be had.
  expect([...named, ...missing.map(({ language }) => language)].sort()).toEqual([...LANGUAGES].sort());
  expect(missing.find(({ language }) => language === "http")?.fix).toContain("MILLRACE_AGENT_NETWORK=full");
  expect(folders()).toEqual(before);
});

test("without bubblewrap, or with one that does nothing, there is no level", async () => {
  expect(await examineHost({ bwrapPath: "/no/such/bwrap" })).toMatchObject({
    level: 0,
    languages: [],
    layers: [{ name: "bubblewrap", ok: false, fix: "install bubblewrap" }],
  });
  const { level, layers } = await examineHost({ bwrapPath: "/bin/true" });
  expect(level).toBe(0);
  expect(layers.find((layer) => layer.name === "isolation")).toMatchObject({ ok: false, detail: expect.stringContaining("trial sandbox") });
});

test("settings of an agent are held against the host and the control plane, and what is wrong says how to mend it", async () => {
  const dir = mkdtempSync(join(tmpdir(), "millrace-checks-"));
  const [plane, other] = [createHttp2(), createServer((socket) => socket.end())];
  try {
    const [good, bad] = [await portOf(plane), await portOf(other)];
    const policy = join(dir, "policy.json");
    writeFileSync(policy, '{"tags": ["default"]}');
    const env = { MILLRACE_AGENT_TOKEN: "t", MILLRACE_AGENT_NAME: "a", MILLRACE_AGENT_DATA_DIR: join(dir, "data"), MILLRACE_AGENT_POLICY_FILE: policy };
    const well = await checkSettings({ ...env, MILLRACE_GRPC_ADDRESS: `127.0.0.1:${good}` });
    expect(well.map(({ name, ok, fix }) => [name, ok, fix])).toEqual(["settings", "data folder", "policy", "control plane"].map((name) => [name, true, ""]));
    expect(well.map(({ detail }) => detail)).toEqual([
      "a, for the tags default, comes with a long-lived token",
      expect.stringContaining(join(dir, "data")),
      `${policy} limits tags`,
      `127.0.0.1:${good} answers, unencrypted`,
    ]);
    writeFileSync(policy, '{"tagz": ["default"]}');
    const ill = await checkSettings({ ...env, MILLRACE_GRPC_ADDRESS: `127.0.0.1:${bad},127.0.0.1:1`, MILLRACE_AGENT_MIN_FREE_BYTES: "1000000000000000" });
    expect(ill.map(({ ok }) => ok)).toEqual([true, false, false, false, false]);
    expect(ill.filter(({ ok }) => !ok).every(({ fix }) => fix !== "")).toBe(true);
    expect(ill[2]?.detail).toContain("tagz");
    expect(ill[4]?.detail).toContain("ECONNREFUSED");
    expect(readdirSync(dir)).toEqual(["policy.json"]);
    expect(await checkSettings({ ...env, MILLRACE_AGENT_SLOTS: "many" })).toMatchObject([
      { name: "settings", ok: false, detail: expect.stringContaining("SLOTS") },
    ]);
    expect(await checkSettings({ HOME: "/root" })).toEqual([]);
  } finally {
    for (const server of [plane, other]) server.close();
    rmSync(dir, { recursive: true });
  }
});

function portOf(server: Pick<Server, "listen" | "address">): Promise<number> {
  return new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve((server.address() as AddressInfo).port)));
}
