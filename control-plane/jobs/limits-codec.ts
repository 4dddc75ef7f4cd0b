import { type JobLimits, LIMIT_STRATEGIES, type LimitSpec } from "../scheduler/core/limit-model.ts";

/** Kind, id, key, number of the strategy, then what the kind has. */
type Stored = ["c", string, string, number, number] | ["r", string, string, number, number, number] | ["d", string, string, number, number, number | null];

/** A job's limits as its rows keep them. */
export function encodeLimits({ specs }: JobLimits): string {
  return JSON.stringify(
    specs.map((spec): Stored => {
      const strategy = LIMIT_STRATEGIES.indexOf(spec.strategy);
      if (spec.kind === "running") return ["c", spec.id, spec.key, strategy, spec.max];
      if (spec.kind === "debounce") return ["d", spec.id, spec.key, strategy, spec.delayMs, spec.maxMs ?? null];
      return ["r", spec.id, spec.key, strategy, spec.starts, spec.windowMs];
    }),
  );
}

/** @param group the row's ckey */
export function decodeLimits(group: string, text: string): JobLimits {
  return { group, specs: (JSON.parse(text) as Stored[]).map(spec) };
}

function spec(stored: Stored): LimitSpec {
  const [, id, key, at] = stored;
  const of = { id, key, strategy: LIMIT_STRATEGIES[at] ?? "queue" };
  if (stored[0] === "c") return { ...of, kind: "running", max: stored[4] };
  if (stored[0] === "d") return { ...of, kind: "debounce", delayMs: stored[4], maxMs: stored[5] ?? undefined };
  return { ...of, kind: "rate", starts: stored[4], windowMs: stored[5] };
}
