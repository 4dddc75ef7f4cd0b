import { expect, test } from "vitest";
import { actsFor, boundsIn, isAccount, madeBy, starterIn } from "./acting-for.ts";

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

test("a token that may write code at some paths alone lends its jobs these paths alone; one that writes none, or anywhere, lends what its holder has", () => {
  const label = "alice@example.com";
  for (const scopes of [
    undefined,
    ["*:*"],
    ["jobs:run"],
    ["jobs:run:f/etl/*", "*:read"],
    ["scripts:deploy", "flows:deploy:f/a/**"],
    ["jobs:inline", "scripts:deploy:f/a/**"],
  ])
    expect([scopes, actsFor(scopes === undefined ? { label } : { label, scopes })]).toEqual([scopes, label]);
  const bound = actsFor({ label, scopes: ["*:*:f/etl/**", "scripts:deploy:f/one/x", "flows:*:f/etl/**", "variables:read"] });
  expect(bound).toBe("alice@example.com within: f/etl/** f/one/x");
  for (const text of [bound, starterIn(madeBy("schedule:f/etl/x", bound)), starterIn(madeBy("trigger:f/etl/x", bound))])
    expect(boundsIn(text)).toEqual({ label, globs: ["f/etl/**", "f/one/x"] });
  expect(boundsIn(label)).toEqual({ label, globs: undefined });
  // Of a workspace's own token, too: without bounds the thing would stand alone, and have everything.
  expect(madeBy("schedule:f/etl/x", actsFor({ label: "ci", scopes: ["*:*:f/etl/**"] }))).toBe("schedule:f/etl/x by ci within: f/etl/**");
});
