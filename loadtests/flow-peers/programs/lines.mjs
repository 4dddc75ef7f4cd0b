// What the programs in JavaScript have in common; see program.ts.
import { createInterface } from "node:readline";

export const fib = (n) => (n < 2 ? n : fib(n - 1) + fib(n - 2));

export const say = (value) => process.stdout.write(`@@${JSON.stringify(value)}\n`);

/** Answers each line of stdin, and calls `end` when there are no more. */
export async function serve(run, end) {
  say({ ready: true });
  for await (const line of createInterface({ input: process.stdin })) {
    try {
      const begun = performance.now();
      await run(JSON.parse(line));
      say({ took_ms: performance.now() - begun });
    } catch (error) {
      say({ error: String(error?.stack ?? error) });
    }
  }
  await end();
  process.exit(0);
}
