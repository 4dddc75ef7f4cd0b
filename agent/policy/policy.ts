import { BlockList, isIP, isIPv4 } from "node:net";
import { z } from "zod";
import { LANGUAGES, NOOP_LANGUAGE } from "../../kernel/languages.ts";
import { type Bundle, Network, Purpose, type Requirements } from "../../proto/gen/millrace/agent/v1/job.ts";

const names = z.array(z.string().min(1).max(300)).max(1000);
const NETWORKS = ["none", "allow_list", "full"] as const;
type NetworkMode = (typeof NETWORKS)[number];

/** What the owner of a host allows to run there. What is absent is not limited. */
export const agentPolicy = z.strictObject({
  tags: names.optional(),
  languages: names.optional(),
  /** By name. */
  workspaces: names.optional(),
  /** Patterns of deployed scripts: `*` is anything but a slash, `**` anything. With it no inline code runs: it has no path. */
  scripts: names.optional(),
  /** Patterns of names that the control plane may put into a job's environment. An empty list allows none. */
  env: names.optional(),
  network: z.array(z.enum(NETWORKS)).optional(),
  /** What a job with an allow list may name: "host", "host:port", "*.host", "10.0.0.0/8", "10.0.0.0/8:5432". A job with the whole network is refused. */
  targets: names.optional(),
  /** Of one job; also of one that asks for nothing, see `boundedBy`. */
  max_memory_bytes: z.int().positive().optional(),
  max_timeout_ms: z.int().positive().optional(),
  /** Only scripts whose dependencies were fixed when they were deployed, or that have none: see `unlockedRefusal`. */
  require_lock: z.boolean().optional(),
  /** Only deployed scripts. */
  forbid_inline: z.boolean().optional(),
});
export type AgentPolicy = z.infer<typeof agentPolicy>;

/** What holds on this agent where a job says nothing. */
export interface PolicyDefaults {
  readonly network: "none" | "full";
  readonly timeoutMs: number;
}

/**
 * Judges a job by what the control plane sent, before anything of it is used.
 * @returns the rule that it breaks, and how; undefined when it may run
 */
export function brokenRule(policy: AgentPolicy, bundle: Bundle, defaults: PolicyDefaults): string | undefined {
  for (const rule of RULES) {
    const why = rule.judge(policy, bundle, defaults);
    if (why !== undefined) return forbidden(rule.name, why);
  }
  return undefined;
}

/**
 * What is said of a job without a lock when it turns out to have dependencies. That is not known before its code has been read: until then it may go on, and
 * what it asks of a registry is refused.
 * @returns undefined when it may look for its dependencies
 */
export function unlockedRefusal(policy: AgentPolicy, { lock, purpose }: Bundle): string | undefined {
  if (policy.require_lock !== true || lock !== "" || purpose === Purpose.PURPOSE_LOCK) return undefined;
  return forbidden("require_lock", "its dependencies are not fixed by a lock");
}

function forbidden(rule: keyof AgentPolicy, why: string): string {
  return `the policy of this agent's owner forbids it (${rule}): ${why}`;
}

interface Rule {
  readonly name: keyof AgentPolicy;
  judge(policy: AgentPolicy, bundle: Bundle, defaults: PolicyDefaults): string | undefined;
}

const RULES: readonly Rule[] = [
  { name: "workspaces", judge: ({ workspaces }, { workspace }) => missing(workspaces, workspace, "the workspace") },
  { name: "tags", judge: ({ tags }, { tag }) => missing(tags, tag, "the tag") },
  { name: "languages", judge: ({ languages }, { language }) => missing(languages, language, "the language") },
  {
    name: "forbid_inline",
    judge: ({ forbid_inline: forbidden }, { scriptPath }) => (forbidden === true && scriptPath === "" ? "it is inline code" : undefined),
  },
  {
    name: "scripts",
    judge: ({ scripts }, { scriptPath: path }) =>
      scripts === undefined || (path !== "" && scripts.some((pattern) => globOf(pattern).test(path)))
        ? undefined
        : path === ""
          ? "it is inline code, which no pattern names"
          : `the script ${quote(path)} is not listed`,
  },
  {
    name: "env",
    judge: ({ env: allowed }, { env }) => {
      const excess = allowed === undefined ? undefined : env.find(({ name }) => !allowed.some((pattern) => globOf(pattern).test(name)));
      return excess === undefined ? undefined : `the variable ${quote(excess.name)} is not listed`;
    },
  },
  {
    name: "network",
    judge: ({ network }, bundle, defaults) => {
      const mode = networkOf(bundle, defaults);
      return network === undefined || network.includes(mode) ? undefined : `it has the network mode ${mode}`;
    },
  },
  {
    name: "targets",
    judge: ({ targets }, bundle, defaults) => {
      const mode = networkOf(bundle, defaults);
      if (targets === undefined || mode === "none") return undefined;
      if (mode === "full") return "it may reach everything";
      const excess = (bundle.requirements?.allow ?? []).find((wanted) => !targets.some((allowed) => covers(allowed, wanted)));
      return excess === undefined ? undefined : `${quote(excess)} is not listed`;
    },
  },
  {
    name: "max_memory_bytes",
    judge: ({ max_memory_bytes: max }, { requirements }) =>
      max !== undefined && (requirements?.memoryBytes ?? 0) > max ? `it asks for ${requirements?.memoryBytes} bytes of memory, ${max} are allowed` : undefined,
  },
  {
    name: "max_timeout_ms",
    judge: ({ max_timeout_ms: max }, { limits }, defaults) => {
      const timeoutMs = limits?.timeoutMs || defaults.timeoutMs;
      return max !== undefined && timeoutMs > max ? `it may run for ${timeoutMs} ms, ${max} are allowed` : undefined;
    },
  },
];

