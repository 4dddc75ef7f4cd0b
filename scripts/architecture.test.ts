import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ROOT, runTool } from "./gates.ts";

const CONFIG = join(ROOT, ".dependency-cruiser.cjs");
let planted: string;

beforeAll(() => {
  planted = mkdtempSync(join(tmpdir(), "millrace-planted-"));
});

afterAll(() => {
  rmSync(planted, { recursive: true, force: true });
});

interface Report {
  readonly summary: { readonly totalCruised: number; readonly violations: readonly { readonly from: string; readonly rule: { readonly name: string } }[] };
}

async function cruise(cwd: string, folders: readonly string[]): Promise<Report["summary"]> {
  const { output } = await runTool(["depcruise", "--config", CONFIG, "--output-type", "json", ...folders], cwd);
  return (JSON.parse(output) as Report).summary;
}

function plant(path: string, text: string): void {
  mkdirSync(dirname(join(planted, path)), { recursive: true });
  writeFileSync(join(planted, path), text);
}

test("the gate looks at our modules: with the wrong TypeScript it would see none and pass", async () => {
  // One folder is enough to know: all of them are what the gate itself takes seconds for.
  const summary = await cruise(ROOT, ["kernel"]);
  expect(summary.totalCruised).toBeGreaterThan(20);
});

test("each arrow that points the wrong way is found", async () => {
  plant("node_modules/pg/package.json", '{"name":"pg","version":"1.0.0","main":"index.js"}');
  plant("node_modules/pg/index.js", "");
  plant("kernel/leaf.ts", 'import { randomBytes } from "node:crypto";\nexport const leaf = randomBytes;\n');
  plant("kernel/reaches-out.ts", 'import { readFileSync } from "node:fs";\nexport const read = readFileSync;\n');
  plant("control-plane/main.ts", "export const main = 1;\n");
  plant("control-plane/jobs/store.ts", 'import { Client } from "pg";\nexport const client = Client;\n');
  plant("control-plane/jobs/routes.ts", 'import type { Client } from "pg";\nexport type Leaked = Client;\n');
  plant("control-plane/jobs/uses-agent.ts", 'import { leaf } from "../../agent/main.ts";\nexport const used = leaf;\n');
  plant("control-plane/scheduler/core/pick.ts", 'import { performance } from "node:perf_hooks";\nexport const now = performance;\n');
  plant("control-plane/jobs/one.ts", 'import type { Two } from "./two.ts";\nexport type One = Two;\n');
  plant("control-plane/jobs/two.ts", 'import type { One } from "./one.ts";\nexport type Two = One | 2;\n');
  plant("agent/main.ts", 'import { leaf } from "../kernel/leaf.ts";\nexport { leaf };\n');
  plant("agent/uses-control-plane.ts", 'import { main } from "../control-plane/main.ts";\nexport const used = main;\n');
  plant("cli/main.ts", 'import { main } from "../control-plane/main.ts";\nimport { leaf } from "../agent/main.ts";\nexport const all = [main, leaf];\n');
  plant("cli/back-door.ts", 'import { client } from "../control-plane/jobs/store.ts";\nexport const used = client;\n');
  plant("e2e/uses-cli.ts", 'import { all } from "../cli/main.ts";\nexport const used = all;\n');

  const { violations } = await cruise(planted, ["kernel", "control-plane", "agent", "cli", "e2e"]);
  const found = violations.map(({ from, rule }) => `${rule.name}: ${from}`).sort();
  expect(found.filter((line) => !line.startsWith("no-cycles"))).toEqual([
    "agent-stands-alone: agent/uses-control-plane.ts",
    "cli-uses-the-front-doors: cli/back-door.ts",
    "control-plane-stands-alone: control-plane/jobs/uses-agent.ts",
    "kernel-is-a-leaf: kernel/reaches-out.ts",
    "nobody-imports-the-cli: e2e/uses-cli.ts",
    "pure-core-has-no-io: control-plane/scheduler/core/pick.ts",
    "sql-stays-in-stores: control-plane/jobs/routes.ts",
  ]);
  expect(found.filter((line) => line.startsWith("no-cycles")).length).toBeGreaterThan(0);
});
