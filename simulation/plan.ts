import type { FlushOperation } from "../control-plane/jobs/model.ts";
import type { HomeFrame, OwnerFrame } from "../proto/gen/millrace/peer/v1/peer.ts";

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
        : operation.kind === "cancel" || operation.kind === "refuse" || operation.kind === "flow"
          ? undefined
          : operation.token;
  const how =
    (operation.kind === "insert" && operation.direct !== undefined ? " direct" : "") + (operation.kind === "retry" && operation.deferred ? " later" : "");
  return `${operation.kind}${how} ${operation.job.id.slice(-4)}${token === undefined ? "" : ` token ${token}`}`;
}

const short = (session: string): string => `session ${session.slice(7, 13)}${session.slice(-2)}`;
const tokens = (list: readonly string[]): string => `[${list.map((token) => token.slice(-6)).join(" ")}]`;

/** What a frame between replicas says of agents and shards, in lines of a trace. */
export function describePeerFrame(frame: HomeFrame | OwnerFrame): string[] {
  if ("attached" in frame) {
    return [
      ...frame.attached.map(({ session, agentKey, held }) => `agent ${agentKey} is here in ${short(session)}, holds ${tokens(held.map((ref) => ref.token))}`),
      ...frame.detached.map(({ session, agentKey }) => `agent ${agentKey} is gone from ${short(session)}`),
      ...frame.shares.map(({ session, seq, round, slots }) => `${slots} slots of ${short(session)} (order ${seq}, round ${round})`),
      ...frame.handOver.map(({ shards, cancels }) => `hands over ${shards.length} shards, ${cancels.length} cancels`),
    ];
  }
  return [
    ...frame.holding.map(
      ({ session, seq, round, slots, uncovered, adopted }) =>
        `holds ${slots} slots of ${short(session)} (order ${seq}, round ${round}), gave away ${tokens(uncovered)}, adopted ${tokens(adopted)}`,
    ),
    ...(frame.owned === undefined ? [] : [`owns ${frame.owned.shards.length} shards`]),
  ];
}
