import { existsSync, readFileSync } from "node:fs";
import { availableParallelism, homedir, hostname } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { AppError, messageOf } from "../kernel/app-error.ts";
import { LANGUAGES, NOOP_LANGUAGE } from "../kernel/languages.ts";
import { type ConfigKey, whole } from "./config-key.ts";
import { hasIdentity } from "./identity/identity-file.ts";
import { LIFE_ENVIRONMENT, LIFE_KEYS, type LifeConfig, lifeConfigOf } from "./life-settings.ts";
import { readBuildEnv } from "./workshop/build-env.ts";

/** Everything the agent may be told from outside, checked. */
export interface AgentConfig extends LifeConfig {
  /** host:port of gRPC listeners of the control plane, one or more. */
  readonly addresses: readonly string[];
  readonly tls: boolean;
  readonly caFile: string;
  /** Where jobs find the API; empty: where the control plane says. */
  readonly apiUrl: string;
  /** Long-lived; empty for an agent with a key of its own. */
  readonly token: string;
  readonly name: string;
  readonly tags: readonly string[];
  /** Of an agent that packs: where it cannot. */
  readonly slots: number;
  /** As many jobs at once as memory and processors allow. */
  readonly packs: boolean;
  /** What all jobs together may use, bytes; 0: all but a tenth. */
  readonly memoryBytes: number;
  readonly dataDir: string;
  readonly sandbox: boolean;
  readonly network: "none" | "full";
  readonly blockMetadata: boolean;
  /** Memory of one job, bytes; 0: half of what all jobs together may use. */
  readonly jobMemoryBytes: number;
  /** Thousandths of a processor for one job; 0: no limit. */
  readonly jobCpuMillis: number;
  /** Sandboxes kept ready. */
  readonly prepared: number;
  /** Size limit of the cache of dependencies and compiled programs, MiB. */
  readonly cacheMb: number;
  /** Of one folder that the steps of a flow share, MiB. */
  readonly sharedMb: number;
  /** Variables for builds with network, see `readBuildEnv`. */
  readonly buildEnv: ReadonlyMap<string, string>;
  /** Memory for interpreters that are kept ready, megabytes. */
  readonly warmMb: number;
  /** Processes that stay for one script each. */
  readonly dedicated: number;
  /** Of scripts; empty: all that the host has. */
  readonly languages: readonly string[];
  readonly extraRuntimes: readonly string[];
  readonly drainGraceMs: number;
  readonly logLevel: string;
}

const GRPC_PORT = 8001;
const DEFAULT_SLOTS = availableParallelism() * 2;
const MAX_ADDRESSES = 100;
const LOG_LEVELS = ["trace", "debug", "info", "warn", "error", "silent"] as const;
const TAG = /^[a-z0-9][a-z0-9._:-]{0,62}$/;

