import type { JobId } from "../../kernel/ids.ts";
import { parseJobId } from "../../kernel/ids.ts";
import type { OwnerFrame } from "../../proto/gen/millrace/peer/v1/peer.ts";
import type { OwnersHome } from "../agents/agent-home.ts";
import { attemptFromWire } from "../agents/frames-codec.ts";
import type { JobChange } from "./job-watch.ts";
import { demandFromWire, sessionFromWire, shardsFromWire, tokensFromWire, workspaceFromWire } from "./peer-codec.ts";

/**
 * Acts on what an owner behind a link says. Assignments come before what is said of their slots, and the list of its shards last: by then
 * all that was true before is known.
 */
export function receiveFromOwner(
  frame: OwnerFrame,
  to: { readonly home: OwnersHome; readonly owned: (shards: readonly number[]) => void; readonly event: (id: JobId, change: JobChange) => void },
): void {
  const { home } = to;
  for (const { session, workspaceId, bundle } of frame.assign) {
    const id = sessionFromWire(session);
    const workspace = workspaceFromWire(workspaceId);
    if (id !== undefined && workspace !== undefined && bundle !== undefined) home.assignFrom(id, bundle, { workspace, attempt: bundle.attempt });
  }
  for (const { session, attempt, reason, fenced } of frame.cancel) {
    const id = sessionFromWire(session);
    const ref = attemptFromWire(attempt);
    if (id !== undefined && ref !== undefined) home.cancel(id, { ...ref, reason, fenced });
  }
  for (const { session, uncovered, adopted, ...share } of frame.holding) {
    const id = sessionFromWire(session);
    if (id !== undefined) home.holding(id, { ...share, uncovered: tokensFromWire(uncovered), adopted: tokensFromWire(adopted) });
  }
  if (frame.demand !== undefined) home.demand(demandFromWire(frame.demand));
  for (const { jobId, change, attempt, seq } of frame.events) {
    const id = parseJobId(jobId);
    if (id === undefined) continue;
    if (change === "queued" || change === "running" || change === "ended") to.event(id, { kind: change });
    else if (change === "durable") to.event(id, { kind: change, attempt, seq });
  }
  if (frame.owned !== undefined) to.owned(shardsFromWire(frame.owned.shards));
}
