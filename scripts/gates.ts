import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

export const ROOT = fileURLToPath(new URL("..", import.meta.url));

/** Folders that hold TypeScript of ours. */
export const SOURCE_FOLDERS = ["kernel", "signatures", "control-plane", "agent", "cli", "loadtests", "simulation", "e2e", "scripts", "sdk", "proto/gen"];

export interface Gate {
  readonly name: string;
  /** Program in node_modules/.bin, or `node`, and its arguments. */
  readonly command: readonly [string, ...string[]];
}

/** What must hold before any test is worth running; all together take a few seconds. */
export const GATES: readonly Gate[] = [
  // One checker: it runs beside the linter, and several of them look at the same types each for itself.
  { name: "types", command: ["tsc", "-p", ".", "--checkers", "1"] },
  { name: "format and lint", command: ["biome", "ci", "--colors=off", "--diagnostic-level=error", "."] },
  { name: "lint with types", command: ["oxlint", "--type-aware", "--deny-warnings"] },
  { name: "architecture", command: ["depcruise", "--config", ".dependency-cruiser.cjs", ...SOURCE_FOLDERS] },
  { name: "file sizes", command: ["node", "scripts/file-sizes.ts"] },
  { name: "lock file", command: ["node", "scripts/complete-lockfile.mjs", "--check"] },
  { name: "protocol", command: ["node", "scripts/proto.ts", "--check"] },
];

export interface GateResult {
  readonly name: string;
  readonly ok: boolean;
  readonly output: string;
  readonly tookMs: number;
}

/** Runs a program of node_modules/.bin from the root of the repository. */
export function runTool(command: readonly [string, ...string[]], cwd: string = ROOT): Promise<{ code: number; output: string }> {
  const [program, ...args] = command;
  const path = program === "node" ? process.execPath : `${ROOT}/node_modules/.bin/${program}`;
  return new Promise((resolve) => {
    const child = spawn(path, args, {
      cwd,
      stdio: ["ignore", "pipe", "pipe"],
      // GOGC: compilers and linters that live for seconds need not collect what they leave behind.
      env: { ...process.env, PATH: `${ROOT}/node_modules/.bin:${process.env["PATH"] ?? ""}`, NO_COLOR: "1", GOGC: "400" },
    });
    const parts: Buffer[] = [];
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk: Buffer) => parts.push(chunk));
    child.once("error", (error) => resolve({ code: 127, output: error.message }));
    child.once("close", (code) => resolve({ code: code ?? 1, output: Buffer.concat(parts).toString() }));
  });
}

/** Runs all gates, two at a time, and reports each one as it ends. */
export async function runGates(gates: readonly Gate[] = GATES): Promise<GateResult[]> {
  const waiting = [...gates];
  const results: GateResult[] = [];
  const worker = async (): Promise<void> => {
    for (let gate = waiting.shift(); gate !== undefined; gate = waiting.shift()) {
      const startedMs = performance.now();
      const { code, output } = await runTool(gate.command);
      const result = { name: gate.name, ok: code === 0, output: output.trim(), tookMs: performance.now() - startedMs };
      results.push(result);
      process.stdout.write(`${result.ok ? "ok    " : "FAILED"} ${result.name} (${(result.tookMs / 1000).toFixed(1)} s)\n`);
      if (!result.ok) process.stdout.write(`${result.output}\n\n`);
    }
  };
  await Promise.all([worker(), worker()]);
  return results;
}
