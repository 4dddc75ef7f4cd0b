import { startProgram } from "./processes.ts";
import type { Scope } from "./scope.ts";

/** Nothing ran between two moments, `monotonicUs`. */
export interface Stood {
  readonly kind: "stood";
  readonly fromUs: number;
  readonly toUs: number;
}

/**
 * Tells when the machine itself stood still, as a guest does whose host has other things to do: every process of the run is late by as much then, and
 * latencies say nothing about the system.
 */
export class Standstills {
  readonly #stood: Stood[] = [];

  /** Watches until the scope ends. */
  static watch(scope: Scope): Standstills {
    const standstills = new Standstills();
    const { child } = startProgram(scope, "loadtests/world/standstill-child.ts", [], {}, true);
    child.on("message", (stood: Stood) => standstills.add(stood));
    return standstills;
  }

  add(stood: Stood): void {
    this.#stood.push(stood);
  }

  /** The longest one that reaches into a time, milliseconds; 0 when all were shorter than 20. */
  longestMs({ fromUs, toUs }: Pick<Stood, "fromUs" | "toUs">): number {
    return Math.max(0, ...this.#stood.filter((one) => one.toUs > fromUs && one.fromUs < toUs).map((one) => (one.toUs - one.fromUs) / 1000));
  }
}
