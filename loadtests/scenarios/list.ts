import type { Scenario } from "./scenario.ts";
import { sustained } from "./sustained.ts";

/** In the order in which `all` runs them. */
export const SCENARIOS: readonly Scenario[] = [sustained];
