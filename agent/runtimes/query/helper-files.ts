import { createHash } from "node:crypto";
import { chmodSync, cpSync, existsSync, readdirSync, readFileSync, realpathSync, statSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { assertNever } from "../../../kernel/assert-never.ts";
import { VERSION } from "../../../kernel/protocol.ts";
import { blockedBy } from "../../sandbox/reachable.ts";
import type { ReadOnlyMount } from "../../sandbox/sandbox.ts";
import type { ReachableCopies } from "../reachable-copies.ts";
import type { HelperKind, QueryLanguage } from "./messages-codec.ts";

/** Where the agent's own files appear in a helper. */
const INSIDE = "/millrace";
const ROOT = realpathSync(fileURLToPath(new URL("../../../", import.meta.url)));
/** Ours, below the root. Tests and the rest of the agent stay outside. */
const CODE = ["package.json", "agent/runtimes/query", "agent/runner/json-text.ts", "agent/sandbox/network/metadata-addresses.ts", "signatures", "kernel"];
const PACKAGES: Readonly<Record<HelperKind, readonly string[]>> = { network: ["pg", "mysql2"], sqlite: [], duckdb: ["@duckdb/node-api"] };

/** The program of a helper, as it is found inside. */
const HELPER_PROGRAM = "agent/runtimes/query/helper-main.ts";

export interface HelperFiles {
  readonly mounts: readonly ReadOnlyMount[];
  /** Of `HELPER_PROGRAM` on the host, for helpers without a sandbox. */
  readonly program: string;
  /** As a helper in a sandbox sees it. */
  readonly insideProgram: string;
}

/**
 * The files that a helper of this kind needs: its code and its driver with what that depends on, nothing else.
 * @param copies where they are copied to if job users cannot reach the agent's own files
 */
export function helperFiles(kind: HelperKind, copies: ReachableCopies): HelperFiles {
  const mounts = [
    ...CODE.map((path) => ({ source: join(ROOT, path), target: `${INSIDE}/${path}` })),
    ...packageFolders(PACKAGES[kind]).map(({ name, dir }) => ({ source: dir, target: `${INSIDE}/node_modules/${name}` })),
  ];
  const reachable = process.getuid?.() !== 0 ? mounts : mounts.map((mount) => ({ ...mount, source: reachableCopy(mount.source, mount.target, copies) }));
  return { mounts: reachable, program: join(ROOT, HELPER_PROGRAM), insideProgram: `${INSIDE}/${HELPER_PROGRAM}` };
}

/**
 * Copies are made when the first helper of a kind starts: those of earlier starts are kept for it.
 * @returns the name of their folder
 */
export function keepHelperFiles(copies: ReachableCopies): string {
  const name = copiesName();
  copies.claim("toolchains", name);
  return name;
}

let nameOfCopies: string | undefined;

/** From what is copied, not from the version of the agent alone: who works on an agent changes its code and not its version. */
function copiesName(): string {
  if (nameOfCopies !== undefined) return nameOfCopies;
  const hash = createHash("sha256");
  for (const path of CODE.flatMap(filesBelow))
    hash
      .update(`${path}\0`)
      .update(readFileSync(join(ROOT, path)))
      .update("\0");
  for (const { name } of packageFolders(Object.values(PACKAGES).flat())) hash.update(`${name}@${packageVersion(name)}\0`);
  nameOfCopies = `query-${VERSION}-${hash.digest("hex").slice(0, 16)}`;
  return nameOfCopies;
}

/** Files, relative to the root. @param path of a file or a folder, relative to the root */
function filesBelow(path: string): string[] {
  if (!statSync(join(ROOT, path)).isDirectory()) return [path];
  const entries = readdirSync(join(ROOT, path), { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => relative(ROOT, join(entry.parentPath, entry.name)));
  return files.sort();
}

/** Packages with all that they depend on. Optional ones (the binaries of other machines) may be missing. */
function packageFolders(names: readonly string[]): { name: string; dir: string }[] {
  const found = new Map<string, string>();
  const waiting = [...names];
  for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
    const dir = join(ROOT, "node_modules", name);
    if (found.has(name) || !existsSync(dir)) continue;
    found.set(name, realpathSync(dir));
    const { dependencies, optionalDependencies } = manifest.parse(JSON.parse(readFileSync(join(dir, "package.json"), "utf8")));
    waiting.push(...Object.keys(dependencies), ...Object.keys(optionalDependencies));
  }
  return [...found].map(([name, dir]) => ({ name, dir }));
}

/** Of the driver, or of what stands in for one; undefined where it is not installed or has no binary for this machine. */
export function driverVersion(language: QueryLanguage): string | undefined {
  switch (language) {
    case "postgresql":
      return packageVersion("pg");
    case "mysql":
      return packageVersion("mysql2");
    case "duckdb":
      return packageVersion(`@duckdb/node-bindings-${process.platform}-${process.arch}`);
    case "sqlite":
      return process.versions["sqlite"];
    case "graphql":
    case "http":
      return process.versions.node;
    default:
      return assertNever(language);
  }
}

function packageVersion(name: string): string | undefined {
  const file = join(ROOT, "node_modules", name, "package.json");
  return existsSync(file) ? manifest.parse(JSON.parse(readFileSync(file, "utf8"))).version : undefined;
}

const manifest = z.object({
  version: z.string().default(""),
  dependencies: z.record(z.string(), z.string()).default({}),
  optionalDependencies: z.record(z.string(), z.string()).default({}),
});

/** The file or folder itself, or a copy, made once for all that have the same files. */
function reachableCopy(source: string, target: string, copies: ReachableCopies): string {
  if (blockedBy(dirname(source)) === undefined) return source;
  return copies.toolchain(join(copiesName(), target), (part) => {
    cpSync(source, part, { recursive: true, dereference: true });
    chmodSync(part, 0o755);
  });
}
