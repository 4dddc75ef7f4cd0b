import { expect, test } from "vitest";
import { monotonicUs, pause } from "../load/monotonic.ts";
import { startProgram } from "./processes.ts";
import { Scope } from "./scope.ts";
import { Standstills, type Stood } from "./standstill.ts";

test("a time that nothing ran in is known afterwards, and the longest counts that reaches into a window", () => {
  const standstills = new Standstills();
  standstills.add({ kind: "stood", fromUs: 1_000_000, toUs: 1_040_000 });
  standstills.add({ kind: "stood", fromUs: 2_000_000, toUs: 2_340_000 });
  expect(standstills.longestMs({ fromUs: 0, toUs: 1_000_000 })).toBe(0);
  expect(standstills.longestMs({ fromUs: 1_020_000, toUs: 1_500_000 })).toBe(40);
  expect(standstills.longestMs({ fromUs: 0, toUs: 3_000_000 })).toBe(340);
  expect(standstills.longestMs({ fromUs: 2_340_000, toUs: 3_000_000 })).toBe(0);
});

test("the process that watches says when it was stopped", async () => {
  const scope = new Scope();
  try {
    const { child, pid } = startProgram(scope, "loadtests/world/standstill-child.ts", [], {}, true);
    const stood: Stood[] = [];
    child.on("message", (message: Stood) => stood.push(message));
    // It may not have begun to look yet, or have something to say of its start or a busy machine.
    const found = (): Stood | undefined => stood.find((one) => one.toUs - one.fromUs > 200_000);
    const begunUs = monotonicUs();
    for (let tries = 0; tries < 50 && found() === undefined; tries++) {
      process.kill(pid, "SIGSTOP");
      await pause(250);
      process.kill(pid, "SIGCONT");
      await pause(50);
    }
    expect(found()?.fromUs).toBeGreaterThan(begunUs);
  } finally {
    await scope.close();
  }
}, 30_000);
