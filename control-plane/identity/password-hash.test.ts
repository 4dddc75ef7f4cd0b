import { argon2Sync, randomBytes } from "node:crypto";
import { expect, test } from "vitest";
import { hashPassword, isPassword } from "./password-hash.ts";

test("a password is found in its own hash and in no other; the same one twice has two hashes", async () => {
  const [one, two] = await Promise.all([hashPassword("correct horse battery"), hashPassword("correct horse battery")]);
  expect(one).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/);
  expect(one).not.toBe(two);
  expect(await isPassword("correct horse battery", one)).toBe(true);
  expect(await isPassword("correct horse batterY", one)).toBe(false);
  expect(await isPassword("", one)).toBe(false);
});

test("hashes with other parameters of argon2id are read by theirs", async () => {
  const nonce = randomBytes(16);
  const hash = argon2Sync("argon2id", { message: "older", nonce, parallelism: 1, tagLength: 16, memory: 1024, passes: 3 });
  const base64 = (bytes: Buffer): string => bytes.toString("base64").replace(/=+$/, "");
  const phc = `$argon2id$v=19$m=1024,t=3,p=1$${base64(nonce)}$${base64(hash)}`;
  expect(await isPassword("older", phc)).toBe(true);
  expect(await isPassword("newer", phc)).toBe(false);
});

test("where there is no hash, or a damaged one, no password is right", async () => {
  expect(await isPassword("x", undefined)).toBe(false);
  expect(await isPassword("x", "$2b$10$damaged")).toBe(false);
});

test("letters that are typed as one sign or as two are the same password", async () => {
  expect(await isPassword("cafe\u0301 del mar", await hashPassword("caf\u00e9 del mar"))).toBe(true);
});

test("more than a hundred that wait are too many, and those that were let in are served", async () => {
  const outcomes = await Promise.allSettled(Array.from({ length: 110 }, () => isPassword("x", SMALL)));
  expect(outcomes.filter(({ status }) => status === "rejected")).toHaveLength(8);
  expect(outcomes.filter((one) => one.status === "fulfilled" && one.value)).toHaveLength(102);
  expect(outcomes.flatMap((one) => (one.status === "rejected" ? [one.reason.code] : []))).toEqual(Array(8).fill("unavailable"));
});

/** Of the password `x`, with little work. */
const SMALL = (() => {
  const nonce = Buffer.alloc(16, 1);
  const base64 = (bytes: Buffer): string => bytes.toString("base64").replace(/=+$/, "");
  const hash = argon2Sync("argon2id", { message: "x", nonce, parallelism: 1, tagLength: 16, memory: 8, passes: 1 });
  return `$argon2id$v=19$m=8,t=1,p=1$${base64(nonce)}$${base64(hash)}`;
})();
