// Completes package-lock.json after `npm install`. A registry copy that lacks the packages of other platforms makes npm leave them
// out of the lock file, and then `npm ci` refuses the file. Their names and versions are known from the packages that offer them as
// optional dependencies; the platform is in the name. They carry no integrity hash, since nobody here has seen them.
// --check changes nothing and exits 1 when entries are missing.
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const LOCK_FILE = join(dirname(dirname(fileURLToPath(import.meta.url))), "package-lock.json");
const SYSTEMS = ["win32", "darwin", "freebsd", "netbsd", "openbsd", "sunos", "aix", "android", "openharmony", "linux"];
const PROCESSORS = ["arm64", "x64", "ia32", "ppc64", "riscv64", "s390x", "loong64", "mips64el", "wasm32", "arm"];

/** The platform fields that a name such as `@oxlint/binding-linux-arm-musleabihf` promises; undefined when it names none. */
function platformOf(name) {
  const words = name.split("/").at(-1).split("-");
  const os = words.find((word) => SYSTEMS.includes(word));
  const cpu = PROCESSORS.find((known) => words.some((word) => word === known || (known === "arm" && /^armv?\d?/.test(word))));
  if (os === undefined || cpu === undefined) return undefined;
  const libc = words.some((word) => word.startsWith("musl")) ? ["musl"] : words.some((word) => word.startsWith("gnu")) ? ["glibc"] : undefined;
  return { os: [os], cpu: [cpu], ...(libc !== undefined && os === "linux" ? { libc } : {}) };
}

/** Where Node would look for a package that `path` asks for, nearest first. */
function* placesFor(path, name) {
  for (let at = path; ; at = at.slice(0, Math.max(0, at.lastIndexOf("/node_modules/")))) {
    yield at === "" ? `node_modules/${name}` : `${at}/node_modules/${name}`;
    if (at === "") return;
  }
}

const lock = JSON.parse(readFileSync(LOCK_FILE, "utf8"));
const added = [];
for (const [path, entry] of Object.entries(lock.packages)) {
  for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
    const found = [...placesFor(path, name)].map((place) => lock.packages[place]).find((entry) => entry !== undefined);
    if (found?.version === version) continue;
    const platform = platformOf(name);
    if (platform === undefined || !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version)) continue;
    // Two versions of a tool bring two versions of its platform packages: the second one is nested, as npm does it.
    lock.packages[found === undefined ? `node_modules/${name}` : `${path}/node_modules/${name}`] = {
      version,
      ...platform,
      ...(entry.dev === true ? { dev: true } : {}),
      optional: true,
    };
    added.push(`${name}@${version}`);
  }
}
if (process.argv.includes("--check")) {
  for (const line of added) process.stdout.write(`missing from package-lock.json: ${line}\n`);
  process.exitCode = added.length === 0 ? 0 : 1;
} else if (added.length > 0) {
  const sorted = Object.entries(lock.packages).sort(([a], [b]) => (a < b ? -1 : 1));
  writeFileSync(LOCK_FILE, `${JSON.stringify({ ...lock, packages: Object.fromEntries(sorted) }, null, 2)}\n`);
  process.stdout.write(`package-lock.json: ${added.length} entries for other platforms added\n`);
}
