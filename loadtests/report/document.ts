import { checkFigures, mergeFigures, mergePeers } from "../result/figures.ts";
import type { Figures, Machine, ScenarioResult } from "../result/model.ts";

/** What the JSON file holds and the HTML file embeds. */
export interface ReportDocument {
  readonly format: 1;
  readonly name: string;
  readonly form: "short" | "long";
  readonly commit: string;
  readonly command: string;
  readonly machine: Machine & { readonly loadBefore: number };
  readonly seed: number;
  readonly startedAt: string;
  readonly tookS: number;
  /** All figures of all scenarios: name with its unit, number. */
  readonly figures: Figures;
  readonly peers: Readonly<
    Record<string, { readonly figures: Figures; readonly settings: Readonly<Record<string, string | number | boolean>>; readonly skipped?: string }>
  >;
  readonly verdicts: readonly (ScenarioResult["verdicts"][number] & { readonly scenario: string })[];
  readonly problems: readonly string[];
  readonly failures: readonly { readonly scenario: string; readonly message: string }[];
  readonly scenarios: readonly ScenarioResult[];
}

export interface RunFacts {
  readonly name: string;
  readonly short: boolean;
  readonly commit: string;
  readonly command: string;
  readonly machine: ReportDocument["machine"];
  readonly seed: number;
  readonly startedAt: Date;
  readonly tookS: number;
}

/** Puts the results of a run together. @throws when a figure has no unit or two have the same name */
export function makeDocument(facts: RunFacts, results: readonly ScenarioResult[], failures: ReportDocument["failures"]): ReportDocument {
  const { name, short, commit, command, machine, seed, startedAt, tookS } = facts;
  const peers = mergePeers(results);
  for (const peer of Object.values(peers)) checkFigures(peer.figures);
  return {
    format: 1,
    name,
    form: short ? "short" : "long",
    commit,
    command,
    machine,
    seed,
    startedAt: startedAt.toISOString(),
    tookS,
    figures: checkFigures(mergeFigures(results.map((result) => result.figures))),
    peers,
    verdicts: results.flatMap((result) => result.verdicts.map((verdict) => ({ ...verdict, scenario: result.scenario }))),
    problems: results.flatMap((result) => result.problems.map((problem) => `${result.scenario}: ${problem}`)),
    failures,
    scenarios: results,
  };
}
