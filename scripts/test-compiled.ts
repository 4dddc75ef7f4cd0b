// Vitest runs this before tests of whole systems. Servers and agents that are killed do not write what they have compiled: others do it for all.
import { spawn } from "node:child_process";
import { ROOT } from "./gates.ts";

/** What a server and an agent load; the second one begins as they do, and ends by itself. */
const PROGRAMS = [
  [
    "--input-type=module",
    "--eval",
    'for (const name of ["control-plane/main", "agent/main", "cli/commands/server", "cli/commands/agent", "cli/commands/run"]) await import(`${process.cwd()}/${name}.ts`); process.exit(0);',
  ],
  ["cli/main.ts", "--version"],
];

/** Goes on beside what comes next: a process that starts before it is done compiles for itself. */
export function setup(): () => Promise<void> {
  const compiled = Promise.all(PROGRAMS.map(compile));
  return async () => {
    await compiled;
  };
}

/** Resolves when it is done, or could not be. */
function compile(args: readonly string[]): Promise<void> {
  const child = spawn(process.execPath, args, { cwd: ROOT, stdio: "ignore" });
  return new Promise((resolve) => {
    child.once("error", () => resolve());
    child.once("exit", () => resolve());
  });
}
