import type { ServerFrame } from "../../proto/gen/millrace/agent/v1/session.ts";
import type { LogShipper } from "../logs/log-shipper.ts";
import type { Attempts } from "./attempts.ts";
import type { Results } from "./results.ts";

export interface InboxParts {
  readonly attempts: Attempts;
  readonly results: Results;
  readonly shipper: LogShipper;
  /** Folders of runs of flows, by the run. */
  readonly folders?: { release(runId: string): void } | undefined;
}

/**
 * Acts on the lists of one server frame. Acknowledgements come before cancellations before new work, so that one frame that settles
 * a result and fences its attempt does the harmless thing. Policy, keepalive and drain concern the connection: see connect-loop.
 *
 * What the server takes back concerns attempts that live. It may also name one that has ended: its acknowledgement has crossed our
 * keepalive, or was lost with the stream. Of that one the verdict on its result decides, and nothing is thrown away before.
 */
export function receive(parts: InboxParts, frame: ServerFrame): void {
  for (const ref of frame.welcome?.drop ?? []) parts.attempts.drop(ref, "the server took it back");
  for (const ack of frame.logAcks) parts.shipper.acknowledge(ack);
  for (const ack of frame.finishedAcks) parts.results.acknowledge(ack);
  for (const cancel of frame.cancel) {
    parts.attempts.cancel(cancel);
    if (cancel.fenced) parts.folders?.release(cancel.jobId);
  }
  for (const bundle of frame.assign) parts.attempts.assign(bundle);
}
