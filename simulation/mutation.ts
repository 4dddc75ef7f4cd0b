import type { DirectedName } from "./directed/directed-worlds.ts";

export interface Edit {
  /** From the root of the repository. */
  readonly file: string;
  /** Occurs exactly once in the file: when it is gone, the guard has moved and this list must follow. */
  readonly text: string;
  readonly replacement: string;
}

/** A guard and how to switch it off: several edits where one line of defence stands behind another. */
export interface Mutation {
  /** What is wrong then. */
  readonly name: string;
  readonly edits: readonly Edit[];
  /** What the guard is for. */
  readonly why: string;
  /** So few worlds need the guard that no seed of thousands is known to: this one is made for it. */
  readonly world?: DirectedName;
  /** Of the core of flows: looked for by run-flow.ts. */
  readonly ofFlows?: true;
}
