// npm run proto: lints the wire contract and generates its code. --check only says whether proto/gen is up to date.
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { ROOT, runTool } from "./gates.ts";

const COMMITTED = join(ROOT, "proto/gen");

async function buf(...args: string[]): Promise<boolean> {
  const { code, output } = await runTool(["buf", ...args]);
  if (output.trim() !== "") process.stdout.write(output);
  return code === 0;
}

function filesBelow(folder: string): Map<string, string> {
  if (!existsSync(folder)) return new Map();
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return new Map(
    files.map((entry) => {
      const path = join(entry.parentPath, entry.name);
      return [relative(folder, path), readFileSync(path, "utf8")];
    }),
  );
}

async function isUpToDate(): Promise<boolean> {
  const folder = mkdtempSync(join(tmpdir(), "millrace-proto-"));
  try {
    if (!(await buf("generate", "-o", folder))) return false;
    const [fresh, committed] = [filesBelow(join(folder, "proto/gen")), filesBelow(COMMITTED)];
    const differing = [...new Set([...fresh.keys(), ...committed.keys()])].filter((name) => fresh.get(name) !== committed.get(name));
    for (const name of differing) process.stdout.write(`proto/gen/${name} is not what the .proto files say: run npm run proto\n`);
    return fresh.size > 0 && differing.length === 0;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function main(): Promise<boolean> {
  if (!(await buf("lint"))) return false;
  if (process.argv.includes("--check")) return isUpToDate();
  return buf("generate");
}

process.exitCode = (await main()) ? 0 : 1;
