import { expect, it } from "vitest";
import { isNetworkTarget } from "./requirements-contract.ts";

it.each(["example.org", "a", "db-1.internal:5432", "10.0.0.0/8", "10.0.0.0/8:5432", "127.0.0.1", "127.0.0.1:80"])("takes %s", (text) => {
  expect(isNetworkTarget(text)).toBe(true);
});

it.each(["", "a b", "http://x", "x:0", "x:70000", "10.0.0.0/33", "300.0.0.0/8", "-x", "x..y", "*.x", "::1", `${"a".repeat(64)}.x`])("refuses %j", (text) => {
  expect(isNetworkTarget(text)).toBe(false);
});
