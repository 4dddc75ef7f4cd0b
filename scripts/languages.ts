import { execFile } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { z } from "zod";
import { ROOT } from "./gates.ts";

const LANGUAGES = z.array(z.object({ name: z.string(), programs: z.array(z.string()), version: z.array(z.string()), packages: z.array(z.string()) }));

/** A line for each language of scripts that has a toolchain of its own: what is there, or `missing`. The list is `languages.json`. */
export async function describeLanguages(): Promise<string[]> {
  const languages = LANGUAGES.parse(JSON.parse(readFileSync(join(ROOT, "scripts/languages.json"), "utf8")));
  return Promise.all(
    languages.map(async ({ name, programs, version }) => {
      const program = programs.map((path) => path.replace(/^~/, homedir())).find((path) => existsSync(path));
      return `${name.padEnd(9)} ${program === undefined ? "missing" : await firstLine(program, version)}`;
    }),
  );
}

async function firstLine(program: string, args: readonly string[]): Promise<string> {
  try {
    const { stdout, stderr } = await promisify(execFile)(program, [...args], { timeout: 10_000, env: { ...process.env, COMPOSER_ALLOW_SUPERUSER: "1" } });
    return (stdout.trim() === "" ? stderr : stdout).trim().split("\n")[0] ?? "";
  } catch (error) {
    return `${program} does not start: ${error instanceof Error ? (error.message.split("\n")[0] ?? "") : String(error)}`;
  }
}
