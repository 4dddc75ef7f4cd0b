/** What one script asked of its sandbox, held against what this agent can do. Nothing that was asked for is left out in silence. */
import { formatBytes } from "../../kernel/size.ts";
import { Network, type Requirements } from "../../proto/gen/millrace/agent/v1/job.ts";
import type { CgroupDriver, JobLimits } from "../sandbox/cgroup/cgroup.ts";
import type { SandboxLevel } from "../sandbox/layers.ts";
import { type AllowEntry, parseAllowList } from "../sandbox/network/allow-list.ts";
import type { NetworkPolicy, Sandbox } from "../sandbox/sandbox.ts";

/** What this agent can enforce. */
export interface Enclosure {
  /** As it was found last. */
  level(): SandboxLevel;
  readonly cgroups: Pick<CgroupDriver, "kind" | "controls" | "totalMemoryBytes">;
  /** Why no allow list can be kept; undefined when one can. */
  readonly noAllowList: string | undefined;
}

/** Zero: see `memoryLimit`, and no limit for processors. */
export interface DefaultLimits {
  readonly memoryBytes: number;
  readonly cpuMillis: number;
}

export interface Terms {
  readonly network: NetworkPolicy;
  readonly allow: readonly AllowEntry[];
  readonly limits: JobLimits;
  /** Memory that somebody chose for this script, for runtimes that size their heap by it. Undefined: the runtime's own default. */
  readonly chosenMemoryBytes: number | undefined;
  /** For the job's log. */
  readonly notes: readonly string[];
}

export interface TermsInput {
  readonly requirements: Requirements | undefined;
  readonly sandbox: Pick<Sandbox, "kind">;
  readonly enclosure: Enclosure;
  readonly network: NetworkPolicy;
  readonly defaults: DefaultLimits;
  /** Of a host that packs its jobs: the limit of one that asks for none. It may be moved while the job runs. */
  readonly roomBytes?: number | undefined;
}

/** Below this not even the sandbox itself fits. */
const MIN_MEMORY_BYTES = 16 * 1024 * 1024;

/** @returns the terms, or why the script cannot run here */
export function termsOf(input: TermsInput): Terms | string {
  const { requirements, sandbox, enclosure } = input;
  const level = enclosure.level();
  const wanted = requirements?.minSandboxLevel ?? 0;
  if (level < wanted) return `the script asks for sandbox level ${wanted}; this agent has level ${level}`;
  if (sandbox.kind === "bubblewrap" && level === 0) return "the sandbox of this agent does not hold any more";
  const network = networkOf(input);
  if (typeof network === "string") return network;
  const memory = memoryLimit(input);
  if (typeof memory === "string") return memory;
  const cpu = cpuLimit(input);
  return {
    ...network,
    limits: { ...memory.limit, ...cpu.limit },
    chosenMemoryBytes: memory.chosenBytes,
    notes: [...memory.notes, ...cpu.notes],
  };
}

function networkOf({ requirements, sandbox, enclosure, network }: TermsInput): Pick<Terms, "network" | "allow"> | string {
  const wanted = requirements?.network ?? Network.NETWORK_UNSPECIFIED;
  switch (wanted) {
    case Network.NETWORK_UNSPECIFIED:
      return { network, allow: [] };
    case Network.NETWORK_FULL:
      return { network: "full", allow: [] };
    case Network.NETWORK_NONE:
      return sandbox.kind === "bubblewrap" ? { network: "none", allow: [] } : "without a sandbox a script cannot be cut off from the network";
    case Network.NETWORK_ALLOW_LIST: {
      if (enclosure.noAllowList !== undefined) return `what a script may reach cannot be limited here: ${enclosure.noAllowList}`;
      const allow = parseAllowList(requirements?.allow ?? []);
      return typeof allow === "string" ? allow : { network: "allow_list", allow };
    }
    default:
      return "the script asks for a network that this agent does not know";
  }
}

interface MemoryTerms {
  readonly limit: Pick<JobLimits, "memoryBytes">;
  /** Somebody chose it; the limit may be another one. */
  readonly chosenBytes: number | undefined;
  readonly notes: readonly string[];
}

/** What a job gets that asks for no memory: the agent's setting, else half of what all jobs together may use, so that none alone can take everything. */
export function usualMemoryBytes({ enclosure, limits }: { readonly enclosure: Enclosure; readonly limits: DefaultLimits }): number {
  const { controls, totalMemoryBytes } = enclosure.cgroups;
  if (!controls.has("memory")) return 0;
  return limits.memoryBytes > 0 ? Math.min(limits.memoryBytes, totalMemoryBytes) : Math.floor(totalMemoryBytes / 2);
}

function memoryLimit({ requirements, enclosure, defaults, roomBytes }: TermsInput): MemoryTerms | string {
  const { controls, totalMemoryBytes } = enclosure.cgroups;
  const asked = requirements?.memoryBytes ?? 0;
  if (!controls.has("memory")) {
    return {
      limit: {},
      chosenBytes: undefined,
      notes: asked > 0 ? ["this agent cannot limit memory: the script runs without the limit that it asks for"] : [],
    };
  }
  if (asked > totalMemoryBytes) return `the script asks for ${formatBytes(asked)} of memory; this agent has ${formatBytes(totalMemoryBytes)} for jobs`;
  const usual = usualMemoryBytes({ enclosure, limits: defaults });
  const limit = asked > 0 ? asked : (roomBytes ?? usual);
  const chosen = asked > 0 || defaults.memoryBytes > 0;
  return {
    limit: { memoryBytes: Math.max(MIN_MEMORY_BYTES, limit) },
    chosenBytes: chosen ? Math.max(MIN_MEMORY_BYTES, asked > 0 ? asked : usual) : undefined,
    notes: [],
  };
}

function cpuLimit({ requirements, enclosure, defaults }: TermsInput): { limit: Pick<JobLimits, "cpuMillis">; notes: readonly string[] } {
  const asked = requirements?.cpuMillis ?? 0;
  const millis = asked > 0 ? asked : defaults.cpuMillis;
  if (millis === 0) return { limit: {}, notes: [] };
  if (enclosure.cgroups.controls.has("cpu")) return { limit: { cpuMillis: millis }, notes: [] };
  return { limit: {}, notes: asked > 0 ? ["this agent cannot limit processors: the script runs without the limit that it asks for"] : [] };
}
