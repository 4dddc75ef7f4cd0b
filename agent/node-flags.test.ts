import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { AGENT_ENVIRONMENT, AGENT_NODE_FLAGS } from "./node-flags.ts";

test("Node keeps the space of young objects small, and bin/millrace starts agents in the same way", () => {
  const allocate = `
    const kept = [];
    for (let n = 0; n < 5e6; n++) kept[n % 200_000] = { n, list: [n] };
    const young = process.getBuiltinModule("v8").getHeapSpaceStatistics().find((space) => space.space_name === "new_space");
    console.log(young.space_size / 2 ** 20);`;
  const youngMb = (flags: readonly string[]): number => Number(execFileSync(process.execPath, [...flags, "-e", allocate], { encoding: "utf8" }));
  expect(youngMb(AGENT_NODE_FLAGS)).toBeLessThanOrEqual(32);
  expect(youngMb([])).toBeGreaterThan(32);
  const command = readFileSync(new URL("../bin/millrace", import.meta.url), "utf8");
  expect(command).toContain(`exec "$root/node_modules/node/bin/node" ${AGENT_NODE_FLAGS.join(" ")} "$root/cli/main.ts"`);
  for (const [name, value] of Object.entries(AGENT_ENVIRONMENT)) expect(command).toContain(`${name}="\${${name}:-${value}}"`);
});
