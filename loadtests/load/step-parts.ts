/** Of a step of a flow, milliseconds since the epoch; `runMs` as its agent measured it. */
export interface StepTimes {
  readonly madeMs: number;
  readonly startedMs: number;
  readonly runMs: number;
}

/**
 * Where the time of steps in a row went, milliseconds in all. Assignment: from the making of a step's job to the start of its process. Execution: until it
 * has ended, as its agent measured it. Transition: until the next step's job is made. Jobs are made at whole milliseconds, rounded down: half of one is counted
 * as assignment that belongs to the transition.
 */
export function partsInARow(steps: readonly StepTimes[]): { readonly assignment: number; readonly execution: number; readonly transition: number } {
  let [assignment, execution, transition] = [0, 0, 0];
  for (const [at, step] of steps.entries()) {
    const next = steps[at + 1];
    assignment += step.startedMs - step.madeMs;
    execution += step.runMs;
    if (next !== undefined) transition += next.madeMs - step.startedMs - step.runMs;
  }
  return { assignment, execution, transition };
}

/** When the function of a step began and ended, on any one clock of milliseconds. */
export type StepStamps = readonly [begunMs: number, endedMs: number];

/**
 * The same of steps that are functions of one process: nobody assigns them. Execution: the functions' own time. Transition: from the end of one to
 * the beginning of the next, whatever is stored in between.
 */
export function partsOfFunctions(steps: readonly StepStamps[]): { readonly execution: number; readonly transition: number } {
  let [execution, transition] = [0, 0];
  for (const [at, [begunMs, endedMs]] of steps.entries()) {
    const next = steps[at + 1];
    execution += endedMs - begunMs;
    if (next !== undefined) transition += next[0] - endedMs;
  }
  return { execution, transition };
}
