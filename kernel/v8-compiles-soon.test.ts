import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

/** In a process of its own: how often a function is called until V8 has compiled it as well as it can. At most 20,000 times. */
function callsUntilCompiled(settings: string): number {
  const program = `
    ${settings}
    const greet = (name) => { const made = { name, at: name.length }; return made.name + made.at; };
    const TURBOFAN = 1 << 6;
    let calls = 0;
    while (calls < 20_000 && (%GetOptimizationStatus(greet) & TURBOFAN) === 0) { greet("n" + calls); calls += 1; }
    process.stdout.write(String(calls));`;
  // Compiled at once and not on another thread: the same number each time.
  const flags = ["--allow-natives-syntax", "--no-concurrent-recompilation", "--no-maglev-build-code-on-background", "--no-concurrent-sparkplug"];
  return Number(execFileSync(process.execPath, [...flags, "--input-type=module", "-e", program], { encoding: "utf8" }));
}

test("what is called once for a request is compiled well after a hundred of them", () => {
  const module = fileURLToPath(new URL("v8-compiles-soon.ts", import.meta.url));
  expect(callsUntilCompiled(`(await import(${JSON.stringify(module)})).compileSoon();`)).toBeLessThan(200);
  // When V8 itself does so, the settings can go.
  expect(callsUntilCompiled("")).toBeGreaterThan(1000);
}, 20_000);
