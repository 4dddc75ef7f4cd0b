import { expect, test } from "vitest";
import { fc } from "./fast-check.fixture.ts";
import { createJobIdGenerator, parseJobId, parseToken, timeOfId } from "./ids.ts";

test("ids are strictly increasing as text, whatever the clock does, and carry the time", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: -50, max: 50 }), { minLength: 1, maxLength: 300 }), (steps) => {
      let nowMs = 1_795_000_000_000;
      const next = createJobIdGenerator(() => nowMs);
      let last = "";
      for (const step of steps) {
        nowMs += step;
        const id = next();
        expect(id > last).toBe(true);
        expect(parseJobId(id)).toBe(id);
        expect(timeOfId(id)).toBeGreaterThanOrEqual(nowMs);
        last = id;
      }
    }),
  );
});

test("more than 4,096 ids in a millisecond borrow from the next one and stay in order", () => {
  const next = createJobIdGenerator(() => 1_795_000_000_000);
  const ids = Array.from({ length: 10_000 }, next);
  expect([...ids].sort()).toEqual(ids);
  expect(new Set(ids).size).toBe(10_000);
});

test("only UUIDv7 are job ids, in any case; only decimal numbers are tokens", () => {
  expect(parseJobId("01A20000-36DD-7000-AEB1-1BBAD5BB6980")).toBe("01a20000-36dd-7000-aeb1-1bbad5bb6980");
  for (const wrong of ["", "x", "01a20000-36dd-4000-aeb1-1bbad5bb6980", "01a20000-36dd-7000-aeb1-1bbad5bb698", "01a20000-36dd-7000-aeb1-1bbad5bb6980 "]) {
    expect(parseJobId(wrong)).toBeUndefined();
  }
  expect(parseToken("1099511627777")).toBe("1099511627777");
  for (const wrong of ["", "-1", "1e3", "99999999999999999999", " 1"]) expect(parseToken(wrong)).toBeUndefined();
});
