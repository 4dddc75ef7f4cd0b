/** 0 nothing · 1 namespaces, all jobs under the agent's user · 2 namespaces, a user per job · 3 also hard limits by control groups. */
export type SandboxLevel = 0 | 1 | 2 | 3;

/** One protection, as it was found by trying it. */
export interface Layer {
  readonly name: "bubblewrap" | "isolation" | "user per job" | "memory limit" | "process limit" | "processor limit" | "network rules";
  readonly ok: boolean;
  /** What was found, or why it is missing. */
  readonly detail: string;
  /** What a person can do about it; empty when it is there. */
  readonly fix: string;
  /** The lowest level that has it; undefined: none depends on it. */
  readonly level: SandboxLevel | undefined;
}

/** The level that these layers make: the highest one whose layers, and those of all below, are there. */
export function levelOf(layers: readonly Layer[]): SandboxLevel {
  const has = (level: SandboxLevel): boolean => layers.some((layer) => layer.level === level) && layers.every((layer) => layer.level !== level || layer.ok);
  if (!has(1)) return 0;
  if (!has(2)) return 1;
  return has(3) ? 3 : 2;
}

/** What is missing and why, for Hello and for people. */
export function reasonsOf(layers: readonly Layer[]): string[] {
  return layers.filter((layer) => !layer.ok).map((layer) => `no ${layer.name}: ${layer.detail}`);
}
