import { expect, test } from "vitest";
import { AppError } from "../../../kernel/app-error.ts";
import { asJobId, type JobId } from "../../../kernel/ids.ts";
import { linkGate } from "./link-gate.ts";

const [one, other] = [asJobId("00000000-0000-7000-8000-000000000001"), asJobId("00000000-0000-7000-8000-000000000002")];

async function runOf(token: string): Promise<JobId> {
  if (token === "one") return one;
  if (token === "other") return other;
  throw new AppError("not_found", "no link");
}

test("links of one run are asked so often in a second; those of other runs, and what is no link, have no part in it", async () => {
  let nowMs = 0;
  const admit = linkGate(runOf, () => nowMs);
  for (let at = 0; at < 1000; at++) await expect(admit("made up")).rejects.toMatchObject({ code: "not_found" });
  for (let at = 0; at < 50; at++) await admit("one");
  await expect(admit("one")).rejects.toMatchObject({ code: "resource_exhausted" });
  await admit("other");
  nowMs = 1000;
  await admit("one");
});
