import { describe, expect, it } from "vitest";
import { DEFAULT_RLIMITS, type SandboxShape } from "./sandbox.ts";
import { fitsShape, uniteMounts } from "./shape.ts";

const node = { source: "/opt/node", target: "/runtimes/node" };
const python = { source: "/opt/python", target: "/runtimes/python3" };
const made: SandboxShape = { mounts: [node, python], network: "none", tmpBytes: 1024, rlimits: DEFAULT_RLIMITS };

describe("fitsShape", () => {
  it("takes the same, with any of the mounts", () => {
    for (const mounts of [[], [node], [{ ...python }], [python, node]])
      expect(fitsShape(made, { ...made, mounts, rlimits: { ...DEFAULT_RLIMITS } })).toBe(true);
  });

  it.each<[string, Partial<SandboxShape>]>([
    ["another network", { network: "full" }],
    ["another size of /tmp", { tmpBytes: 1025 }],
    ["a mount that is missing", { mounts: [node, { source: "/opt/java", target: "/runtimes/java" }] }],
    ["another source at the same place", { mounts: [{ ...node, source: "/opt/node-2" }] }],
    ["another place of the same source", { mounts: [{ ...node, target: "/other" }] }],
    ["other open files", { rlimits: { ...DEFAULT_RLIMITS, openFiles: 1 } }],
    ["other file sizes", { rlimits: { ...DEFAULT_RLIMITS, fileBytes: 1 } }],
    ["other numbers of processes", { rlimits: { ...DEFAULT_RLIMITS, processes: 1 } }],
  ])("refuses %s", (_, change) => {
    expect(fitsShape(made, { ...made, ...change })).toBe(false);
  });
});

describe("uniteMounts", () => {
  it("has each place once", () => {
    expect(uniteMounts([node, python, { ...node }, { source: "/else", target: python.target }])).toEqual([node, python]);
  });
});
