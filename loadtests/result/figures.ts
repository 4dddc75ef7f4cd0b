import type { Aim, Figures, PeerResult, ScenarioResult, Verdict } from "./model.ts";

/** What a figure's name may end in. */
const UNITS = [
  "ms",
  "s",
  "us_per_job",
  "jobs_per_s",
  "jobs_per_cpu_s",
  "transactions_per_s",
  "bytes_per_job",
  "commits_per_job",
  "statements_per_job",
  "bytes",
  "jobs",
  "rows",
  "cores",
  "connections",
  "requests",
  "ratio",
  "percent",
  "index",
  "count",
] as const;

export function hasUnit(name: string): boolean {
  return /^[a-z][a-z0-9_]*$/.test(name) && UNITS.some((unit) => name.endsWith(`_${unit}`));
}

/** @throws when a name has no unit or a value is no number: such a figure cannot be compared with anything */
export function checkFigures(figures: Figures): Figures {
  for (const [name, value] of Object.entries(figures)) {
    if (!hasUnit(name)) throw new Error(`the figure ${name} does not end in a unit (${UNITS.join(", ")})`);
    if (typeof value !== "number" || !Number.isFinite(value)) throw new Error(`the figure ${name} is ${value}: not a number`);
  }
  return figures;
}

/** Puts figures of several scenarios together. @throws when two have the same name */
export function mergeFigures(all: readonly Figures[]): Record<string, number> {
  const merged: Record<string, number> = {};
  for (const figures of all) {
    for (const [name, value] of Object.entries(figures)) {
      if (name in merged) throw new Error(`two scenarios give the figure ${name}`);
      merged[name] = value;
    }
  }
  return merged;
}

/** Peers by name over several scenarios: figures joined; skipped only where every scenario skipped it. */
export function mergePeers(
  results: readonly Pick<ScenarioResult, "peers">[],
): Record<string, { figures: Figures; settings: Record<string, string | number | boolean>; skipped?: string }> {
  const names = [...new Set(results.flatMap((result) => Object.keys(result.peers)))];
  return Object.fromEntries(
    names.map((name) => {
      const found = results.flatMap((result): PeerResult[] => (result.peers[name] === undefined ? [] : [result.peers[name]]));
      const measured = found.flatMap((peer) => (peer.kind === "measured" ? [peer] : []));
      const skipped = found.flatMap((peer) => (peer.kind === "skipped" ? [peer.reason] : []));
      const settings = Object.assign({}, ...measured.map((peer) => ({ version: peer.version, ...peer.settings }))) as Record<string, string | number | boolean>;
      return [name, { figures: mergeFigures(measured.map((peer) => peer.figures)), settings, ...(measured.length === 0 && { skipped: skipped.join("; ") }) }];
    }),
  );
}

/** A figure that was not measured does not meet its aim. */
export function judge(aims: readonly Aim[], figures: Figures): Verdict[] {
  return aims.map((aim) => {
    const value = figures[aim.figure];
    return { ...aim, value: value ?? null, met: value !== undefined && meets(aim, value) };
  });
}

function meets({ kind, limit }: Aim, value: number): boolean {
  if (kind === "at most") return value <= limit;
  return kind === "below" ? value < limit : value >= limit;
}
