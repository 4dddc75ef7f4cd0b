import { readFileSync } from "node:fs";
import { availableParallelism, homedir, hostname } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { AppError, messageOf } from "../kernel/app-error.ts";
import { NOOP_LANGUAGE } from "../kernel/languages.ts";

/** Everything the agent may be told from outside, checked. */
export interface AgentConfig {
  /** host:port of gRPC listeners of the control plane, one or more. */
  readonly addresses: readonly string[];
  readonly tls: boolean;
  readonly caFile: string;
  readonly token: string;
  readonly name: string;
  readonly tags: readonly string[];
  readonly slots: number;
  readonly dataDir: string;
  readonly sandbox: boolean;
  readonly network: "none" | "full";
  /** Sandboxes kept ready. */
  readonly prepared: number;
  /** Memory for interpreters that are kept ready, megabytes. */
  readonly warmMb: number;
  /** Processes that stay for one script each. */
  readonly dedicated: number;
  readonly extraRuntimes: readonly string[];
  readonly drainGraceMs: number;
  readonly logLevel: string;
}

/** What a person needs to know about a setting. `unit` is empty for names and switches. */
export interface ConfigKey {
  readonly key: string;
  readonly unit: string;
  readonly fallback: string;
  readonly meaning: string;
  readonly consequence: string;
}

const GRPC_PORT = 8001;
const MAX_ADDRESSES = 100;
const LOG_LEVELS = ["trace", "debug", "info", "warn", "error", "silent"] as const;
const TAG = /^[a-z0-9][a-z0-9._:-]{0,62}$/;

export const CONFIG_KEYS: readonly ConfigKey[] = [
  {
    key: "MILLRACE_URL",
    unit: "http(s) URL",
    fallback: "",
    meaning: "Address of the control plane as people know it.",
    consequence: `The agent dials port ${GRPC_PORT} of the same host, over TLS if the URL is https. MILLRACE_GRPC_ADDRESS wins over it.`,
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
    fallback: "(required)",
    meaning: "Token of this agent, made in the console or with the CLI. MILLRACE_AGENT_TOKEN_FILE names a file that holds it instead.",
    consequence: "Decides whose jobs run here. Removed from the environment of jobs.",
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
    unit: "jobs, 1 to 10000",
    fallback: "twice the number of CPUs",
    meaning: "How many jobs may run here at once.",
    consequence: "Too many make each other slow; too few leave the host idle.",
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
    key: "MILLRACE_AGENT_PREPARED",
    unit: "sandboxes, 0 to 200",
    fallback: "4",
    meaning: "How many sandboxes are kept ready for jobs to come, each used once.",
    consequence: "A job that finds one starts some 15 ms sooner; each takes about 0.6 MB. 0 makes every sandbox on demand.",
  },
  {
    key: "MILLRACE_AGENT_WARM_MB",
    unit: "megabytes, 0 to 65536",
    fallback: "128",
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
const whole = (low: number, high: number) => z.string().regex(/^\d+$/, "must be a whole number").transform(Number).pipe(z.number().min(low).max(high));

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
  MILLRACE_AGENT_SLOTS: whole(1, 10_000).prefault(String(availableParallelism() * 2)),
  MILLRACE_AGENT_PREPARED: whole(0, 200).prefault("4"),
  MILLRACE_AGENT_WARM_MB: whole(0, 65_536).prefault("128"),
  MILLRACE_AGENT_DEDICATED: whole(0, 200).prefault("8"),
  MILLRACE_AGENT_DATA_DIR: z.string().optional(),
  MILLRACE_AGENT_SANDBOX: onOff.prefault("on"),
  MILLRACE_AGENT_NETWORK: z.enum(["none", "full"]).default("none"),
  MILLRACE_AGENT_RUNTIMES: list.pipe(z.array(z.enum([NOOP_LANGUAGE]))).prefault(""),
  MILLRACE_AGENT_TLS: onOff.optional(),
  MILLRACE_AGENT_CA_FILE: z.string().default(""),
  MILLRACE_AGENT_DRAIN_GRACE_MS: whole(0, 86_400_000).prefault("30000"),
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
  const url = value.MILLRACE_URL === undefined ? undefined : new URL(value.MILLRACE_URL);
  return Object.freeze({
    addresses: value.MILLRACE_GRPC_ADDRESS ?? [`${url?.hostname ?? "127.0.0.1"}:${GRPC_PORT}`],
    tls: value.MILLRACE_AGENT_TLS ?? url?.protocol === "https:",
    caFile: value.MILLRACE_AGENT_CA_FILE,
    token: readToken(value.MILLRACE_AGENT_TOKEN, value.MILLRACE_AGENT_TOKEN_FILE),
    name: value.MILLRACE_AGENT_NAME,
    tags: value.MILLRACE_AGENT_TAGS,
    slots: value.MILLRACE_AGENT_SLOTS,
    dataDir: value.MILLRACE_AGENT_DATA_DIR ?? defaultDataDir(),
    sandbox: value.MILLRACE_AGENT_SANDBOX,
    network: value.MILLRACE_AGENT_NETWORK,
    prepared: value.MILLRACE_AGENT_PREPARED,
    warmMb: value.MILLRACE_AGENT_WARM_MB,
    dedicated: value.MILLRACE_AGENT_DEDICATED,
    extraRuntimes: value.MILLRACE_AGENT_RUNTIMES,
    drainGraceMs: value.MILLRACE_AGENT_DRAIN_GRACE_MS,
    logLevel: value.MILLRACE_LOG_LEVEL,
  });
}

function readToken(token: string | undefined, file: string | undefined): string {
  if (token !== undefined && file !== undefined) throw new AppError("invalid_argument", "set MILLRACE_AGENT_TOKEN or MILLRACE_AGENT_TOKEN_FILE, not both");
  const found = file === undefined ? token : readTokenFile(file);
  if (found === undefined || found.trim() === "") {
    throw new AppError("invalid_argument", "no token: set MILLRACE_AGENT_TOKEN or MILLRACE_AGENT_TOKEN_FILE", {
      hint: "The control plane's first start writes one to credentials.json in its state folder (agent_token).",
    });
  }
  if (!/^[\x21-\x7e]+$/.test(found.trim())) throw new AppError("invalid_argument", "the agent token holds characters that no token has");
  return found.trim();
}

function readTokenFile(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw new AppError("invalid_argument", `MILLRACE_AGENT_TOKEN_FILE cannot be read: ${messageOf(error)}`);
  }
}

function defaultDataDir(): string {
  return process.getuid?.() === 0 ? "/var/lib/millrace/agent" : join(homedir(), ".local/state/millrace/agent");
}
