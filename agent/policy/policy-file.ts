import { readFileSync, unwatchFile, watchFile } from "node:fs";
import type { Logger } from "pino";
import { z } from "zod";
import { AppError, messageOf } from "../../kernel/app-error.ts";
import { type AgentPolicy, agentPolicy, unknownLanguages } from "./policy.ts";

const LOOK_MS = 1_000;
const MAX_BYTES = 1024 * 1024;

/** The owner's policy as its file says, read again when it changes. A faulty file leaves the rules of before in force. */
export class PolicyFile {
  readonly #path: string;
  readonly #log: Logger;
  readonly #check: (policy: AgentPolicy) => void;
  readonly #onChange: () => void;
  #text: string;
  #policy: AgentPolicy;

  /**
   * Errors: invalid_argument for a file that is missing or faulty, and those of `check`.
   * @param check throws for a policy that this agent cannot work with
   */
  constructor(path: string, log: Logger, check: (policy: AgentPolicy) => void, onChange: () => void) {
    this.#check = check;
    this.#path = path;
    this.#log = log;
    this.#onChange = onChange;
    this.#text = readText(path);
    this.#policy = parse(path, this.#text);
    check(this.#policy);
  }

  get policy(): AgentPolicy {
    return this.#policy;
  }

  /** By looking, not by events of the file system: those are lost on network disks and by editors that rename. */
  watch(): void {
    watchFile(this.#path, { interval: LOOK_MS, persistent: false }, this.#look);
  }

  close(): void {
    unwatchFile(this.#path, this.#look);
  }

  /** Reads the file now. */
  reload(): void {
    try {
      const text = readText(this.#path);
      if (text === this.#text) return;
      const policy = parse(this.#path, text);
      this.#check(policy);
      this.#policy = policy;
      this.#text = text;
      this.#log.info({ event: "policy.reloaded", file: this.#path }, "the policy has changed");
    } catch (error) {
      this.#log.error({ event: "policy.reload_failed", error: messageOf(error) }, "the policy cannot be read: the old one stays in force");
      return;
    }
    this.#onChange();
  }

  readonly #look = (): void => this.reload();
}

/** Errors: invalid_argument for a file that is missing or faulty. */
export function readPolicy(path: string): AgentPolicy {
  return parse(path, readText(path));
}

function readText(path: string): string {
  try {
    const text = readFileSync(path, "utf8");
    if (text.length > MAX_BYTES) throw new Error("it is larger than 1 MB");
    return text;
  } catch (error) {
    throw new AppError("invalid_argument", `MILLRACE_AGENT_POLICY_FILE ${path} cannot be read: ${messageOf(error)}`);
  }
}

function parse(path: string, text: string): AgentPolicy {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new AppError("invalid_argument", `the policy ${path} is not JSON: ${messageOf(error)}`);
  }
  const parsed = agentPolicy.safeParse(json);
  if (!parsed.success) throw new AppError("invalid_argument", `the policy ${path} is faulty:\n${z.prettifyError(parsed.error)}`);
  const unknown = unknownLanguages(parsed.data);
  if (unknown.length > 0) throw new AppError("invalid_argument", `the policy ${path} is faulty: there is no language ${unknown.join(", ")}`);
  return parsed.data;
}
