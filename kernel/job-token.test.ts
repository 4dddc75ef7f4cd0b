import { expect, test } from "vitest";
import { asAgentKey, asJobId, asToken } from "./ids.ts";
import { isMintedWith, jobTokenKey, mintJobToken, readJobToken } from "./job-token.ts";

const SECRET = Buffer.alloc(32, 7);
const claims = { issuer: asAgentKey("12"), job: asJobId("01890000-0000-7000-8000-000000000001"), attempt: asToken("345") };

test("a token says whom it is for, and only the issuer's key makes it", () => {
  const key = jobTokenKey(SECRET, claims.issuer);
  const text = mintJobToken(key, claims);
  expect(text).toMatch(/^mr_job_12_01890000000070008000000000000001_345_[0-9a-f]{40}$/);
  expect(readJobToken(text)).toEqual(claims);
  expect(isMintedWith(key, text)).toBe(true);
  expect(isMintedWith(jobTokenKey(SECRET, asAgentKey("13")), text)).toBe(false);
  expect(isMintedWith(jobTokenKey(Buffer.alloc(32, 8), claims.issuer), text)).toBe(false);
});

test("no part of a token can be changed", () => {
  const key = jobTokenKey(SECRET, claims.issuer);
  const text = mintJobToken(key, claims);
  const changed = [
    text.replace("_345_", "_346_"),
    text.replace("_12_", "_1_"),
    text.replace(/1_345/, "2_345"),
    `${text.slice(0, -1)}${text.endsWith("0") ? "1" : "0"}`,
  ];
  for (const other of changed) {
    expect(other).not.toBe(text);
    expect(isMintedWith(key, other)).toBe(false);
  }
});

test.each([
  "",
  "mr_job_",
  "mr_job_12_0189_345_00",
  "mr_wks_abc",
  `mr_job_12_${"z".repeat(32)}_345_${"0".repeat(40)}`,
  `mr_job_12_${"0".repeat(32)}_345_${"0".repeat(40)}`,
])("%j is no token of a job", (text) => {
  expect(readJobToken(text)).toBeUndefined();
});
