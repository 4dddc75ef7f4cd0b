import { describe, expect, it } from "vitest";
import { LOCK_BYTES } from "./contract.ts";
import { lockEnd } from "./lock-result.ts";

const succeeded = { reason: "succeeded", message: "" } as const;

describe("the end of a dependency job", () => {
  it.each([
    ['{"lock":"pandas==2.2.3\\n"}', { kind: "ready", lock: "pandas==2.2.3\n" }],
    ['{"lock":"","more":1}', { kind: "ready", lock: "" }],
    ['{"lock":1}', { kind: "failed", error: expect.stringContaining("did not answer with a lock") }],
    ["null", { kind: "failed", error: expect.stringContaining("did not answer with a lock") }],
    ["no JSON", { kind: "failed", error: expect.stringContaining("did not answer with a lock") }],
    ['{"lock":"a\\u0000b"}', { kind: "failed", error: expect.stringContaining("cannot be stored") }],
    [JSON.stringify({ lock: "x".repeat(LOCK_BYTES + 1) }), { kind: "failed", error: expect.stringContaining("larger than") }],
  ])("that succeeded with %.40s", (resultJson, expected) => {
    expect(lockEnd({ exit: succeeded, resultJson })).toEqual(expected);
  });

  it("that failed tells why: what the job said, else how it ended", () => {
    const exit = { reason: "exit_code", message: "ended with code 1" } as const;
    expect(lockEnd({ exit, resultJson: '{"error":{"name":"E","message":"no package zodd"}}' })).toEqual({ kind: "failed", error: "no package zodd" });
    expect(lockEnd({ exit, resultJson: "null" })).toEqual({ kind: "failed", error: "ended with code 1" });
    expect(lockEnd({ exit: { reason: "cancelled", message: "" }, resultJson: "null" })).toEqual({ kind: "failed", error: "the job ended with cancelled" });
    expect(lockEnd({ exit, resultJson: '{"error":{"message":"a\\u0000"}}' })).toMatchObject({ kind: "failed" });
  });
});
