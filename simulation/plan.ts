import type { FlushOperation } from "../control-plane/jobs/model.ts";

/** Numbers in [0, 1) that decide how an event turns out. */
export type Dice = readonly [number, number, number, number];

/** An event of a plan. */
export interface Planned {
  readonly atMs: number;
  readonly kind: string;
  readonly dice: Dice;
}

/** An operation in a line of a trace. */
export function describeOperation(operation: FlushOperation): string {
  const token =
    operation.kind === "insert"
      ? operation.direct?.token
      : operation.kind === "finish" || operation.kind === "retry"
        ? operation.end.token
        : operation.kind === "cancel"
          ? undefined
          : operation.token;
  const how =
    (operation.kind === "insert" && operation.direct !== undefined ? " direct" : "") + (operation.kind === "retry" && operation.deferred ? " later" : "");
  return `${operation.kind}${how} ${operation.job.id.slice(-4)}${token === undefined ? "" : ` token ${token}`}`;
}
