import { chmodSync, existsSync, mkdirSync, readFileSync } from "node:fs";
import { hostname } from "node:os";
import type { Logger } from "pino";
import { z } from "zod";
import { enrolStatement, sessionStatement } from "../../kernel/agent-proof.ts";
import { AppError, messageOf } from "../../kernel/app-error.ts";
import { isUuid } from "../../kernel/ids.ts";
import type { Credential } from "../../proto/gen/millrace/agent/v1/enrolment.ts";
import type { AgentConfig } from "../config.ts";
import { replaceFile } from "../journal/data-folder.ts";
import { type Endpoint, enrolAt, type StreamIdentity } from "../session/stream.ts";
import { type HostKey, openHostKey } from "./host-key.ts";
import { identityPaths } from "./identity-file.ts";

/** An agent that joined with a key of its own. */
export interface Identity extends StreamIdentity {
  /** A new credential: on disk when this returns, if the disk takes it. */
  replace(credential: Credential): void;
  /** The control plane does not renew it any more, whatever our clock says: the next start joins again, if it has a join token. */
  lapse(): void;
}

const stored = z.object({ agent_id: z.string().refine(isUuid), workspace: z.string(), credential: z.string(), until_ms: z.number() });
type Stored = z.infer<typeof stored>;

/** As long as the control plane renews a lapsed credential for the key alone. */
const RENEWABLE_MS = 24 * 60 * 60 * 1000;
const MAX_WAIT_MS = 30_000;

/**
 * Who this agent is: undefined when it has a long-lived token. Joins when the folder holds nothing yet, or what it holds is too old to be renewed;
 * a control plane that cannot be reached is tried again until the signal.
 * Errors: what the control plane says against it; cancelled when the signal comes first; failed_precondition for a folder or key that cannot be used.
 */
export async function openIdentity(config: AgentConfig, log: Logger, signal: AbortSignal): Promise<Identity | undefined> {
  if (config.token !== "") return undefined;
  const { folder, file, key: keyFile } = identityPaths(config.dataDir);
  if (!existsSync(folder)) mkdirSync(folder, { mode: 0o700 });
  chmodSync(folder, 0o700);
  const known = readStored(file);
  const key = openHostKey(keyFile);
  const usable = known !== undefined && (known.until_ms + RENEWABLE_MS > Date.now() || config.joinToken === "");
  const mine = usable ? known : await joinWith(config, key, log, signal);
  if (!usable) write(file, mine);
  return identityOf(file, mine, key, log);
}

function identityOf(file: string, mine: Stored, key: HostKey, log: Logger): Identity {
  let now = mine;
  const keep = (): void => {
    try {
      write(file, now);
    } catch (error) {
      // This process has it, and for a day after the one on disk has ended the key alone is enough.
      log.warn({ event: "agent.credential_unsaved", error: messageOf(error) }, "the new credential could not be written");
    }
  };
  return {
    agentId: mine.agent_id,
    get credential() {
      return now.credential;
    },
    prove: (nonce) => ({ publicKey: key.publicKey, signature: key.sign(sessionStatement(mine.agent_id, nonce)) }),
    replace: ({ text, validMs }) => {
      now = { ...mine, credential: text, until_ms: Date.now() + validMs };
      keep();
    },
    lapse: () => {
      now = { ...now, until_ms: 0 };
      keep();
    },
  };
}

async function joinWith(config: AgentConfig, key: HostKey, log: Logger, signal: AbortSignal): Promise<Stored> {
  const { joinToken } = config;
  const request = {
    joinToken,
    publicKey: key.publicKey,
    signature: key.sign(enrolStatement(joinToken)),
    agentName: config.name || hostname(),
    tags: [...config.tags],
  };
  for (let turn = 0; ; turn++) {
    const address = config.addresses[turn % config.addresses.length] ?? "";
    try {
      const { agentId, workspace, credential } = await enrolAt(endpointOf(config, address), request);
      if (credential === undefined || !isUuid(agentId)) throw new AppError("internal", "the control plane's answer cannot be read");
      log.info({ event: "agent.enrolled", agentId, workspace }, `joined the workspace ${workspace}`);
      return { agent_id: agentId, workspace, credential: credential.text, until_ms: Date.now() + credential.validMs };
    } catch (error) {
      const refusal = AppError.from(error);
      if (!refusal.retryable) {
        throw new AppError(refusal.code, `the control plane does not let this agent join: ${refusal.message}`, {
          hint: "`millrace agents join-token list` shows which can be used, `millrace agents join-token create` makes another one",
        });
      }
      log.warn({ event: "agent.join_failed", address, error: refusal.message }, "the control plane cannot be reached: trying again");
      await pause(Math.min(MAX_WAIT_MS, 500 * 2 ** Math.min(turn, 10)) * (0.5 + Math.random() / 2), signal);
      if (signal.aborted) throw new AppError("cancelled", "stopped before the agent had joined");
    }
  }
}

export function endpointOf(config: AgentConfig, address: string, identity?: Identity): Endpoint {
  const { token, tls, caFile, certFile, keyFile } = config;
  return { address, token, tls, caFile, certFile, keyFile, ...(identity !== undefined && { identity }) };
}

function readStored(file: string): Stored | undefined {
  if (!existsSync(file)) return undefined;
  try {
    return stored.parse(JSON.parse(readFileSync(file, "utf8")));
  } catch (error) {
    throw new AppError("failed_precondition", `${file} cannot be read: ${messageOf(error)}`, {
      hint: "remove it and start with a join token: the key beside it keeps who the agent is",
    });
  }
}

function write(file: string, mine: Stored): void {
  replaceFile(file, `${JSON.stringify(mine)}\n`);
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(done, ms);
    function done(): void {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    }
    signal.addEventListener("abort", done, { once: true });
    if (signal.aborted) done();
  });
}
