import type { Bundle } from "../../proto/gen/millrace/agent/v1/job.ts";

export interface JobEnv {
  readonly env: ReadonlyMap<string, string>;
  /** Names of the tenant's variables that are not passed on. */
  readonly refused: readonly string[];
}

/** How a job reaches the API: as itself, with a token that ends with the attempt. */
export interface JobApi {
  readonly token: string;
  /** Path of the socket as the script sees it. */
  readonly socket: string;
  /** Folder of commands for scripts, as they see it. */
  readonly commands: string;
  /** Empty when unknown. */
  readonly url: string;
}

/** Where scripts find programs. */
const SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/** What a script remembers between its runs is kept beside it. Inline code has no such place. */
const STATE_SUFFIX = ".state";
const NAME = /^[A-Za-z_][A-Za-z0-9_]{0,127}$/;
/** Variables that make an interpreter, the loader or git run or load something before the script has its say. */
const DANGEROUS =
  /^(?:LD_.*|GLIBC_TUNABLES|BASH_.*|BASHOPTS|SHELLOPTS|ENV|PS4|IFS|PYTHON.*|NODE_OPTIONS|NODE_PATH|NODE_CHANNEL_FD|.*JAVA_TOOL_OPTIONS|_?JAVA_OPTIONS|JDK_JAVA_OPTIONS|RUBYOPT|RUBYLIB|PERL5OPT|PERL5LIB|PERL5DB|GIT_.*)$/;
const RESERVED = /^(?:MILLRACE_|WM_)/;
/** Under those prefixes, what only the control plane knows of a step. */
const OF_STEPS = /^(?:MILLRACE|WM)_(?:FLOW_JOB_ID|ROOT_FLOW_JOB_ID|FLOW_STEP_ID)$/;
/** The kernel takes 128 KiB per string; all of it together must leave room for arguments. */
const MAX_VALUE_BYTES = 100 * 1024;
const MAX_TOTAL_BYTES = 1024 * 1024;
const MAX_VARIABLES = 1_000;

/**
 * The whole environment of a script: a fixed base, what the runtime adds, the job's own names, and the tenant's
 * variables as far as they are harmless. Nothing of the agent's environment goes in.
 */
export function jobEnv(bundle: Bundle, tmp: string, runtimeEnv: ReadonlyMap<string, string>, api?: JobApi): JobEnv {
  const env = new Map<string, string>([
    // Ours come behind everything else: a program of that name that the machine has is the one that scripts mean.
    ["PATH", api === undefined ? SYSTEM_PATH : `${SYSTEM_PATH}:${api.commands}`],
    ["LANG", "C.UTF-8"],
    ["TZ", "UTC"],
    ["HOME", tmp],
    ["TMPDIR", tmp],
  ]);
  const refused: string[] = [];
  let bytes = 0;
  for (const { name, value } of bundle.env) {
    const size = name.length + Buffer.byteLength(value);
    const fits = size <= MAX_VALUE_BYTES && bytes + size <= MAX_TOTAL_BYTES && env.size < MAX_VARIABLES;
    if (!fits || !NAME.test(name) || DANGEROUS.test(name) || (RESERVED.test(name) && !OF_STEPS.test(name)) || value.includes("\0")) {
      refused.push(name);
      continue;
    }
    bytes += size;
    env.set(name, value);
  }
  for (const [name, value] of runtimeEnv) env.set(name, value);
  for (const prefix of ["MILLRACE", "WM"]) {
    env.set(`${prefix}_WORKSPACE`, bundle.workspace);
    env.set(`${prefix}_JOB_ID`, bundle.jobId);
    env.set(`${prefix}_JOB_PATH`, bundle.scriptPath);
    if (bundle.scriptPath !== "") env.set(`${prefix}_STATE_PATH`, bundle.scriptPath + STATE_SUFFIX);
    if (bundle.createdBy !== "") env.set(`${prefix}_USERNAME`, bundle.createdBy);
  }
  env.set("MILLRACE_ATTEMPT", String(bundle.attempt));
  if (api !== undefined) for (const [name, value] of apiEnv(api)) env.set(name, value);
  return { env, refused };
}

/** Under our names, and under those that scripts written for Windmill read. Those can use them only where the script has a network. */
function apiEnv({ token, socket, url }: JobApi): [string, string][] {
  const own: [string, string][] = [
    ["MILLRACE_TOKEN", token],
    ["MILLRACE_API_SOCKET", socket],
    ["WM_TOKEN", token],
  ];
  return url === "" ? own : [...own, ["MILLRACE_API_URL", url], ["BASE_INTERNAL_URL", url], ["BASE_URL", url], ["WM_BASE_URL", url]];
}
