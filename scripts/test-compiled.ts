// Vitest runs this before tests of whole systems. Servers and agents that are killed do not write what they have compiled: one process does it for all.
import { spawn } from "node:child_process";
import { ROOT } from "./gates.ts";

const LOAD = 'for (const name of ["control-plane", "agent"]) await import(`${process.cwd()}/${name}/main.ts`); process.exit(0);';

/** Resolves when it is done, or could not be: then each process compiles for itself. */
export async function setup(): Promise<void> {
  const child = spawn(process.execPath, ["--input-type=module", "--eval", LOAD], { cwd: ROOT, stdio: "ignore" });
  await new Promise<void>((resolve) => {
    child.once("error", () => resolve());
    child.once("exit", () => resolve());
  });
}
