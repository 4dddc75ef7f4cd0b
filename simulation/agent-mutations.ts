import type { Edit, Mutation } from "./mutation.ts";

const AGENTS = "control-plane/scheduler/core/agents-core.ts";
const REPORTS = "control-plane/scheduler/agent-reports.ts";
const ENDINGS = "control-plane/scheduler/endings.ts";
const OWNERSHIP = "control-plane/scheduler/ownership.ts";
const SESSION = "control-plane/agents/session.ts";

const SWEEP_MISSING: readonly Edit[] = [
  { file: AGENTS, text: "} else missing.push(running);", replacement: "}" },
  { file: REPORTS, text: 'running.phase === "received" || running.phase === "started";\n      if', replacement: "running.phase === undefined;\n      if" },
];

const AGENT_LIFE: readonly Mutation[] = [
  {
    name: "attempts are given away too early",
    edits: [{ file: AGENTS, text: "nowMs - sinceOf(agent.silentSinceMs) < reclaimMs", replacement: "nowMs - agent.silentSinceMs < reclaimMs / 3" }],
    why: "The agent must have fenced itself before.",
  },
  {
    name: "a new owner gives adopted attempts away at once",
    edits: [
      {
        file: "control-plane/scheduler/cluster/shard-moves.ts",
        text: "const sinceMs = Math.max(nowMs, nowMs + (goneInMs[row.job.shard] ?? 0) - reclaimMs);",
        replacement: "const sinceMs = nowMs - 3_600_000;",
      },
    ],
    why: "Agents of the owner before need time to come back or to fence themselves.",
  },
  {
    name: "what a returning agent holds is requeued",
    edits: [
      { file: AGENTS, text: "if (hello.held.get(running.job.id) === running.token) {", replacement: "if (hello.held.get(running.job.id) === undefined) {" },
    ],
    why: "A re-declared attempt goes on.",
  },
  {
    name: "attempts whose claim is not committed count as missing",
    edits: [
      {
        file: AGENTS,
        text: 'if (running.phase === "claiming" || running.phase === "ending") continue;\n    if',
        replacement: 'if (running.phase === "ending") continue;\n    if',
      },
    ],
    why: "It has not been sent, so the agent cannot hold it.",
  },
  {
    name: "an attempt that was not confirmed counts as lost by the keepalive",
    edits: [
      {
        file: REPORTS,
        text: 'const confirmed = running.phase === "received" || running.phase === "started";',
        replacement: 'const confirmed = running.phase !== "ending" && running.phase !== "claiming";',
      },
      {
        file: "control-plane/agents/seat.ts",
        text: "if (!all.has(attempt.id)) all.set(attempt.id, attempt.token);",
        replacement: "void attempt;",
      },
    ],
    why: "Its assignment may still be on the way when the keepalive is written.",
  },
  {
    name: "keepalives are answered by an owner that may have been replaced",
    world: "stopped-home",
    edits: [{ file: SESSION, text: "if (!this.#deps.holdsAgents()) return;", replacement: "" }],
    why: "Its successor gives the attempts away while the agent believes in its lease.",
  },
  {
    name: "agents are held without a renewed lease",
    world: "cut-off-home",
    edits: [
      {
        file: OWNERSHIP,
        text: "elapsedMs(this.#renewedAt, instantOf(this.#options.deps.clock)) < this.#holdMs;",
        replacement: "true;",
      },
    ],
    why: "As above.",
  },
  {
    name: "agents are held while the machine is suspended",
    world: "suspended-home",
    edits: [
      {
        file: "kernel/instant.ts",
        text: "return Math.max(to.monotonicMs - from.monotonicMs, to.wallMs - from.wallMs);",
        replacement: "return to.monotonicMs - from.monotonicMs;",
      },
    ],
    why: "Its monotonic clock does not know how long that was.",
  },
  {
    name: "agents are held for longer than the row promises",
    world: "cut-off-home",
    edits: [{ file: OWNERSHIP, text: "this.#holdMs = holdMs;", replacement: "this.#holdMs = times.holdAloneMs;" }],
    why: "As above.",
  },
  {
    name: "agents are held from when a renewal is answered",
    world: "late-renewal",
    edits: [
      {
        file: OWNERSHIP,
        text: "      this.#renewedAt = askedAt;\n      this",
        replacement: "      this.#renewedAt = instantOf(deps.clock);\n      this",
      },
    ],
    why: "The promise in the row counts from before that.",
  },
  {
    name: "an unconfirmed assignment is never sent again",
    edits: [
      {
        file: "control-plane/scheduler/sending.ts",
        text: "if (running.sends < MAX_SENDS) this.#unsent.push(running);",
        replacement: "if (running.sends < MAX_SENDS) return;",
      },
    ],
    why: "A frame that was lost with its stream.",
  },
];

