import { Network, type Requirements as WireRequirements } from "../../proto/gen/millrace/agent/v1/job.ts";
import type { Requirements } from "./core/requirements.ts";

const MIB = 1024 * 1024;

/** As agents read it; undefined when nothing is asked for. */
export function encodeRequirements(asked: Requirements | undefined): WireRequirements | undefined {
  if (asked === undefined) return undefined;
  const { network, min_sandbox_level, memory_mb, cpu_millis, dedicated } = asked;
  return {
    network: networkNumber(network),
    allow: typeof network === "object" ? [...network] : [],
    minSandboxLevel: min_sandbox_level ?? 0,
    memoryBytes: (memory_mb ?? 0) * MIB,
    cpuMillis: cpu_millis ?? 0,
    dedicated: dedicated ?? false,
  };
}

function networkNumber(network: Requirements["network"]): Network {
  if (network === undefined) return Network.NETWORK_UNSPECIFIED;
  if (network === "none") return Network.NETWORK_NONE;
  return network === "full" ? Network.NETWORK_FULL : Network.NETWORK_ALLOW_LIST;
}
