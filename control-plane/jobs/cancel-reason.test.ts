import { expect, test } from "vitest";
import { readReason, signedReason } from "./cancel-reason.ts";

test("a reason and who gave it are one text, and come apart again; nobody can sign with another's name", () => {
  expect(readReason(signedReason("no longer needed", "Ann"))).toEqual({ reason: "no longer needed", by: "Ann" });
  expect(readReason(signedReason(undefined, "Ann"))).toEqual({ reason: "cancelled by Ann", by: "Ann" });
  expect(readReason(signedReason("x (cancelled by Bob)", "Ann (of sales)"))).toEqual({ reason: "x (cancelled by Bob)", by: "Ann of sales" });
  expect(readReason("the flow did not end within 100 ms")).toEqual({ reason: "the flow did not end within 100 ms", by: "" });
});
