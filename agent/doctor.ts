import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { LANGUAGES, type Language } from "../kernel/languages.ts";
import { CONFIG_KEYS } from "./config.ts";
import type { ConfigKey } from "./config-key.ts";
import { type Check, checkSettings } from "./doctor-checks.ts";
import { DEFAULT_LIMITS } from "./runner/execution.ts";
import { supportsOf } from "./runner/supports.ts";
import { ReachableCopies } from "./runtimes/reachable-copies.ts";
import { RuntimeRegistry } from "./runtimes/registry.ts";
import { type DetectedSandbox, detectSandbox } from "./sandbox/detect.ts";
import { sweepJobsDir } from "./sandbox/job-dir.ts";
import type { Layer, SandboxLevel } from "./sandbox/layers.ts";
import { probe } from "./sandbox/probe.ts";
import { makeReachableDir } from "./sandbox/reachable.ts";

export interface DoctorReport {
  readonly level: SandboxLevel;
  readonly layers: readonly Layer[];
  /** Those that run inside the sandbox, in order of name. */
  readonly languages: readonly { readonly language: string; readonly version: string }[];
  readonly missing: readonly { readonly language: Language; readonly fix: string }[];
}

type Env = Readonly<Record<string, string | undefined>>;

/** What there is to be told to an agent, and whether this environment tells it; never what. */
export function settingsIn(env: Env): (ConfigKey & { readonly set: boolean })[] {
  return CONFIG_KEYS.map((setting) => ({ ...setting, set: (env[setting.key] ?? "") !== "" }));
}

/** All that an agent with these settings would find: the host, and what the settings lead to. */
export async function diagnose(env: Env): Promise<DoctorReport & { readonly checks: readonly Check[] }> {
  const host = await examineHost({ network: env["MILLRACE_AGENT_NETWORK"] === "full" ? "full" : "none" });
  return { ...host, checks: await checkSettings(env) };
}

export interface DoctorOptions {
  readonly bwrapPath?: string;
  /** Whether scripts of the agent reach the network by default: without that some languages are not offered. */
  readonly network?: "none" | "full";
}

const NEEDS_NETWORK = "set MILLRACE_AGENT_NETWORK=full: it has nothing to do without a network";
const IN_AGENT = "it comes with the agent: see its log at a start";
/** What a host needs for a language, in the words of Debian's packages. */
const NEEDS: Readonly<Record<Language, string>> = {
  bash: "install bash",
  python3: "install python3",
  typescript: IN_AGENT,
  javascript: IN_AGENT,
  go: "install golang-go, from 1.19 on",
  rust: "install rustc, cargo and gcc, from 1.65 on, or rustup",
  java: "install default-jdk-headless, from 17 on, and maven for scripts with requirements",
  php: "install php-cli and php-mbstring, from 8.1 on, and composer for scripts with packages",
  ruby: "install ruby, 3, and ruby-bundler for scripts with gems",
  perl: "install perl, 5, with JSON::PP",
  r: "install r-base-core, 4",
  postgresql: NEEDS_NETWORK,
  mysql: NEEDS_NETWORK,
  sqlite: IN_AGENT,
  duckdb: IN_AGENT,
  graphql: NEEDS_NETWORK,
  http: NEEDS_NETWORK,
};

/**
 * Finds out what an agent of this user would find on this host, in the same way: throw-away sandboxes are made and looked at from inside, one
 * is made to use more memory than it may, and each interpreter is started in one. Leaves nothing behind.
 */
export async function examineHost({ bwrapPath, network = "none" }: DoctorOptions = {}): Promise<DoctorReport> {
  const wished = mkdtempSync(join(tmpdir(), "millrace-doctor-"));
  const dir = makeReachableDir(wished);
  try {
    const jobsDir = join(dir, "jobs");
    await sweepJobsDir(jobsDir);
    const found = await detectSandbox({ mode: "required", stateDir: dir, jobsDir, ...(bwrapPath === undefined ? {} : { bwrapPath }) });
    try {
      const languages = await languagesIn(found, network, dir);
      const missing = LANGUAGES.filter((name) => !languages.some(({ language }) => language === name));
      return { level: found.level, layers: found.layers, languages, missing: missing.map((language) => ({ language, fix: NEEDS[language] })) };
    } finally {
      found.sandbox?.close();
      found.close();
    }
  } finally {
    for (const one of new Set([wished, dir])) rmSync(one, { recursive: true, force: true });
  }
}

/** None where there is no sandbox to start them in. */
async function languagesIn({ sandbox }: DetectedSandbox, network: "none" | "full", execDir: string): Promise<DoctorReport["languages"]> {
  if (sandbox === undefined) return [];
  const { tmpBytes } = DEFAULT_LIMITS;
  const runtimes = await RuntimeRegistry.detect(supportsOf({ sandbox, network, metadataAllowed: false, tmpBytes }), {
    probe: (argv, mounts) => probe(sandbox, argv, mounts),
    pathOf: (mount) => sandbox.mountPath(mount),
    copies: new ReachableCopies(execDir),
  });
  runtimes.close();
  return runtimes.list();
}
