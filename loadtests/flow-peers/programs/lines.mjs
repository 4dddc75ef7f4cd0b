// What the programs in JavaScript have in common; see program.ts.
import { createInterface } from "node:readline";

const fib = (n) => (n < 2 ? n : fib(n - 1) + fib(n - 2));

/** When each step of the run began and ended. */
let stamps = [];

/** What a step does. */
export function work(n) {
  const begun = performance.now();
  const value = fib(n);
  stamps.push([begun, performance.now()]);
  return value;
}

export const say = (value) => process.stdout.write(`@@${JSON.stringify(value)}\n`);

/** Answers each line of stdin, and calls `end` when there are no more. */
export async function serve(run, end) {
  say({ ready: true });
  for await (const line of createInterface({ input: process.stdin })) {
    try {
      stamps = [];
      const begun = performance.now();
      await run(JSON.parse(line));
      const took_ms = performance.now() - begun;
      say({ took_ms, steps: stamps.map(([from, to]) => [from - begun, to - begun]) });
    } catch (error) {
      say({ error: String(error?.stack ?? error) });
    }
  }
  await end();
  process.exit(0);
}
