import { z } from "zod";

/** Bounds of what may be asked of the place where a job runs. */
const REQUIREMENT_LIMITS = { targets: 64, sandboxLevel: 3, memoryMb: 1024 * 1024, cpuMillis: 1_000_000 } as const;

const HOST = /^(?=.{1,253}(?::|$))[A-Za-z0-9](?:[A-Za-z0-9-]{0,62})(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]{0,62}))*(?::(?<port>\d{1,5}))?$/;
const IPV4_NETWORK = /^(?<address>\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3})\/(?<bits>\d{1,2})(?::(?<port>\d{1,5}))?$/;

/** `host`, `host:port`, `10.0.0.0/8`, `10.0.0.0/8:5432`. */
export function isNetworkTarget(text: string): boolean {
  const groups = (IPV4_NETWORK.exec(text) ?? HOST.exec(text))?.groups;
  if (groups === undefined && !HOST.test(text)) return false;
  const { address, bits, port } = groups ?? {};
  if (port !== undefined && (Number(port) < 1 || Number(port) > 65_535)) return false;
  return address === undefined || (Number(bits) <= 32 && address.split(".").every((part) => Number(part) <= 255));
}

const networkTarget = z.string().max(300).refine(isNetworkTarget, "a target is a host, host:port, or an IPv4 network such as 10.0.0.0/8 or 10.0.0.0/8:5432");

/** Members of a deploy request, and of a run of inline code. */
export const requirementFields = {
  network: z
    .union([z.enum(["none", "full"]), z.array(networkTarget).min(1).max(REQUIREMENT_LIMITS.targets)])
    .optional()
    .meta({ description: "What the script may reach: nothing, everything, or only these targets. Default: what the agent allows.", examples: ["none"] }),
  min_sandbox_level: z
    .int()
    .min(0)
    .max(REQUIREMENT_LIMITS.sandboxLevel)
    .optional()
    .meta({ description: "An agent whose sandbox is weaker refuses. See `millrace agent doctor`." }),
  memory_mb: z.int().min(16).max(REQUIREMENT_LIMITS.memoryMb).optional().meta({ description: "Memory of one attempt, MiB. Beyond it ends as out_of_memory." }),
  cpu_millis: z.int().min(10).max(REQUIREMENT_LIMITS.cpuMillis).optional().meta({ description: "Processor of one attempt, thousandths." }),
  dedicated: z.boolean().optional().meta({ description: "Keeps a process of this script on the agent, so that the next run starts at once." }),
};
