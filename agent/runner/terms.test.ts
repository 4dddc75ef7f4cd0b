import { describe, expect, it } from "vitest";
import { Network, type Requirements } from "../../proto/gen/millrace/agent/v1/job.ts";
import { type TermsInput, termsOf } from "./terms.ts";

const MB = 1024 * 1024;
const nothing: Requirements = { network: Network.NETWORK_UNSPECIFIED, allow: [], minSandboxLevel: 0, memoryBytes: 0, cpuMillis: 0, dedicated: false };
const able: TermsInput = {
  requirements: undefined,
  sandbox: { kind: "bubblewrap" },
  enclosure: { level: () => 3, cgroups: { kind: "v2", controls: new Set(["memory", "pids", "cpu"]), totalMemoryBytes: 1000 * MB }, noAllowList: undefined },
  network: "none",
  defaults: { memoryBytes: 0, cpuMillis: 0 },
};
const asking = (requirements: Partial<Requirements>, change: Partial<TermsInput> = {}) =>
  termsOf({ ...able, ...change, requirements: { ...nothing, ...requirements } });
const bare: Partial<TermsInput> = {
  enclosure: { level: () => 1, cgroups: { kind: "none", controls: new Set(), totalMemoryBytes: 0 }, noAllowList: "nft is missing" },
};

describe("the terms of a script", () => {
  it("are the agent's own where it asks for nothing: half of the memory for jobs, no limit of processors", () => {
    expect(termsOf(able)).toEqual({ network: "none", allow: [], limits: { memoryBytes: 500 * MB }, chosenMemoryBytes: undefined, notes: [] });
    expect(asking({}, { defaults: { memoryBytes: 64 * MB, cpuMillis: 500 }, network: "full" })).toMatchObject({
      network: "full",
      limits: { memoryBytes: 64 * MB, cpuMillis: 500 },
      chosenMemoryBytes: 64 * MB,
    });
  });

  it("are what it asks for, and never so little that nothing could begin", () => {
    expect(asking({ memoryBytes: 100 * MB, cpuMillis: 250 })).toMatchObject({ limits: { memoryBytes: 100 * MB, cpuMillis: 250 }, chosenMemoryBytes: 100 * MB });
    expect(asking({ memoryBytes: 1 })).toMatchObject({ limits: { memoryBytes: 16 * MB } });
    expect(asking({ network: Network.NETWORK_FULL })).toMatchObject({ network: "full" });
    expect(asking({ network: Network.NETWORK_NONE }, { network: "full" })).toMatchObject({ network: "none" });
    expect(asking({ network: Network.NETWORK_ALLOW_LIST, allow: ["10.0.0.1:80"] })).toMatchObject({
      network: "allow_list",
      allow: [{ kind: "range", family: 4, range: "10.0.0.1", port: 80 }],
    });
  });

  it.each<[string, Partial<Requirements>, Partial<TermsInput>, string]>([
    ["a stronger sandbox", { minSandboxLevel: 2 }, bare, "asks for sandbox level 2; this agent has level 1"],
    ["an allow list that cannot be kept", { network: Network.NETWORK_ALLOW_LIST, allow: ["a.example"] }, bare, "nft is missing"],
    ["an allow list that cannot be read", { network: Network.NETWORK_ALLOW_LIST, allow: ["a b"] }, {}, "is not a host"],
    ["no network where there is no sandbox", { network: Network.NETWORK_NONE }, { sandbox: { kind: "unsandboxed" } }, "cannot be cut off"],
    ["more memory than there is", { memoryBytes: 2000 * MB }, {}, "2.0 GB of memory; this agent has 1000 MB"],
  ])("are refused when it asks for %s", (_, requirements, change, message) => {
    expect(asking(requirements, change)).toContain(message);
  });

  it("are refused when the sandbox does not hold any more", () => {
    expect(termsOf({ ...able, enclosure: { ...able.enclosure, level: () => 0 } })).toContain("does not hold any more");
    expect(termsOf({ ...able, sandbox: { kind: "unsandboxed" }, enclosure: { ...able.enclosure, level: () => 0 } })).toMatchObject({ network: "none" });
  });

  it("say in the log what cannot be limited", () => {
    expect(asking({ memoryBytes: MB, cpuMillis: 5 }, bare)).toMatchObject({
      limits: {},
      notes: [expect.stringContaining("memory"), expect.stringContaining("processors")],
    });
  });
});
