import { hostname } from "node:os";
import type { Config } from "./config.ts";

/** Where other replicas reach this one. */
export function peerAddress(config: Config, port: number): string {
  const { MILLRACE_PEER_ADDRESS: given, MILLRACE_GRPC_HOST: host } = config;
  if (given !== undefined) return given;
  if (host === "0.0.0.0" || host === "::") return `${hostname()}:${port}`;
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}
