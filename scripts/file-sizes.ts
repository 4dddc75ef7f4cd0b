// Fails when a hand-written TypeScript file is longer than 400 lines: it does more than one thing.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT, SOURCE_FOLDERS } from "./gates.ts";

const MOST_LINES = 400;

let count = 0;
for (const folder of SOURCE_FOLDERS) {
  if (folder === "proto/gen") continue;
  for (const entry of readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || !/\.(ts|tsx|mjs)$/.test(entry.name) || /node_modules|sdk\/gen/.test(entry.parentPath)) continue;
    const path = join(entry.parentPath, entry.name);
    const lines = readFileSync(path, "utf8").trimEnd().split("\n").length;
    count += 1;
    if (lines <= MOST_LINES) continue;
    process.stdout.write(`${path.slice(ROOT.length)}: ${lines} lines, ${MOST_LINES} are the most\n`);
    process.exitCode = 1;
  }
}
if (count === 0) {
  process.stdout.write("no file was looked at\n");
  process.exitCode = 1;
}
