import type { Mutation } from "./mutation.ts";

const ADVANCE = "control-plane/flows/core/advance.ts";
const STEP = "control-plane/flows/core/step.ts";
const AFTER = "control-plane/flows/core/after-step.ts";
const STATE = "control-plane/flows/core/state.ts";
const OUTSTANDING = "control-plane/flows/core/outstanding.ts";

/** Of the pure core of flows: played by run-flow.ts. */
export const FLOW_MUTATIONS: readonly Mutation[] = [
  {
    name: "the end of an earlier attempt ends the present one",
    edits: [{ file: STEP, text: 'phase.kind === "running" && phase.job === event.job ? endAttempt', replacement: 'phase.kind === "running" ? endAttempt' }],
    why: "Its end is the end of its own job.",
  },
  {
    name: "a step wakes whenever it is called",
    edits: [{ file: STEP, text: "if (ctx.event.atMs < phase.untilMs) {", replacement: "if (ctx.event.atMs < 0) {" }],
    why: "A timer may be one of an earlier wait.",
  },
  {
    name: "a job that somebody cancelled is tried again",
    edits: [{ file: STEP, text: 'event.outcome === "failed" && event.folderLost !== true', replacement: "event.folderLost !== true" }],
    why: "He does not want it to run.",
  },
  {
    name: "a flow begins whenever it is told to",
    edits: [{ file: ADVANCE, text: 'if (state.stage === "new") begin(', replacement: "begin(" }],
    why: "No step runs twice.",
  },
  {
    name: "a job that nobody wants any more is left alone",
    edits: [{ file: ADVANCE, text: '  if (event.kind === "started" && !ctx.taken) sendAway(ctx, event.place, event.job);\n', replacement: "" }],
    why: "It was being made when the flow was cancelled.",
  },
  {
    name: "a flow ends while jobs of it run",
    edits: [
      { file: ADVANCE, text: "if (state.end !== undefined && state.leaving.length === 0) commands", replacement: "if (state.end !== undefined) commands" },
    ],
    why: "Whoever hears of its end may count on that.",
  },
  {
    name: "a flow does not see off the jobs that it cancelled",
    edits: [{ file: ADVANCE, text: '  if (event.kind === "ended") seeOff(ctx, event.job);\n', replacement: "" }],
    why: "It waits for them.",
  },
  {
    name: "a cancel does not wait for the jobs that run",
    edits: [{ file: ADVANCE, text: "  for (const at of running) state.leaving.push(at);\n", replacement: "" }],
    why: "They are known after a crash, too.",
  },
  {
    name: "a flow that is over can be cancelled",
    edits: [{ file: ADVANCE, text: '  if (state.stage === "over") return;\n', replacement: "" }],
    why: "It ends once.",
  },
  {
    name: "one person can approve twice",
    edits: [{ file: AFTER, text: "if (phase.approvals.some(({ approver }) => approver === approval.approver)) return undefined;\n", replacement: "" }],
    why: "A link that is opened twice counts once.",
  },
  {
    name: "a flow answers early more than once",
    edits: [{ file: AFTER, text: " || ctx.state.early !== undefined) return;", replacement: ") return;" }],
    why: "The first time counts.",
  },
  {
    name: "a list opens as many iterations as it has",
    edits: [{ file: STATE, text: "open.length < most && ", replacement: "" }],
    why: "Parallelism is bounded.",
  },
  {
    name: "a list that was broken off goes on",
    edits: [{ file: STATE, text: "broken !== true && ", replacement: "" }],
    why: "What comes after a failure is not run.",
  },
  {
    name: "after a crash nobody asks whether a loop is to stop",
    edits: [{ file: OUTSTANDING, text: 'if (value !== undefined) commands.push(askCommand(place, "stop"));', replacement: "void value;" }],
    why: "All that was to be done follows from the state.",
  },
  {
    name: "after a crash a flow that has ended is not finished",
    edits: [
      { file: OUTSTANDING, text: "  if (state.end !== undefined && state.leaving.length === 0) commands.push(finishCommand(state.end));\n", replacement: "" },
    ],
    why: "As above.",
  },
  {
    name: "after a crash jobs that nobody wants are not cancelled",
    edits: [
      {
        file: OUTSTANDING,
        text: '  for (const { place, job } of state.leaving) commands.push({ kind: "cancel_job", place, job, reason: leavingReason(state) });\n',
        replacement: "",
      },
    ],
    why: "As above.",
  },
];
