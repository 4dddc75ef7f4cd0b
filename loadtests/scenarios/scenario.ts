import type { Measured } from "../result/model.ts";
import type { Scope } from "../world/scope.ts";

/** What the command line asks of a scenario. */
export interface ScenarioContext {
  /** Everything that is started goes in here, and is ended with it. */
  readonly scope: Scope;
  readonly short: boolean;
  readonly seed: number;
  /** Whether the peers are measured, in scenarios that have them. */
  readonly peers: boolean;
  /** Length of the measured window, where somebody asks for another one, seconds. */
  readonly seconds: number | undefined;
  readonly agents: number | undefined;
  readonly slots: number | undefined;
  /** A line for whoever watches. */
  readonly say: (text: string) => void;
}

export interface Scenario {
  readonly name: string;
  readonly summary: string;
  /** How long each form takes, in words. */
  readonly takes: { readonly short: string; readonly long: string };
  run(context: ScenarioContext): Promise<Measured>;
}
