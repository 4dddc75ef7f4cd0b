import { describe, expect, it } from "vitest";
import { LimitsInForce } from "./limits-in-force.ts";

const recorded = (refused: string[] = []) => {
  const writes: string[] = [];
  const write =
    (name: string) =>
    (value: number | undefined): void => {
      if (refused.includes(name)) throw new Error(`${name} refused`);
      writes.push(`${name} ${value ?? "none"}`);
    };
  const limits = new LimitsInForce({ memoryBytes: write("memory"), processes: write("processes"), cpuMillis: write("cpu") });
  return { limits, writes: () => writes.splice(0) };
};

describe("limits that stand already", () => {
  it("are not written again", () => {
    const { limits, writes } = recorded();
    limits.expect({ memoryBytes: 100, processes: 5 });
    expect(writes()).toEqual(["memory 100", "processes 5"]);
    limits.set({ memoryBytes: 100, processes: 5 });
    expect(writes()).toEqual([]);
    limits.set({ memoryBytes: 100, processes: 6, cpuMillis: 500 });
    expect(writes()).toEqual(["processes 6", "cpu 500"]);
  });

  it("are lifted when the job has none of its own", () => {
    const { limits, writes } = recorded();
    limits.expect({ memoryBytes: 100, processes: 5, cpuMillis: 500 });
    writes();
    limits.set({ memoryBytes: 100, processes: 5 });
    expect(writes()).toEqual(["cpu none"]);
  });

  it("are tried again after a refusal ahead of time, which then is told", () => {
    const refused = ["processes"];
    const { limits, writes } = recorded(refused);
    limits.expect({ memoryBytes: 100, processes: 5 });
    expect(writes()).toEqual(["memory 100"]);
    expect(() => limits.set({ memoryBytes: 100, processes: 5 })).toThrow("processes refused");
    refused.pop();
    limits.set({ memoryBytes: 100, processes: 5 });
    expect(writes()).toEqual(["processes 5"]);
  });
});
