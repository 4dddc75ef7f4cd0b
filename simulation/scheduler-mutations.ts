import type { Mutation } from "./mutation.ts";

const DISPATCH = "control-plane/scheduler/core/dispatch-core.ts";
const QUEUE = "control-plane/scheduler/core/queue-core.ts";
const READY = "control-plane/scheduler/core/ready-core.ts";
const AGENTS = "control-plane/scheduler/core/agents-core.ts";
const OWNER = "control-plane/scheduler/owner.ts";
const REPORTS = "control-plane/scheduler/agent-reports.ts";
const ARRIVALS = "control-plane/scheduler/arrivals.ts";
const ENDINGS = "control-plane/scheduler/endings.ts";
const CANCELS = "control-plane/scheduler/cancels.ts";
const WRITER = "control-plane/jobs/flush-writer.ts";

const TOKENS: readonly Mutation[] = [
  {
    name: "an end is taken under any token",
    edits: [
      { file: REPORTS, text: "running !== undefined && running.token === token && running.agent === agent ?", replacement: "running !== undefined ?" },
      { file: DISPATCH, text: "running.token !== token || running.phase", replacement: "running.phase" },
    ],
    why: "An agent that comes back with the end of an earlier attempt must not end the present one.",
  },
  {
    name: "an attempt whose end is under way is given away",
    edits: [
      {
        file: "control-plane/scheduler/overdue.ts",
        text: 'if (running.phase === "claiming" || running.phase === "ending") return undefined;',
        replacement: 'if (running.phase === "claiming") return undefined;',
      },
      { file: DISPATCH, text: '|| running.phase === "ending") return false;', replacement: ") return false;" },
      {
        file: AGENTS,
        text: 'if (running.phase !== "ending" && running.phase !== "claiming") lost.push(running);',
        replacement: 'if (running.phase !== "claiming") lost.push(running);',
      },
      {
        file: AGENTS,
        text: 'if (running.phase === "claiming" || running.phase === "ending") continue;\n    if',
        replacement: 'if (running.phase === "claiming") continue;\n    if',
      },
    ],
    why: "A result that is being committed must not be given to the queue as well, nor be overruled by force.",
  },
  {
    name: "attempts of one epoch are not numbered",
    edits: [{ file: DISPATCH, text: "state.sequence += 1;", replacement: "" }],
    why: "A token names one attempt for ever; every fence rests on it.",
  },
  {
    name: "tokens do not carry the epoch",
    edits: [{ file: DISPATCH, text: "(BigInt(state.epoch) << SEQUENCE_BITS)", replacement: "(1n << SEQUENCE_BITS)" }],
    why: "Two owners in succession must never give out the same token.",
  },
  {
    name: "an attempt that is ending can be ended again",
    edits: [
      {
        file: DISPATCH,
        text: 'running.phase === "ending" || running.phase === "claiming") return undefined;\n  running.phase',
        replacement: 'running.phase === "claiming") return undefined;\n  running.phase',
      },
    ],
    why: "One of the ways to end wins; the others find it taken.",
  },
  {
    name: "a report is not tied to the commit that is under way",
    edits: [{ file: ENDINGS, text: "if (underWay !== undefined) return underWay;", replacement: "" }],
    why: "A resent report waits for the verdict of the first one; without it the agent hears 'stale' and throws its output away.",
  },
  {
    name: "a forced end is not tied to the agent's report",
    edits: [
      {
        file: ENDINGS,
        text: 'background(this.#deps.log, "end of an attempt", this.#concludeOnce(running, this.#endOf(running, exit)));',
        replacement: 'background(this.#deps.log, "end of an attempt", this.#conclude(running, this.#endOf(running, exit)));',
      },
    ],
    why: "The agent's report of an attempt that the owner ends by force gets the same verdict.",
    world: "forced-end",
  },
  {
    name: "an unknown token counts as recorded",
    edits: [{ file: ENDINGS, text: 'end.token)) ? "recorded" : "stale";', replacement: 'end.token)) ? "recorded" : "recorded";' }],
    why: "An agent that hears 'recorded' forgets its result.",
  },
  {
    name: "history is not asked for a token that is not running",
    edits: [{ file: ENDINGS, text: 'end.token)) ? "recorded" : "stale";', replacement: 'end.token)) ? "stale" : "stale";' }],
    why: "The acknowledgement may have been lost: the same report comes again and must get the same answer.",
  },
];