export const CONFIG_KEYS: readonly ConfigKey[] = [
  {
    key: "MILLRACE_URL",
    unit: "http(s) URL",
    fallback: "",
    meaning: "Address of the control plane as people know it.",
    consequence: `The agent dials port ${GRPC_PORT} of the same host, over TLS if the URL is https. MILLRACE_GRPC_ADDRESS wins over it. Jobs find the API there.`,
  },
  {
    key: "MILLRACE_GRPC_ADDRESS",
    unit: "comma list of host:port",
    fallback: `127.0.0.1:${GRPC_PORT}`,
    meaning: "Addresses of the control plane's gRPC listeners, one for each replica.",
    consequence: "The only addresses the agent itself ever dials: a random one first, the next one when it does not answer.",
  },
  {
    key: "MILLRACE_LOG_LEVEL",
    unit: LOG_LEVELS.join(" | "),
    fallback: "info",
    meaning: "Which of the agent's own events go to stderr. Output of jobs never does.",
    consequence: "At debug there are several lines per job.",
  },
  {
    key: "MILLRACE_AGENT_TOKEN",
    unit: "",
    fallback: "",
    meaning: "Long-lived token of this agent. MILLRACE_AGENT_TOKEN_FILE names a file that holds it instead.",
    consequence: "Decides whose jobs run here. Removed from the environment of jobs. Without it: MILLRACE_AGENT_JOIN_TOKEN.",
  },
  {
    key: "MILLRACE_AGENT_TOKEN_FILE",
    unit: "path",
    fallback: "",
    meaning: "File that holds the token.",
    consequence: "Read once at start. Setting both this and MILLRACE_AGENT_TOKEN is an error.",
  },
  {
    key: "MILLRACE_AGENT_NAME",
    unit: "",
    fallback: "the host name",
    meaning: "Name for people, up to 100 characters.",
    consequence: "Shown in the console; need not be unique.",
  },
  {
    key: "MILLRACE_AGENT_TAGS",
    unit: "comma list",
    fallback: "default",
    meaning: "The tags whose jobs this agent takes.",
    consequence: "A job whose tag no agent serves waits.",
  },
  {
    key: "MILLRACE_AGENT_SLOTS",
    unit: "jobs, 1 to 10000, or auto",
    fallback: "twice the number of CPUs",
    meaning: "How many jobs may run here at once. auto: as many as fit, by the memory and processors that their scripts ask for or have used before.",
    consequence: "Too many make each other slow; too few leave the host idle. auto takes effect where the agent has control groups for memory.",
  },
  {
    key: "MILLRACE_AGENT_MEMORY_MB",
    unit: "megabytes, 0 to 16777216",
    fallback: "0",
    meaning: "Memory of all jobs together. 0: that of the host, or of the agent's own group, but for a tenth and at least 256 MB.",
    consequence: "Never more than that. Takes effect where the agent has control groups.",
  },
  {
    key: "MILLRACE_AGENT_DATA_DIR",
    unit: "path",
    fallback: "/var/lib/millrace/agent for root, else ~/.local/state/millrace/agent",
    meaning: "The agent's identity, results and output that are not yet acknowledged, working folders of jobs.",
    consequence: "Must survive restarts and belong to one agent only. Losing it loses results that the server has not seen.",
  },
  {
    key: "MILLRACE_AGENT_SANDBOX",
    unit: "on | off",
    fallback: "on",
    meaning: "Whether jobs are isolated.",
    consequence: "With off, jobs can read whatever the agent can. The server is told.",
  },
  {
    key: "MILLRACE_AGENT_NETWORK",
    unit: "none | full",
    fallback: "none",
    meaning: "Whether sandboxed jobs reach the network of the host.",
    consequence: "With none, scripts that call other systems fail.",
  },
  {
    key: "MILLRACE_AGENT_BLOCK_METADATA",
    unit: "on | off",
    fallback: "on",
    meaning: "Whether jobs with the network of the host are kept from the addresses at which clouds give out credentials (169.254.0.0/16 and the like).",
    consequence: "Takes effect where nftables is installed and the agent has CAP_NET_ADMIN; the agent's level report says so if not.",
  },
  {
    key: "MILLRACE_AGENT_JOB_MEMORY_MB",
    unit: "megabytes, 0 to 16777216",
    fallback: "0",
    meaning: "Memory of a job whose script asks for none: its processes, its files in /tmp, buffers of the kernel. 0: half of what all jobs together may use.",
    consequence: "A job that needs more ends as out_of_memory. Takes effect where the agent has control groups.",
  },
  {
    key: "MILLRACE_AGENT_JOB_CPU_MILLIS",
    unit: "thousandths of a processor, 0 to 1024000",
    fallback: "0",
    meaning: "Processor time of a job whose script asks for none: 500 is half of one processor. 0: whatever is free.",
    consequence: "A job that wants more is slowed down, not ended. Takes effect where the agent has control groups.",
  },
  {
    key: "MILLRACE_AGENT_PREPARED",
    unit: "sandboxes, 0 to 200",
    fallback: "4",
    meaning: "How many sandboxes are kept ready for jobs to come, each used once.",
    consequence: "A job that finds one starts some 15 ms sooner; each takes about 0.6 MB. 0 makes every sandbox on demand.",
  },
  {
    key: "MILLRACE_AGENT_CACHE_MB",
    unit: "MiB, 1 to 10000000",
    fallback: "10240",
    meaning: "How large the cache of dependencies and compiled programs may become.",
    consequence: "What was not used for the longest time goes first, never what a job uses. Too small, and scripts wait for installations again and again.",
  },
  {
    key: "MILLRACE_AGENT_SHARED_MB",
    unit: "MiB, 1 to 10000000",
    fallback: "1024",
    meaning: "How much the steps of a flow with same_worker may keep in the folder that they share.",
    consequence: "A step that makes it larger ends as disk_full. The folders are in the data folder, at most 1,000 at a time.",
  },
  {
    key: "MILLRACE_AGENT_WARM_MB",
    unit: "megabytes, 0 to 65536",
    fallback: "512",
    meaning: "Memory for Python and Node interpreters that are kept ready for scripts to come, each used once, as many as recent demand asks for.",
    consequence: "A script that finds one starts 15 to 60 ms sooner. Never more than an eighth of the free memory. 0 keeps none.",
  },
  {
    key: "MILLRACE_AGENT_DEDICATED",
    unit: "processes, 0 to 200",
    fallback: "8",
    meaning: "How many processes may stay for scripts that ask for a process of their own, all scripts together.",
    consequence: "Each keeps its memory until it has been idle for five minutes. With 0, or when all are busy, such jobs start like others.",
  },
  {
    key: "MILLRACE_AGENT_LANGUAGES",
    unit: "comma list",
    fallback: "",
    meaning: "The languages that the agent looks for on the host and offers, as scripts name them. Empty: all.",
    consequence: "Jobs in others wait for another agent. The fewer, the sooner the agent is ready: each is tried in a sandbox at start.",
  },
  {
    key: "MILLRACE_AGENT_RUNTIMES",
    unit: "comma list",
    fallback: "",
    meaning: `Runtimes beyond those that are found on the host; only "${NOOP_LANGUAGE}" exists.`,
    consequence: "noop ends every job at once with its arguments as the result: for load tests only.",
  },
  {
    key: "MILLRACE_AGENT_TLS",
    unit: "on | off",
    fallback: "on if MILLRACE_URL is https, else off",
    meaning: "Whether the stream is encrypted.",
    consequence: "With off, the token and all jobs cross the network in the clear.",
  },
  {
    key: "MILLRACE_AGENT_CA_FILE",
    unit: "path",
    fallback: "",
    meaning: "PEM file of the certificate authorities to trust.",
    consequence: "Empty means those of the system.",
  },
  {
    key: "MILLRACE_AGENT_DRAIN_GRACE_MS",
    unit: "milliseconds, 0 to 86400000",
    fallback: "30000",
    meaning: "How long running jobs may go on after SIGTERM.",
    consequence: "What still runs then is handed back and starts again elsewhere. Keep it below the kill timeout of the service manager.",
  },
  ...LIFE_KEYS,
];

