import { setPriority } from "node:os";
import { monotonicUs } from "../load/monotonic.ts";
import type { Stood } from "./standstill.ts";

/** Does nothing but look at the clock: when it was not run for long, nobody was. */
const LOOK_MS = 5;
const LEAST_US = 20_000;
const HIGHEST = -20;

try {
  setPriority(HIGHEST);
} catch {
  // Without root it waits for its turn like the others, and says more than it should.
}
let lastUs = monotonicUs();
setInterval(() => {
  const nowUs = monotonicUs();
  const stood: Stood = { kind: "stood", fromUs: lastUs, toUs: nowUs };
  if (nowUs - lastUs > LEAST_US) process.send?.(stood);
  lastUs = nowUs;
}, LOOK_MS);