const ORDER: readonly Mutation[] = [
  {
    name: "a new job overtakes those that wait",
    edits: [
      { file: DISPATCH, text: "if (route.waiting - route.held <= 0) return true;", replacement: "if (true) return true;" },
      { file: DISPATCH, text: " || (share.queues.get(groupOf(job))?.waiting ?? 0) > 0", replacement: "" },
    ],
    why: "A new job goes first only when its workspace has nothing waiting and uses less than those that do.",
  },
  {
    name: "a job counts as waiting only after its commit",
    edits: [
      {
        file: ARRIVALS,
        text: "    reserveWaiting(state, job);\n    changes.arriving(job.id);\n",
        replacement: "    changes.arriving(job.id);\n",
      },
      {
        file: ARRIVALS,
        text: "    admitWaiting(this.#deps.state, job);\n    if (special",
        replacement: "    reserveWaiting(this.#deps.state, job);\n    admitWaiting(this.#deps.state, job);\n    if (special",
      },
      {
        file: ARRIVALS,
        text: "        admissions.end(job);\n        unreserveWaiting(state, job);\n",
        replacement: "        admissions.end(job);\n",
      },
    ],
    why: "Between its arrival and its commit a later job must not go ahead of it.",
  },
  {
    name: "a job is sent before the commit of its claim",
    edits: [
      {
        file: OWNER,
        text: '    this.#deps.writer.submit(\n      { kind: "claim", job: running.job',
        replacement: '    this.#claimed(running, this.#payloads.get(running.job.id));\n    this.#deps.writer.submit(\n      { kind: "claim", job: running.job',
      },
    ],
    why: "An attempt that no database knows cannot be fenced.",
  },
  {
    name: "a report is acknowledged before its commit",
    edits: [
      {
        file: ENDINGS,
        text: "    try {\n      return await verdict;",
        replacement: '    try {\n      void verdict.catch(() => undefined);\n      return "recorded";',
      },
    ],
    why: "The agent deletes its copy when it hears 'recorded'.",
  },
  {
    name: "jobs are acknowledged before their commit",
    edits: [
      {
        file: ARRIVALS,
        text: "    reserveWaiting(state, job);\n    changes.arriving(job.id);\n    admissions.begin(job);\n",
        replacement: "    reserveWaiting(state, job);\n    settled();\n    changes.arriving(job.id);\n    admissions.begin(job);\n",
      },
    ],
    why: "An acknowledged job is never lost.",
  },
  {
    name: "the queue ignores the due time",
    edits: [
      {
        file: "control-plane/scheduler/core/state-core.ts",
        text: "if (a.dueAtMs !== b.dueAtMs) return a.dueAtMs < b.dueAtMs;",
        replacement: "if (a.dueAtMs !== b.dueAtMs) return a.dueAtMs > b.dueAtMs;",
      },
    ],
    why: "First come, first served within a queue.",
  },
  {
    name: "what is admitted during a refill is placed at once",
    edits: [{ file: QUEUE, text: "    queue.duringRefill.push(job);\n    return;", replacement: "" }],
    why: "The refill's snapshot may lack it, and would count it as read.",
  },
  {
    name: "a refill takes rows that are already known",
    edits: [{ file: QUEUE, text: "if (isKnown(state, row)) continue;", replacement: "" }],
    why: "A refill reads rows whose claim is under way.",
  },
  {
    name: "jobs behind cold ones stay in memory",
    edits: [{ file: QUEUE, text: "  if (queue.cold > 0) {\n    if", replacement: "  if (queue.cold < 0) {\n    if" }],
    why: "A job that came later must not be dispatched before rows that are only in the database.",
  },
  {
    name: "jobs that were admitted during a refill are forgotten",
    edits: [{ file: QUEUE, text: "    if (isKnown(state, job)) continue;\n    place(state, queue, job);", replacement: "" }],
    why: "The refill's snapshot may lack them.",
  },
  {
    name: "removed jobs are dispatched from the heap",
    edits: [{ file: READY, text: "if (head === undefined || state.waiting.get(head.id) === head) return head;", replacement: "return head;" }],
    why: "Entries of the heap may be stale.",
  },
];

