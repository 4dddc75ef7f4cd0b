/** Flat: a name that ends in its unit, and a number. */
export type Figures = Readonly<Record<string, number>>;

/** A limit that "Done when" of the issue sets for a figure. */
export interface Aim {
  readonly figure: string;
  readonly kind: "at most" | "at least" | "below";
  readonly limit: number;
  /** Where it comes from and what it is about. */
  readonly words: string;
}

export interface Verdict extends Aim {
  /** Null when the figure was not measured. */
  readonly value: number | null;
  readonly met: boolean;
}

export type PeerResult =
  | { readonly kind: "measured"; readonly version: string; readonly figures: Figures; readonly settings: Readonly<Record<string, string | number | boolean>> }
  | { readonly kind: "skipped"; readonly reason: string };

interface ChartBase {
  readonly title: string;
  /** Axis titles carry their unit. */
  readonly xTitle: string;
  readonly yTitle: string;
}

export interface Line {
  readonly name: string;
  readonly points: readonly (readonly [x: number, y: number])[];
}

export type Chart =
  /** x is a percentile from 0 to 100, drawn so that the far end has room. */
  | (ChartBase & { readonly kind: "percentiles"; readonly lines: readonly Line[]; readonly limit?: { readonly value: number; readonly label: string } })
  | (ChartBase & { readonly kind: "time"; readonly lines: readonly Line[]; readonly marks?: readonly { readonly at: number; readonly label: string }[] })
  | (ChartBase & {
      readonly kind: "bars";
      readonly bars: readonly { readonly label: string; readonly value: number }[];
      readonly limit?: { readonly value: number; readonly label: string };
    });

/** What one scenario found. */
export interface Measured {
  readonly figures: Figures;
  readonly aims: readonly Aim[];
  readonly charts: readonly Chart[];
  readonly peers?: Readonly<Record<string, PeerResult>>;
  /** How it was run: agents and their kind, rates, lengths. */
  readonly settings: Readonly<Record<string, string | number | boolean>>;
  /** For the reader of the report. */
  readonly notes?: readonly string[];
  /** What must not happen: jobs lost or ended twice. Any of these fails the run. */
  readonly problems: readonly string[];
}

export interface ScenarioResult extends Omit<Measured, "aims" | "peers" | "notes"> {
  readonly scenario: string;
  readonly form: "short" | "long";
  readonly seed: number;
  readonly startedAt: string;
  readonly tookS: number;
  /** Load of the machine (1 minute) before the scenario. */
  readonly loadBefore: number;
  readonly peers: Readonly<Record<string, PeerResult>>;
  readonly notes: readonly string[];
  readonly verdicts: readonly Verdict[];
}

export interface Machine {
  readonly cores: number;
  readonly cpuModel: string;
  readonly memoryGib: number;
  readonly kernel: string;
  readonly node: string;
  readonly postgres: string;
}
