import { execFileSync } from "node:child_process";
import { expect, test } from "vitest";
import { monotonicUs, untilUs } from "./monotonic.ts";

test("two processes read one clock: a moment in a child lies between those around it", () => {
  const read = `import { monotonicUs } from ${JSON.stringify(new URL("monotonic.ts", import.meta.url).href)}; process.stdout.write(String(monotonicUs()));`;
  // Processes that begin at different moments, so that a clock of their own would show.
  for (let child = 0; child < 2; child++) {
    const before = monotonicUs();
    const inside = Number(execFileSync(process.execPath, ["--input-type=module", "--eval", read], { encoding: "utf8" }));
    expect([before <= inside, inside <= monotonicUs()]).toEqual([true, true]);
  }
});

test("it is the machine's clock itself, with nothing added", () => {
  const us = ([seconds, nanoseconds]: [number, number]): number => seconds * 1e6 + nanoseconds / 1000;
  const before = us(process.hrtime());
  const read = monotonicUs();
  expect([before <= read, read <= us(process.hrtime())]).toEqual([true, true]);
});

test("untilUs is never early", async () => {
  for (const aheadUs of [200, 3000]) {
    const dueUs = monotonicUs() + aheadUs;
    await untilUs(dueUs);
    expect(monotonicUs()).toBeGreaterThanOrEqual(dueUs);
  }
});