const onOff = z.enum(["on", "off"]).transform((value) => value === "on");
const list = z.string().transform((value) => [
  ...new Set(
    value
      .split(",")
      .map((item) => item.trim())
      .filter((item) => item !== ""),
  ),
]);

/** Optional everywhere: what is empty counts as not set. */
const environment = z.object({
  MILLRACE_URL: z.url({ protocol: /^https?$/ }).optional(),
  MILLRACE_GRPC_ADDRESS: list
    .pipe(
      z
        .array(z.string().regex(/^[^\s/]+:\d{1,5}$/, "must be host:port"))
        .min(1, "must be host:port")
        .max(MAX_ADDRESSES),
    )
    .optional(),
  MILLRACE_LOG_LEVEL: z.enum(LOG_LEVELS).default("info"),
  MILLRACE_AGENT_TOKEN: z.string().optional(),
  MILLRACE_AGENT_TOKEN_FILE: z.string().optional(),
  MILLRACE_AGENT_NAME: z.string().max(100).default(hostname()),
  MILLRACE_AGENT_TAGS: list.pipe(z.array(z.string().regex(TAG, "is not a tag")).min(1).max(100)).prefault("default"),
  MILLRACE_AGENT_SLOTS: z
    .union([z.literal("auto"), whole(1, 10_000)], { error: "must be a whole number from 1 to 10000, or auto" })
    .prefault(String(DEFAULT_SLOTS)),
  MILLRACE_AGENT_MEMORY_MB: whole(0, 16_777_216).prefault("0"),
  MILLRACE_AGENT_PREPARED: whole(0, 200).prefault("4"),
  MILLRACE_AGENT_CACHE_MB: whole(1, 10_000_000).prefault("10240"),
  MILLRACE_AGENT_SHARED_MB: whole(1, 10_000_000).prefault("1024"),
  MILLRACE_AGENT_WARM_MB: whole(0, 65_536).prefault("512"),
  MILLRACE_AGENT_DEDICATED: whole(0, 200).prefault("8"),
  MILLRACE_AGENT_DATA_DIR: z.string().optional(),
  MILLRACE_AGENT_SANDBOX: onOff.prefault("on"),
  MILLRACE_AGENT_NETWORK: z.enum(["none", "full"]).default("none"),
  MILLRACE_AGENT_BLOCK_METADATA: onOff.prefault("on"),
  MILLRACE_AGENT_JOB_MEMORY_MB: whole(0, 16_777_216).prefault("0"),
  MILLRACE_AGENT_JOB_CPU_MILLIS: whole(0, 1_024_000).prefault("0"),
  MILLRACE_AGENT_LANGUAGES: list.pipe(z.array(z.enum(LANGUAGES))).prefault(""),
  MILLRACE_AGENT_RUNTIMES: list.pipe(z.array(z.enum([NOOP_LANGUAGE]))).prefault(""),
  MILLRACE_AGENT_TLS: onOff.optional(),
  MILLRACE_AGENT_CA_FILE: z.string().default(""),
  MILLRACE_AGENT_DRAIN_GRACE_MS: whole(0, 86_400_000).prefault("30000"),
  ...LIFE_ENVIRONMENT,
});

