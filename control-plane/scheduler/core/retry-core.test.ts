import { describe, expect, test } from "vitest";
import { exitOf } from "../../../kernel/exit.ts";
import { RETRIED_BY_DEFAULT, type RetryPolicy, retryDelayMs } from "./retry-core.ts";

const failure = exitOf("exit_code", "", { code: 7 });
const policy = (fields: Partial<RetryPolicy> = {}): RetryPolicy => ({
  maxAttempts: 4,
  wait: { kind: "constant", delayMs: 500 },
  when: { kind: "exits", reasons: RETRIED_BY_DEFAULT, codes: undefined },
  ...fields,
});

describe("retryDelayMs", () => {
  test("there are as many attempts as the policy says, and none without a policy", () => {
    expect([0, 1, 2, 3, 9].map((failed) => retryDelayMs(policy(), failure, failed, 0))).toEqual([500, 500, 500, undefined, undefined]);
    expect(retryDelayMs(policy({ maxAttempts: 1 }), failure, 0, 0)).toBeUndefined();
    expect(retryDelayMs(undefined, failure, 0, 0)).toBeUndefined();
  });

  test("exponential waits grow by the factor up to the ceiling, also after very many failures", () => {
    const wait = { kind: "exponential", firstMs: 1000, factor: 3, maxMs: 20_000, jitter: 0 } as const;
    const many = policy({ maxAttempts: 5000, wait });
    expect([0, 1, 2, 3, 4000].map((failed) => retryDelayMs(many, failure, failed, 0.99))).toEqual([1000, 3000, 9000, 20_000, 20_000]);
  });

  test("jitter takes away up to its share of the wait and never adds to it", () => {
    const wait = { kind: "exponential", firstMs: 1000, factor: 2, maxMs: 1000, jitter: 0.4 } as const;
    expect([0, 0.5, 0.999].map((random) => retryDelayMs(policy({ wait }), failure, 0, random))).toEqual([1000, 800, 600]);
  });

  test("only the reasons and codes of the condition are tried again", () => {
    const codes = policy({ when: { kind: "exits", reasons: ["exit_code", "timeout"], codes: [7, 75] } });
    expect(retryDelayMs(codes, failure, 0, 0)).toBe(500);
    expect(retryDelayMs(codes, exitOf("exit_code", "", { code: 1 }), 0, 0)).toBeUndefined();
    expect(retryDelayMs(codes, exitOf("timeout"), 0, 0)).toBe(500);
    expect(retryDelayMs(codes, exitOf("signal"), 0, 0)).toBeUndefined();
  });

  test("what was cancelled, lost, handed back or has succeeded is never tried again", () => {
    for (const reason of ["cancelled", "lost", "fenced", "expired", "succeeded"] as const) expect(retryDelayMs(policy(), exitOf(reason), 0, 0)).toBeUndefined();
  });
});
