import { expect, test } from "vitest";
import { asAgentKey, asJobId, asSessionId, asWorkspaceId } from "../../../kernel/ids.ts";
import { shardOf } from "../../jobs/model.ts";
import { attachAgent } from "./agents-core.ts";
import { confirmClaim, offerJob } from "./dispatch-core.ts";
import { createSchedulerState } from "./state-core.ts";

const WORKSPACE = asWorkspaceId("1");
const JOB = {
  id: asJobId("01a3185c-b89f-7000-8000-000000000001"),
  workspace: WORKSPACE,
  shard: shardOf(WORKSPACE),
  tag: "default",
  language: "bash",
  prio: 4,
  dueAtMs: 0,
  attempt: 0,
  lost: 0,
  scriptId: undefined,
  timeoutMs: undefined,
};

test("a claim is not sent when its agent was attached anew under the same session, with fewer slots", () => {
  for (const [slots, sent] of [
    [0, false],
    [1, true],
  ] as const) {
    const state = createSchedulerState(1, 10);
    const hello = { key: asAgentKey("1"), name: "a", session: asSessionId("s"), workspace: undefined, tags: ["default"], languages: ["bash"], held: new Map() };
    attachAgent(state, { ...hello, slots: 1 });
    const assignment = offerJob(state, JOB, 0);
    if (assignment === undefined) throw new Error("the job was not assigned");
    // Another link to the agent's home: the share begins anew.
    attachAgent(state, { ...hello, slots });
    expect(confirmClaim(state, assignment.running)).toBe(sent);
  }
});