/** Reads the agent's settings. Throws `invalid_argument` that names every key that is wrong, unknown or missing. */
export function readAgentConfig(env: Readonly<Record<string, string | undefined>>): AgentConfig {
  const known = new Set(CONFIG_KEYS.map((entry) => entry.key));
  const set = Object.fromEntries(Object.entries(env).filter(([key, value]) => value !== undefined && value !== "" && known.has(key)));
  const problems = Object.keys(env)
    .filter((key) => key.startsWith("MILLRACE_AGENT_") && !known.has(key))
    .map((key) => `${key}: there is no such setting`);
  const parsed = environment.safeParse(set);
  if (!parsed.success) problems.push(...parsed.error.issues.map((issue) => `${issue.path[0] === undefined ? "" : String(issue.path[0])}: ${issue.message}`));
  if (!parsed.success || problems.length > 0) throw new AppError("invalid_argument", `the agent's settings are wrong:\n  ${problems.join("\n  ")}`);
  const value = parsed.data;
  const dataDir = value.MILLRACE_AGENT_DATA_DIR ?? defaultDataDir();
  const { token, joinToken } = readTokens(value, dataDir);
  if ((value.MILLRACE_AGENT_CERT_FILE === "") !== (value.MILLRACE_AGENT_KEY_FILE === "")) {
    throw new AppError("invalid_argument", "set MILLRACE_AGENT_CERT_FILE and MILLRACE_AGENT_KEY_FILE together");
  }
  const url = value.MILLRACE_URL === undefined ? undefined : new URL(value.MILLRACE_URL);
  return Object.freeze({
    addresses: value.MILLRACE_GRPC_ADDRESS ?? [`${url?.hostname ?? "127.0.0.1"}:${GRPC_PORT}`],
    tls: value.MILLRACE_AGENT_TLS ?? url?.protocol === "https:",
    caFile: value.MILLRACE_AGENT_CA_FILE,
    apiUrl: url?.origin ?? "",
    token,
    name: value.MILLRACE_AGENT_NAME,
    tags: value.MILLRACE_AGENT_TAGS,
    slots: value.MILLRACE_AGENT_SLOTS === "auto" ? DEFAULT_SLOTS : value.MILLRACE_AGENT_SLOTS,
    packs: value.MILLRACE_AGENT_SLOTS === "auto",
    memoryBytes: value.MILLRACE_AGENT_MEMORY_MB * 1024 * 1024,
    dataDir,
    sandbox: value.MILLRACE_AGENT_SANDBOX,
    network: value.MILLRACE_AGENT_NETWORK,
    blockMetadata: value.MILLRACE_AGENT_BLOCK_METADATA,
    jobMemoryBytes: value.MILLRACE_AGENT_JOB_MEMORY_MB * 1024 * 1024,
    jobCpuMillis: value.MILLRACE_AGENT_JOB_CPU_MILLIS,
    prepared: value.MILLRACE_AGENT_PREPARED,
    cacheMb: value.MILLRACE_AGENT_CACHE_MB,
    sharedMb: value.MILLRACE_AGENT_SHARED_MB,
    buildEnv: readBuildEnv(env),
    warmMb: value.MILLRACE_AGENT_WARM_MB,
    dedicated: value.MILLRACE_AGENT_DEDICATED,
    languages: value.MILLRACE_AGENT_LANGUAGES,
    extraRuntimes: value.MILLRACE_AGENT_RUNTIMES,
    drainGraceMs: value.MILLRACE_AGENT_DRAIN_GRACE_MS,
    logLevel: value.MILLRACE_LOG_LEVEL,
    ...lifeConfigOf(value, joinToken),
  });
}

