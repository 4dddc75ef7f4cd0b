import { expect, test } from "vitest";
import { isAccount, madeBy, starterIn } from "./acting-for.ts";

test("jobs of a schedule or a trigger act for the account that wrote it", () => {
  expect(madeBy("schedule:f/a/b", "alice@example.com")).toBe("schedule:f/a/b by alice@example.com");
  expect(madeBy("trigger:u/alice/in", "service:robot")).toBe("trigger:u/alice/in by service:robot");
  for (const writer of ["alice@example.com", "service:robot", "by by@example.com"]) {
    expect(isAccount(writer)).toBe(true);
    expect(starterIn(madeBy("schedule:f/a/b", writer))).toBe(writer);
    expect(starterIn(madeBy("trigger:f/by/by", writer))).toBe(writer);
  }
});

test("one that a token wrote stands for itself", () => {
  for (const writer of ["first-token", "", "robot by alice"]) expect(madeBy("schedule:f/a/b", writer)).toBe("schedule:f/a/b");
  expect(starterIn("schedule:f/a/b")).toBe("schedule:f/a/b");
});

test("of everybody else's jobs the text is the starter", () => {
  for (const text of ["alice@example.com", "service:robot", "first-token", "job 01a20000-36dd-7000-aeb1-1bbad5bb6980", "x by alice@example.com"])
    expect(starterIn(text)).toBe(text);
});
