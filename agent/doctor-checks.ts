import { accessSync, constants, existsSync, readFileSync } from "node:fs";
import { connect, type SecureClientSessionOptions } from "node:http2";
import { dirname, resolve } from "node:path";
import { messageOf } from "../kernel/app-error.ts";
import { formatBytes } from "../kernel/size.ts";
import { freeBytesOf } from "./conduct/disk-watch.ts";
import { type AgentConfig, readAgentConfig } from "./config.ts";
import { hasIdentity } from "./identity/identity-file.ts";
import { readPolicy } from "./policy/policy-file.ts";

/** One thing that an agent with these settings would come upon. */
export interface Check {
  readonly name: "settings" | "data folder" | "policy" | "control plane";
  readonly ok: boolean;
  /** What was found, or what is wrong. */
  readonly detail: string;
  /** What a person can do about it; empty when it is well. */
  readonly fix: string;
}

const DIAL_MS = 5_000;
/** Settings that say that there is to be an agent here: without any the host alone is looked at. */
const MEANS_AN_AGENT = /^MILLRACE_(?:GRPC_ADDRESS|AGENT_(?:TOKEN|TOKEN_FILE|JOIN_TOKEN|JOIN_TOKEN_FILE|DATA_DIR|POLICY_FILE))$/;

/** Holds the settings of an agent against this host and the control plane, without joining or starting anything. None when there are no settings. */
export async function checkSettings(env: Readonly<Record<string, string | undefined>>): Promise<Check[]> {
  if (!Object.entries(env).some(([key, value]) => MEANS_AN_AGENT.test(key) && (value ?? "") !== "")) return [];
  let config: AgentConfig;
  try {
    config = readAgentConfig(env);
  } catch (error) {
    return [{ name: "settings", ok: false, detail: messageOf(error).replaceAll(/\n\s*/g, " "), fix: "see docs/configuration.md" }];
  }
  const { name, tags } = config;
  const settings: Check = { name: "settings", ok: true, detail: `${name}, for the tags ${tags.join(", ")}, comes with ${comesWith(config)}`, fix: "" };
  const dials = await Promise.all(config.addresses.map((address) => checkControlPlane(config, address)));
  return [settings, checkDataFolder(config), ...(config.policyFile === "" ? [] : [checkPolicy(config.policyFile)]), ...dials];
}

function comesWith({ token, dataDir }: AgentConfig): string {
  if (token !== "") return "a long-lived token";
  return hasIdentity(dataDir) ? "the key of its data folder" : "a join token";
}

function checkDataFolder({ dataDir, minFreeBytes }: AgentConfig): Check {
  const name = "data folder";
  let folder = resolve(dataDir);
  while (!existsSync(folder)) folder = dirname(folder);
  try {
    accessSync(folder, constants.W_OK | constants.X_OK);
    const freeBytes = freeBytesOf(folder);
    const detail = `${dataDir}, ${formatBytes(freeBytes)} free`;
    if (freeBytes >= minFreeBytes) return { name, ok: true, detail, fix: "" };
    return { name, ok: false, detail: `${detail}, ${formatBytes(minFreeBytes)} wanted`, fix: "make room, or set MILLRACE_AGENT_MIN_FREE_BYTES" };
  } catch (error) {
    return { name, ok: false, detail: messageOf(error), fix: "let the agent's user write there, or set MILLRACE_AGENT_DATA_DIR" };
  }
}

function checkPolicy(path: string): Check {
  const name = "policy";
  try {
    const rules = Object.keys(readPolicy(path));
    return { name, ok: true, detail: rules.length === 0 ? `${path} limits nothing` : `${path} limits ${rules.join(", ")}`, fix: "" };
  } catch (error) {
    return { name, ok: false, detail: messageOf(error).replaceAll(/\n\s*/g, " "), fix: "the agent does not start with it: mend the file" };
  }
}

/** Speaks HTTP/2 as far as the server's first frame: so it is known that there is such a server, and whether TLS is right. */
async function checkControlPlane(config: AgentConfig, address: string): Promise<Check> {
  const name = "control plane";
  try {
    await firstFrame(`${config.tls ? "https" : "http"}://${address}`, tlsOf(config));
    return { name, ok: true, detail: `${address} answers${config.tls ? " over TLS" : ", unencrypted"}`, fix: "" };
  } catch (error) {
    const fix = "check the address (the agents' port is 8001), what lies between, and MILLRACE_AGENT_TLS and MILLRACE_AGENT_CA_FILE";
    return { name, ok: false, detail: `${address}: ${messageOf(error)}`, fix };
  }
}

/** @throws when a file cannot be read */
function tlsOf({ tls, caFile, certFile, keyFile }: AgentConfig): SecureClientSessionOptions {
  if (!tls) return {};
  const shown = certFile === "" ? {} : { cert: readFileSync(certFile), key: readFileSync(keyFile) };
  return { ...(caFile !== "" && { ca: readFileSync(caFile) }), ...shown };
}

function firstFrame(url: string, options: SecureClientSessionOptions): Promise<void> {
  return new Promise((settle, reject) => {
    const session = connect(url, options);
    const timer = setTimeout(() => session.destroy(new Error(`no answer within ${DIAL_MS / 1_000} s`)), DIAL_MS);
    session.once("remoteSettings", () => {
      settle();
      session.destroy();
    });
    session.on("error", reject);
    session.once("close", () => {
      clearTimeout(timer);
      reject(new Error("the connection was closed: that is no control plane, or one with TLS"));
    });
  });
}