export const NOTHING_ASKED: Requirements = {
  network: Network.NETWORK_UNSPECIFIED,
  allow: [],
  minSandboxLevel: 0,
  memoryBytes: 0,
  cpuMillis: 0,
  dedicated: false,
};

/** The job, held to the policy's memory when it asks for none and would get more. @param usualBytes what such a job gets here; 0: whatever there is */
export function boundedBy({ max_memory_bytes: max }: AgentPolicy, bundle: Bundle, usualBytes: number): Bundle {
  const asked = bundle.requirements?.memoryBytes ?? 0;
  if (max === undefined || asked > 0 || usualBytes <= max) return bundle;
  return { ...bundle, requirements: { ...(bundle.requirements ?? NOTHING_ASKED), memoryBytes: max } };
}

/** Languages that a policy leaves, of those found on the host. */
export function languagesLeft<T extends { readonly language: string }>(policy: AgentPolicy, runtimes: readonly T[]): T[] {
  return runtimes.filter(({ language }) => policy.languages?.includes(language) !== false);
}

export function tagsLeft(policy: AgentPolicy, tags: readonly string[]): string[] {
  return tags.filter((tag) => policy.tags?.includes(tag) !== false);
}

/** Names in the policy that are no language of ours: a slip that would forbid more than was meant. */
export function unknownLanguages(policy: AgentPolicy): string[] {
  const known: readonly string[] = [...LANGUAGES, NOOP_LANGUAGE];
  return (policy.languages ?? []).filter((language) => !known.includes(language));
}

function missing(allowed: readonly string[] | undefined, value: string, what: string): string | undefined {
  return allowed === undefined || allowed.includes(value) ? undefined : `${what} ${quote(value)} is not listed`;
}

function networkOf({ requirements }: Bundle, defaults: PolicyDefaults): NetworkMode {
  switch (requirements?.network) {
    case Network.NETWORK_NONE:
      return "none";
    case Network.NETWORK_ALLOW_LIST:
      return "allow_list";
    case Network.NETWORK_FULL:
      return "full";
    default:
      return defaults.network;
  }
}

/** True when everything that `wanted` names is named by `allowed`. */
function covers(allowed: string, wanted: string): boolean {
  const [a, w] = [targetOf(allowed), targetOf(wanted)];
  if (a.port !== "" && a.port !== w.port) return false;
  if (a.host === w.host) return true;
  if (a.host.startsWith("*.")) return isIP(w.host) === 0 && !w.host.includes("/") && w.host.endsWith(a.host.slice(1));
  return isWithin(a.host, w.host);
}

/** "host:port", "[v6]:port", a host, an address or a network alone. */
function targetOf(text: string): { readonly host: string; readonly port: string } {
  const match = /^(?:\[([^\]]+)\]|([^:]+))(\/\d+)?(?::(\d+))?$/.exec(text);
  if (match === null) return { host: text.toLowerCase(), port: "" };
  const [, v6, plain = "", bits = "", port = ""] = match;
  return { host: `${v6 ?? plain}${bits}`.toLowerCase(), port };
}

function isWithin(network: string, wanted: string): boolean {
  const [net = "", bits] = network.split("/");
  const [address = "", width] = wanted.split("/");
  const version = isIP(net);
  if (version === 0 || bits === undefined || isIP(address) !== version) return false;
  if (width !== undefined && Number(width) < Number(bits)) return false;
  const list = new BlockList();
  const family = isIPv4(net) ? "ipv4" : "ipv6";
  try {
    list.addSubnet(net, Number(bits), family);
  } catch {
    return false;
  }
  return list.check(address, family);
}

const globs = new Map<string, RegExp>();
const MAX_GLOBS = 5000;

function globOf(pattern: string): RegExp {
  const known = globs.get(pattern);
  if (known !== undefined) return known;
  const source = pattern.replace(/[.+?^${}()|[\]\\]/g, "\\$&").replaceAll(/\*\*|\*/g, (stars) => (stars === "**" ? ".*" : "[^/]*"));
  const made = new RegExp(`^${source}$`, "s");
  if (globs.size >= MAX_GLOBS) globs.clear();
  globs.set(pattern, made);
  return made;
}

function quote(text: string): string {
  return JSON.stringify(text.slice(0, 200));
}