const SLOTS: readonly Mutation[] = [
  {
    name: "a job whose flush is answered late is admitted a second time",
    edits: [{ file: QUEUE, text: "  if (isKnown(state, job)) {\n    bump(queue, -1);\n    return;\n  }\n", replacement: "" }],
    why: "A refill may have read the row already; two entries make two claims, and the second one makes the owner forget the first.",
  },
  {
    name: "a cancel does not look again",
    world: "cancel-early",
    edits: [
      {
        file: CANCELS,
        text: 'if (outcome === "cancelled" || !this.#isHere(job)) return outcome;',
        replacement: "return outcome;",
      },
    ],
    why: "The job's insert may have been answered while its cancel was on the way.",
  },
  {
    name: "a job that has not ended is not taken in again",
    world: "cancel-early",
    edits: [{ file: CANCELS, text: "endLeaving(state, job.id, outcome);", replacement: 'endLeaving(state, job.id, "ended");' }],
    why: "What came of it while its end was on the way is nowhere else.",
  },
  {
    name: "a job whose end is on the way is read back",
    world: "expiry-overtaken",
    edits: [{ file: QUEUE, text: "return leaving !== undefined;", replacement: "return false;" }],
    why: "Its end would find the row again when an attempt has failed.",
  },
  {
    name: "slots are not counted",
    edits: [{ file: AGENTS, text: "agent.session !== undefined && agent.running.size < agent.slots", replacement: "agent.session !== undefined" }],
    why: "An agent never gets more than it has slots.",
  },
  {
    name: "an agent without a session gets jobs",
    edits: [
      {
        file: AGENTS,
        text: "  agent.session = undefined;\n  agent.silentSinceMs = sinceMs;\n  leaveRoutes(agent);",
        replacement: "  agent.silentSinceMs = sinceMs;",
      },
    ],
    why: "What cannot be sent must not be claimed.",
  },
  {
    name: "an agent that came back with fewer slots gets what was claimed before",
    edits: [
      {
        file: DISPATCH,
        text: "agent?.session !== undefined && (agent.session === running.session || agent.running.size <= agent.slots)",
        replacement: "agent?.session !== undefined",
      },
    ],
    why: "The slot was one of the session before: another owner may have it now.",
  },
  {
    name: "a claim that moved nothing keeps its slot",
    edits: [{ file: DISPATCH, text: "  forgetRunning(state, running);\n  freeSlot(state, running);", replacement: "  forgetRunning(state, running);" }],
    why: "Slots are conserved.",
  },
  {
    name: "a claim that moved nothing keeps its permit",
    edits: [
      {
        file: DISPATCH,
        text: "  forgetRunning(state, running);\n  freeSlot(state, running);\n  settle(state.time, shareOfJob(state, running.job), running.chargedMs, 0);",
        replacement: "  forgetRunning(state, running);\n  freeSlot(state, running);",
      },
    ],
    why: "Permits are conserved.",
  },
  {
    name: "an end does not free the slot",
    edits: [
      {
        file: DISPATCH,
        text: '  running.phase = "ending";\n  freeSlot(state, running);\n  settle(state.time, shareOfJob(state, running.job), running.chargedMs, nowMs - running.claimedAtMs);\n  return running;',
        replacement:
          '  running.phase = "ending";\n  settle(state.time, shareOfJob(state, running.job), running.chargedMs, nowMs - running.claimedAtMs);\n  return running;',
      },
    ],
    why: "Slots are conserved.",
  },
  {
    name: "a failed insert keeps its place in the count",
    edits: [{ file: ARRIVALS, text: "        unreserveWaiting(state, job);\n        failed(error);", replacement: "        failed(error);" }],
    why: "The count of waiting jobs closes direct dispatch: it must come back to 0.",
  },
];

const COMMIT: readonly Mutation[] = [
  {
    name: "a flush that found the lease lost looks like a commit",
    edits: [
      {
        file: WRITER,
        text: "this.#settle(entry, () => this.#failAll(entry, notOwned()));",
        replacement: 'this.#settle(entry, () => entry.settle("moved"));',
      },
    ],
    why: "Nothing was written.",
  },
  {
    name: "a row that is refused fails its neighbours",
    edits: [
      {
        file: WRITER,
        text: "if (batch.length === 1) for (const entry of batch) this.#settle(entry, () => this.#failAll(entry, error));",
        replacement: "if (batch.length > 0) for (const entry of batch) this.#settle(entry, () => this.#failAll(entry, error));",
      },
    ],
    why: "One job's odd result must not fail another's enqueue or claim.",
  },
  {
    name: "operations of several lanes share a flush",
    edits: [{ file: WRITER, text: "const lane = this.#lanes[laneOf(operation.job.shard)];", replacement: "const lane = this.#lanes[0];" }],
    why: "A flush addresses one child table.",
  },
  {
    name: "an operation that found no row counts as done",
    edits: [{ file: WRITER, text: "entry.settle(outcomeOfOperation(entry.operation, gone))", replacement: 'entry.settle("moved")' }],
    why: "The owner must hear that a job was gone.",
  },
];

export const SCHEDULER_MUTATIONS: readonly Mutation[] = [...TOKENS, ...ORDER, ...SLOTS, ...COMMIT];
