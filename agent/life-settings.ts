import { z } from "zod";
import { type ConfigKey, whole } from "./config-key.ts";

/** Settings of who an agent is and how it behaves; part of the agent's settings. */
export interface LifeConfig {
  /** With which the host joins a workspace; empty: none. */
  readonly joinToken: string;
  /** PEM files that the agent shows to a control plane that asks for a certificate; empty: none. */
  readonly certFile: string;
  readonly keyFile: string;
  /** The owner's policy; empty: none. */
  readonly policyFile: string;
  /** Where health and metrics are served: host:port or the path of a socket; empty: nowhere. */
  readonly statusAddress: string;
  /** The agent ends when it had nothing to do for this long; 0: never. */
  readonly exitWhenIdleS: number;
  /** The agent ends after this many jobs; 0: never. */
  readonly maxJobs: number;
  /** Below this much free space in the data folder no new jobs are taken; 0: not looked at. */
  readonly minFreeBytes: number;
}

const MIN_FREE_BYTES = 256 * 1024 * 1024;

export const LIFE_KEYS: readonly ConfigKey[] = [
  {
    key: "MILLRACE_AGENT_JOIN_TOKEN",
    unit: "token",
    fallback: "",
    meaning: "Join token of a workspace, instead of an agent's token: the host makes a key of its own and joins with it, once.",
    consequence: "Not needed any more when the data folder holds the key; it may stay set. MILLRACE_AGENT_TOKEN wins over it.",
  },
  {
    key: "MILLRACE_AGENT_JOIN_TOKEN_FILE",
    unit: "path",
    fallback: "",
    meaning: "File that holds the join token.",
    consequence: "Read when the agent has to join. Setting both this and MILLRACE_AGENT_JOIN_TOKEN is an error.",
  },
  {
    key: "MILLRACE_AGENT_CERT_FILE",
    unit: "path",
    fallback: "",
    meaning: "PEM file of the certificate that the agent shows to the control plane, for mutual TLS.",
    consequence: "Read at every dial, so that it can be replaced. Needs MILLRACE_AGENT_KEY_FILE.",
  },
  {
    key: "MILLRACE_AGENT_KEY_FILE",
    unit: "path",
    fallback: "",
    meaning: "PEM file of the private key of that certificate.",
    consequence: "Needs MILLRACE_AGENT_CERT_FILE. Jobs cannot read it as long as other users cannot.",
  },
  {
    key: "MILLRACE_AGENT_POLICY_FILE",
    unit: "path",
    fallback: "",
    meaning: "JSON file that says what may run here; the control plane cannot override it.",
    consequence: "A job that breaks it fails with the reason policy before anything of it is written. A faulty file ends the start; later the old rules stay.",
  },
  {
    key: "MILLRACE_AGENT_STATUS_ADDRESS",
    unit: "host:port or path of a socket",
    fallback: "",
    meaning: "Where the agent serves /health, /ready and /metrics over HTTP.",
    consequence: "Without it the agent listens on nothing. Jobs with the host's network can reach it on loopback: it serves no secrets.",
  },
  {
    key: "MILLRACE_AGENT_EXIT_WHEN_IDLE_S",
    unit: "seconds, 0 to 2592000",
    fallback: "0",
    meaning: "The agent drains and ends with 0 when it was connected and had no job for this long.",
    consequence: "For machines that somebody pays by the minute. 0: it stays.",
  },
  {
    key: "MILLRACE_AGENT_MAX_JOBS",
    unit: "jobs, 0 to 1000000",
    fallback: "0",
    meaning: "The agent drains and ends with 0 after this many jobs.",
    consequence: "For machines that are made anew for each job: 1. 0: no such limit.",
  },
  {
    key: "MILLRACE_AGENT_MIN_FREE_BYTES",
    unit: "bytes",
    fallback: String(MIN_FREE_BYTES),
    meaning: "With less free space than this on the disk of the data folder the agent takes no new jobs, and says disk_pressure.",
    consequence: "Too little: results and output find no room. 0 does not look.",
  },
];

export const LIFE_ENVIRONMENT = {
  MILLRACE_AGENT_JOIN_TOKEN: z.string().optional(),
  MILLRACE_AGENT_JOIN_TOKEN_FILE: z.string().optional(),
  MILLRACE_AGENT_CERT_FILE: z.string().default(""),
  MILLRACE_AGENT_KEY_FILE: z.string().default(""),
  MILLRACE_AGENT_POLICY_FILE: z.string().default(""),
  MILLRACE_AGENT_STATUS_ADDRESS: z
    .string()
    .regex(/^\/|^[^\s/]+:\d{1,5}$/, "must be host:port or the path of a socket")
    .default(""),
  MILLRACE_AGENT_EXIT_WHEN_IDLE_S: whole(0, 30 * 24 * 60 * 60).prefault("0"),
  MILLRACE_AGENT_MAX_JOBS: whole(0, 1_000_000).prefault("0"),
  MILLRACE_AGENT_MIN_FREE_BYTES: whole(0, Number.MAX_SAFE_INTEGER).prefault(String(MIN_FREE_BYTES)),
} as const;

const shape = z.object(LIFE_ENVIRONMENT);

export function lifeConfigOf(value: z.output<typeof shape>, joinToken: string): LifeConfig {
  return {
    joinToken,
    certFile: value.MILLRACE_AGENT_CERT_FILE,
    keyFile: value.MILLRACE_AGENT_KEY_FILE,
    policyFile: value.MILLRACE_AGENT_POLICY_FILE,
    statusAddress: value.MILLRACE_AGENT_STATUS_ADDRESS,
    exitWhenIdleS: value.MILLRACE_AGENT_EXIT_WHEN_IDLE_S,
    maxJobs: value.MILLRACE_AGENT_MAX_JOBS,
    minFreeBytes: value.MILLRACE_AGENT_MIN_FREE_BYTES,
  };
}
