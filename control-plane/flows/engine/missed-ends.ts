import type { WorkspaceId } from "../../../kernel/ids.ts";
import type { FlowRunStore } from "./flow-run-store.ts";
import type { RunInput } from "./run-inputs.ts";
import type { RunState } from "./run-state.ts";

/** Ends that were recorded while nobody told the flow: their jobs ended as its owner went away. Errors: those of the database. */
export async function missedEnds(store: Pick<FlowRunStore, "ends">, workspace: WorkspaceId, state: RunState): Promise<RunInput[]> {
  const jobs = state.jobs();
  const ends = await store.ends(
    workspace,
    jobs.map(({ job }) => job),
  );
  return jobs.flatMap(({ job, place }): RunInput[] => {
    const end = ends.get(job);
    return end === undefined ? [] : [{ kind: "ended", job, place, ...end, writes: [], mended: true }];
  });
}
