import { outcomeOf } from "../../kernel/exit.ts";
import type { JobId, WorkspaceId } from "../../kernel/ids.ts";
import type { FlushOperation } from "./model.ts";

/**
 * Something that somebody wants to be told of, written by the flush that does it: so it is known if and only if it has happened. ended: a job is over ·
 * lost: the agent of an attempt went away (`data` is the attempt) · flow: a run has moved on, and may wait for people.
 */
export interface EventNote {
  readonly workspace: WorkspaceId;
  readonly kind: "ended" | "lost" | "flow";
  readonly id: JobId;
  readonly data: string | null;
}

/** What of a workspace is wanted. */
export interface WantedNotes {
  readonly succeeded: boolean;
  readonly failed: boolean;
  readonly cancelled: boolean;
  readonly lost: boolean;
  readonly approvals: boolean;
}

/** Undefined for a workspace that wants nothing: nearly all of them. Asked for each operation, so it must cost nothing. */
export type NotesWantedOf = (workspace: WorkspaceId) => WantedNotes | undefined;

/**
 * The notes of a flush. An end that finds its row gone is noted too: whoever reads the note looks the job up. Steps of flows are their flow's business.
 */
export function notesOf(operations: readonly FlushOperation[], wantedOf: NotesWantedOf): EventNote[] {
  const notes: EventNote[] = [];
  const flows = new Set<JobId>();
  for (const operation of operations) {
    const { job } = operation;
    const wanted = wantedOf(job.workspace);
    if (wanted === undefined) continue;
    const note = (kind: EventNote["kind"], data: string | null): void => {
      notes.push({ workspace: job.workspace, kind, id: job.id, data });
    };
    if (operation.kind === "flow") {
      const isNew = wanted.approvals && operation.change.kind === "flow_event" && !flows.has(job.id);
      if (isNew) {
        flows.add(job.id);
        note("flow", null);
      }
      continue;
    }
    if (operation.kind === "retry") {
      if (wanted.lost && operation.end.exit.reason === "lost") note("lost", String(operation.job.attempt));
      continue;
    }
    const exit = operation.kind === "finish" ? operation.end.exit : operation.kind === "cancel" || operation.kind === "refuse" ? operation.exit : undefined;
    if (exit !== undefined && job.policy?.flow === undefined && wanted[outcomeOf(exit.reason)]) note("ended", null);
  }
  return notes;
}
