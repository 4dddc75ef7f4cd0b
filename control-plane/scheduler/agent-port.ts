import type { JobId, SessionId, Token } from "../../kernel/ids.ts";
import type { Bundle } from "../../proto/gen/millrace/agent/v1/job.ts";

/** The way from an owner to an agent's live stream. The same interface serves streams of this replica and of its peers. */
export interface AgentPort {
  /** Queues a bundle for the agent's next frame. @returns false when the session is gone: the agent certainly did not get it */
  assign(session: SessionId, bundle: Bundle): boolean;
  /** True while frames for the session have not left yet: more of the same would only queue up. */
  isBehind(session: SessionId): boolean;
  /** Asks for a graceful end, or with `fenced` for an immediate one whose result nobody wants. */
  cancel(session: SessionId, attempt: { readonly id: JobId; readonly token: Token; readonly reason: string; readonly fenced: boolean }): void;
}

/** recorded: in history, now or before · stale: the token is not valid, nothing was recorded */
export type FinishVerdict = "recorded" | "stale";
