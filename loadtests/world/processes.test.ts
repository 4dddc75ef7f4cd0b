import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { freePort } from "./processes.ts";

test("nobody is told a port that was told to another, in this program or in one beside it", async () => {
  const three = { first: 9_713, count: 3 };
  const told = [await freePort(three), await askElsewhere(three), await freePort(three), await freePort(three)];
  // What the program that has ended had is free again.
  expect(new Set([told[0], told[2], told[3]])).toEqual(new Set([9_713, 9_714, 9_715]));
  expect(told[1]).not.toBe(told[0]);
  await expect(freePort(three)).rejects.toThrow("no port is free");
  await expect(askElsewhere(three)).rejects.toThrow("no port is free");
});

async function askElsewhere(ports: { first: number; count: number }): Promise<number> {
  const ask = `const { freePort } = await import(${JSON.stringify(new URL("processes.ts", import.meta.url).href)}); console.log(await freePort(${JSON.stringify(ports)}))`;
  const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "-e", ask]);
  return Number(stdout);
}