interface TokenSettings {
  readonly MILLRACE_AGENT_TOKEN?: string | undefined;
  readonly MILLRACE_AGENT_TOKEN_FILE?: string | undefined;
  readonly MILLRACE_AGENT_JOIN_TOKEN?: string | undefined;
  readonly MILLRACE_AGENT_JOIN_TOKEN_FILE?: string | undefined;
}

/** A long-lived token, a join token, or neither when the folder holds who the agent is. */
function readTokens(set: TokenSettings, dataDir: string): { token: string; joinToken: string } {
  const token = readToken("MILLRACE_AGENT_TOKEN", set.MILLRACE_AGENT_TOKEN, set.MILLRACE_AGENT_TOKEN_FILE);
  if (token !== "") return { token, joinToken: "" };
  const joined = hasIdentity(dataDir);
  const { MILLRACE_AGENT_JOIN_TOKEN: join, MILLRACE_AGENT_JOIN_TOKEN_FILE: file } = set;
  // The file may be gone when it has served: it is needed again only after a long absence.
  const joinToken = readToken("MILLRACE_AGENT_JOIN_TOKEN", join, joined && file !== undefined && !existsSync(file) ? undefined : file);
  if (joinToken === "" && !joined) {
    throw new AppError(
      "invalid_argument",
      "no token: set MILLRACE_AGENT_TOKEN or MILLRACE_AGENT_JOIN_TOKEN, or name a file with MILLRACE_AGENT_TOKEN_FILE or MILLRACE_AGENT_JOIN_TOKEN_FILE",
      {
        hint: "`millrace agents join-token create` makes a join token; the control plane's first start writes agent_token to credentials.json in its state folder.",
      },
    );
  }
  return { token: "", joinToken };
}

function readToken(name: string, token: string | undefined, file: string | undefined): string {
  if (token !== undefined && file !== undefined) throw new AppError("invalid_argument", `set ${name} or ${name}_FILE, not both`);
  const found = (file === undefined ? token : readTokenFile(name, file))?.trim() ?? "";
  if (found !== "" && !/^[\x21-\x7e]+$/.test(found)) throw new AppError("invalid_argument", `${name} holds characters that no token has`);
  return found;
}

function readTokenFile(name: string, path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw new AppError("invalid_argument", `${name}_FILE cannot be read: ${messageOf(error)}`);
  }
}

function defaultDataDir(): string {
  return process.getuid?.() === 0 ? "/var/lib/millrace/agent" : join(homedir(), ".local/state/millrace/agent");
}
