import { z } from "zod";
import { packageOf } from "./package-names.ts";

/** What a script asks for, before any version is fixed. */
export interface Requested {
  /** Lines as pip reads them, sorted, none twice. */
  readonly requirements: readonly string[];
  /** Source packages may be built, not only ready-made ones installed. */
  readonly sdist: boolean;
}

export interface ReadingFault {
  readonly message: string;
  readonly line: number;
}

/** What `read-dependencies.py` prints. */
const answer = z.object({
  declared: z.array(z.string()).nullable(),
  extra: z.array(z.string()),
  sdist: z.boolean(),
  imports: z.array(z.string()),
  syntax: z.object({ message: z.string(), line: z.number() }).nullable(),
});

/** On one line: name, extras, versions and a condition; no addresses, paths or options of pip: where packages come from is the operator's decision. */
const REQUIREMENT = /^[A-Za-z0-9][A-Za-z0-9._-]* *(?:\[[A-Za-z0-9._, -]*\])? *\(?[<>=!~,.*+\w -]*\)?(?:;[\w <>=!~.,()"'-]*)?$/;
/** Before the hashes. */
const PINNED = /^[A-Za-z0-9][A-Za-z0-9._-]*(?:\[[A-Za-z0-9._, -]*\])?==[\w.!+-]+ *(?:;[\w <>=!~.,()"'-]*)?$/;
const HASH = /^sha(?:256|384|512):[0-9a-f]{64,128} *$/;
const MAX_REQUIREMENTS = 200;
const MAX_LINE = 300;

/** A header wins over the imports. */
export function parseAnswer(text: string): { readonly requested: Requested; readonly syntax: ReadingFault | undefined } {
  const { declared, extra, sdist, imports, syntax } = answer.parse(JSON.parse(text));
  const packages = declared ?? imports.map(packageOf).filter((name) => name !== undefined);
  const requirements = [...new Set([...packages, ...extra])].sort();
  return { requested: { requirements, sdist }, syntax: syntax ?? undefined };
}

/** The first line that is not accepted, in words; undefined when all are. */
export function faultOfRequirements(requirements: readonly string[]): string | undefined {
  if (requirements.length > MAX_REQUIREMENTS) return `more than ${MAX_REQUIREMENTS} packages are asked for`;
  const wrong = requirements.find((line) => line.length > MAX_LINE || !REQUIREMENT.test(line));
  return wrong === undefined ? undefined : `${JSON.stringify(wrong.slice(0, MAX_LINE))} is not a package with a version, such as \`requests==2.32.0\``;
}

/** In the first line of a lock whose packages may be source packages. */
const SDIST_MARK = "# millrace: sdist\n";

export function lockText(pinned: string, sdist: boolean): string {
  return sdist ? `${SDIST_MARK}${pinned}` : pinned;
}

export function allowsSdist(lock: string): boolean {
  return lock.startsWith(SDIST_MARK);
}

/** A lock may come from outside: only pinned packages with hashes count, and no options of pip. Undefined when it is so. */
export function faultOfLock(lock: string): string | undefined {
  const lines = lock.replaceAll("\\\n", " ").split("\n");
  const wrong = lines.map((line) => line.trim()).find((line) => line !== "" && !line.startsWith("#") && !isPinned(line));
  return wrong === undefined ? undefined : `the lock holds a line that is not a pinned package with its hashes: ${JSON.stringify(wrong.slice(0, MAX_LINE))}`;
}

/** In pieces: as one pattern a line of a megabyte of blanks would hold up the agent for hours. */
function isPinned(line: string): boolean {
  const [pinned = "", ...hashes] = line.split(" --hash=");
  return hashes.length > 0 && PINNED.test(pinned) && hashes.every((hash) => HASH.test(hash));
}

const HEADER = /^#\s*(?:extra_)?requirements:|^# \/\/\/ script/m;
const IMPORT = /(?<![\w.])(?:from[ \t]+([\w.]+)[ \t]+import\b|import[ \t]+([^\n;#]*))/g;

/**
 * Whether the code can do without packages, as far as can be told at a glance: each `import` names a module of the standard library.
 * Words in strings and comments count too, so that false may be wrong; true is not. Most scripts need no process to find that out.
 */
export function needsNoPackages(code: string, standardLibrary: ReadonlySet<string>): boolean {
  const words = code.match(/\bimport\b/g)?.length ?? 0;
  if (HEADER.test(code)) return false;
  let seen = 0;
  for (const [, from, list] of code.matchAll(IMPORT)) {
    seen += 1;
    for (const name of from === undefined ? (list ?? "").split(",") : [from]) {
      const module = /^([A-Za-z_]\w*)(?:\.[\w.]*)?(?:\s+as\s+\w+)?$/.exec(name.trim())?.[1];
      if (module === undefined || !(standardLibrary.has(module) || packageOf(module) === undefined)) return false;
    }
  }
  return seen === words;
}
