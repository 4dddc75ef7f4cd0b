import { describe, expect, test } from "vitest";
import { afterEnd, HEALTHY, type Thresholds } from "./handlers-core.ts";
import { judgeOverlap, MAX_WAITING } from "./overlap-core.ts";

const FREE = { isBusy: false, waiting: 0 };
const BUSY = { isBusy: true, waiting: 0 };
const whats = (...args: Parameters<typeof judgeOverlap>): string =>
  judgeOverlap(...args)
    .map(({ what }) => what)
    .join(" ");

describe("ticks while a run has not ended", () => {
  test("skip: one run at a time, the others are left out", () => {
    expect(whats("skip", FREE, [1, 2, 3])).toBe("start skip skip");
    expect(whats("skip", BUSY, [1, 2])).toBe("skip skip");
  });

  test("queue: one run at a time, the others wait, up to a bound", () => {
    expect(whats("queue", FREE, [1, 2, 3])).toBe("start wait wait");
    expect(whats("queue", BUSY, [1])).toBe("wait");
    expect(whats("queue", { isBusy: false, waiting: 1 }, [1])).toBe("wait");
    expect(whats("queue", { isBusy: true, waiting: MAX_WAITING - 1 }, [1, 2])).toBe("wait skip");
  });

  test("parallel: all run", () => {
    expect(whats("parallel", { isBusy: true, waiting: 7 }, [1, 2])).toBe("start start");
  });
});

/** Ends of runs as letters, and the handlers that they call. */
function calls(ends: string, thresholds: Thresholds): string {
  let health = HEALTHY;
  return [...ends]
    .map((end) => {
      const next = afterEnd(health, end === "f" ? "failed" : end === "s" ? "succeeded" : "cancelled", thresholds);
      health = next.health;
      return next.call === undefined ? "-" : next.call.charAt(0);
    })
    .join("");
}

describe("handlers are called", () => {
  const each = { error: { after: 1, exact: false }, recovery: { after: 1 } };

  test("at each failure, and once when it has recovered", () => expect(calls("sffssfs", each)).toBe("-eer-er"));

  test("from the nth failure in a row on, or at it alone", () => {
    expect(calls("fsffff", { error: { after: 3, exact: false }, recovery: undefined })).toBe("----ee");
    expect(calls("fsffff", { error: { after: 3, exact: true }, recovery: undefined })).toBe("----e-");
  });

  test("on recovery after n successes in a row, if failures were many enough to count", () => {
    expect(calls("fssfsss", { ...each, recovery: { after: 3 } })).toBe("e--e--r");
    expect(calls("fsffss", { error: { after: 2, exact: true }, recovery: { after: 1 } })).toBe("---er-");
    expect(calls("fs", { error: undefined, recovery: { after: 1 } })).toBe("-r");
  });

  test("never for what was cancelled, which ends no series", () => expect(calls("fcfcs", { ...each, error: { after: 2, exact: false } })).toBe("--e-r"));
});