const AGENT: readonly Mutation[] = [
  {
    name: "an end that could not be recorded waits for the next stream",
    edits: [
      {
        file: "control-plane/agents/agent-home.ts",
        text: "      await directory.changed(waitMs);",
        replacement: "      if (waitMs > RETRY_MS) await new Promise<never>(() => undefined);\n      await directory.changed(waitMs);",
      },
    ],
    why: "A stream may last for days.",
  },
  {
    name: "what a crashed agent ran is not missed when it comes back",
    edits: SWEEP_MISSING,
    why: "Its Hello and its keepalives name what it holds; the rest goes back into the queue.",
  },
  {
    name: "an attempt that is handed back is not requeued",
    edits: [
      ...SWEEP_MISSING,
      {
        file: ENDINGS,
        text: '      this.#putBack(running, false, { ...end, workspace: running.job.workspace });\n      return "recorded";',
        replacement: '      return "recorded";',
      },
    ],
    why: "A draining agent gives its attempts back.",
  },
  {
    name: "an agent keeps what has been given to another",
    edits: [
      {
        file: "agent/session/inbox.ts",
        text: 'for (const ref of frame.welcome?.drop ?? []) parts.attempts.drop(ref, "the server took it back");',
        replacement: "",
      },
      {
        file: "control-plane/scheduler/cluster/shared-agents.ts",
        text: 'entry.home.cancel(session, { ...attempt, reason: "the attempt is no longer valid", fenced: true });',
        replacement: "void attempt;",
      },
      {
        file: "agent/session/lease.ts",
        text: "elapsedMs(lease.confirmed, now) > limits.selfFenceMs) return",
        replacement: "elapsedMs(lease.confirmed, now) > 100 * limits.selfFenceMs) return",
      },
    ],
    why: "It fences itself, Welcome takes it back, and so does the first keepalive: three lines of defence.",
  },
  {
    name: "an agent starts a second copy of an assignment",
    edits: [
      {
        file: "agent/session/attempts.ts",
        text: "if (this.#held.has(key) || this.#options.results.has(key)) {",
        replacement: "if (this.#options.results.has(key)) {",
      },
    ],
    why: "Assignments may come twice.",
  },
  {
    name: "an agent starts an assignment again whose result waits",
    edits: [
      { file: "agent/session/attempts.ts", text: "if (this.#held.has(key) || this.#options.results.has(key)) {", replacement: "if (this.#held.has(key)) {" },
    ],
    why: "Assignments may come twice.",
  },
  {
    name: "an agent never fences itself",
    edits: [
      {
        file: "agent/session/lease.ts",
        text: "elapsedMs(lease.confirmed, now) > limits.selfFenceMs) return",
        replacement: "elapsedMs(lease.confirmed, now) > 10 * limits.selfFenceMs) return",
      },
    ],
    why: "Its attempts run elsewhere by then.",
  },
  {
    name: "an agent forgets results when its stream is lost",
    edits: [
      {
        file: "agent/session/results.ts",
        text: "      if (!this.#waiting.has(key)) this.#ready.add(key);\n    }\n    if",
        replacement: "      if (this.#waiting.has(key)) this.#ready.add(key);\n    }\n    if",
      },
    ],
    why: "A result is sent again until there is a verdict.",
  },
  {
    name: "results are sent before they are on disk",
    edits: [{ file: "agent/session/results.ts", text: "    this.#options.journal.commit();\n    const finished", replacement: "    const finished" }],
    why: "What the server may have recorded must be remembered by the agent, or it is declared lost.",
  },
];

export const AGENT_MUTATIONS: readonly Mutation[] = [...AGENT_LIFE, ...AGENT];
