import type { Mutation } from "./mutation.ts";

const RETRY = "control-plane/scheduler/core/retry-core.ts";
const TIMERS_CORE = "control-plane/scheduler/core/timers-core.ts";
const OWNER = "control-plane/scheduler/owner.ts";
const ARRIVALS = "control-plane/scheduler/arrivals.ts";
const ENDINGS = "control-plane/scheduler/endings.ts";
const CANCELS = "control-plane/scheduler/cancels.ts";
const CHANGES = "control-plane/scheduler/queue-changes.ts";
const KEYED = "control-plane/scheduler/keyed-jobs.ts";

const MOMENTS: readonly Mutation[] = [
  {
    name: "deferred jobs stand in their queue at once",
    edits: [{ file: ARRIVALS, text: "if (made.special?.scheduledForMs !== undefined) {", replacement: "if (false) {" }],
    why: "No attempt begins before the job's moment.",
  },
  {
    name: "a refill brings jobs whose moment has not come",
    edits: [{ file: OWNER, text: "store.refill(queue, limit, this.#timers.firedMs)", replacement: "store.refill(queue, limit, Infinity)" }],
    why: "Deferred rows lie between the others in the index.",
  },
  {
    name: "moments come early",
    edits: [{ file: TIMERS_CORE, text: "next.atMs > nowMs) break;", replacement: "next.atMs > nowMs + 2000) break;" }],
    why: "A job begins at its moment and not before.",
  },
  {
    name: "a deferred job is not remembered after its commit",
    edits: [{ file: ARRIVALS, text: "          timers.defer(job);\n", replacement: "" }],
    why: "Moments that are near are not read again.",
  },
  {
    name: "a job that waits for its next attempt is not remembered",
    edits: [{ file: ENDINGS, text: "if (deferred) this.#owner.defer(job);", replacement: "if (deferred) void job;" }],
    why: "Moments that are near are not read again.",
  },
  {
    name: "what is committed while moments are read is forgotten",
    edits: [{ file: TIMERS_CORE, text: "  if (timers.reading) timers.duringRead.set(entry.id, entry);\n  place", replacement: "  place" }],
    why: "The read's snapshot may lack it, and its edge goes beyond it.",
  },
  {
    name: "a page of moments counts as all of them",
    edits: [{ file: TIMERS_CORE, text: "if (complete) timers.edge", replacement: "if (complete || true) timers.edge" }],
    why: "The next page begins where this one ends.",
  },
  {
    name: "a failed read of moments is not repeated",
    edits: [{ file: TIMERS_CORE, text: "  timers.reading = false;\n  timers.duringRead.clear();", replacement: "  timers.duringRead.clear();" }],
    why: "The database may be away for a moment.",
  },
  {
    name: "an expiring job is not remembered after its commit",
    edits: [
      {
        file: ARRIVALS,
        text: "    admitWaiting(this.#deps.state, job);\n    if (special?.expiresAtMs !== undefined) this.#parts.timers.expire(job, special.expiresAtMs);",
        replacement: "    admitWaiting(this.#deps.state, job);",
      },
    ],
    why: "A job that nobody can run must still end.",
  },
  {
    name: "a job that has begun still expires",
    edits: [
      { file: OWNER, text: "if (running.job.policy?.queueTtlMs !== undefined) this.#timers.forget(running.job.id);", replacement: "" },
      { file: OWNER, text: "    this.#timers.forget(id);\n    this.#changes", replacement: "    this.#changes" },
    ],
    why: "The queue TTL is about the first attempt.",
  },
  {
    name: "a job whose attempt was never sent does not expire any more",
    world: "never-sent",
    edits: [{ file: ENDINGS, text: "sends > 0 ? undefined :", replacement: "sends > 0 || true ? undefined :" }],
    why: "It has not begun.",
  },
  {
    name: "an attempt whose payload could not be read counts as sent",
    world: "never-read",
    edits: [{ file: ENDINGS, text: "expiryOfUnsent({ job, sends }", replacement: "expiryOfUnsent({ job, sentAtMs: sends }" }],
    why: "It has not begun.",
  },
  {
    name: "a job that has been tried before expires when an attempt of it was never sent",
    world: "tried-unsent",
    edits: [{ file: ENDINGS, text: " || attempt > 0 ||", replacement: " ||" }],
    why: "The queue TTL is about the first attempt.",
  },
  {
    name: "a job that was sent expires when it is given back",
    world: "sent-unheard",
    edits: [{ file: ENDINGS, text: " || sends > 0 ? undefined", replacement: " ? undefined" }],
    why: "It may have begun.",
  },
];

const RETRIES: readonly Mutation[] = [
  {
    name: "failures are not counted",
    edits: [{ file: ENDINGS, text: "failed: failed + 1 }", replacement: "failed }" }],
    why: "At most max_attempts attempts fail by themselves.",
  },
  {
    name: "there is one attempt too many",
    edits: [{ file: RETRY, text: "failedBefore + 1 >= policy.maxAttempts", replacement: "failedBefore >= policy.maxAttempts" }],
    why: "max_attempts counts the first one too.",
  },
  {
    name: "a lost attempt counts as a failure",
    edits: [
      {
        file: ENDINGS,
        text: "const job = afterLoss(running, countLoss);",
        replacement: "const job = { ...afterLoss(running, countLoss), failed: (running.job.failed ?? 0) + 1 };",
      },
    ],
    why: "Agents that go away must not use up the attempts of a job.",
  },
  {
    name: "the next attempt does not wait",
    edits: [{ file: ENDINGS, text: "const deferred = delayMs > 0;", replacement: "const deferred = false;" }],
    why: "What failed is given time.",
  },
  {
    name: "an attempt whose end cannot be kept holds its job",
    edits: [{ file: ENDINGS, text: "} else resolve(refused());", replacement: '} else resolve("recorded");' }],
    why: "An agent may send anything.",
  },
  {
    name: "what came during a refill stays in memory although it has ended",
    world: "cancelled-arrival",
    edits: [{ file: CHANGES, text: "removeArrived(state, queue, id);", replacement: "void [state, queue, id];" }],
    why: "Nobody would notice where no agent serves.",
  },
  {
    name: "a refill brings back what has left the queue",
    edits: [{ file: CHANGES, text: "all.filter((row) => !left.has(row.id))", replacement: "all" }],
    why: "Its snapshot may be older than an attempt: with the old row the job would forget how often it has failed.",
  },
];

const ANSWERS: readonly Mutation[] = [
  {
    name: "an insert that is answered late brings back what has left the queue",
    world: "insert-overtaken",
    edits: [{ file: ARRIVALS, text: "if (changes.arrived(job.id)) this", replacement: "if (changes.arrived(job.id) || true) this" }],
    why: "A refill has read the row meanwhile, and an attempt of it is over.",
  },
];

const CANCEL: readonly Mutation[] = [
  {
    name: "a cancel is answered before it is durable",
    edits: [{ file: CANCELS, text: "await this.#deps.store.markCancelled(running.job, running.token, reason);", replacement: "" }],
    why: "The owner that was asked may die.",
  },
  {
    name: "a cancel of an owner that was replaced counts",
    world: "late-note",
    edits: [
      {
        file: "simulation/model-store.ts",
        text: "reason: string, lease: Lease): void {\n    if (!this.cluster.isHeld(lease)) throw",
        replacement: "reason: string, lease: Lease): void {\n    if (lease === undefined) throw",
      },
    ],
    why: "The new owner may have read the row before the note was written; the rule itself is in statements.ts, of which the simulation has a model.",
  },
  {
    name: "a new owner does not look at notes of cancels",
    edits: [
      {
        file: "control-plane/scheduler/cluster/shard-moves.ts",
        text: "if (row.cancelReason !== undefined) local.owner.adoptedCancelled(running, row.cancelReason);",
        replacement: "void running;",
      },
    ],
    why: "As above.",
  },
  {
    name: "a cancel does not wait for the write under way",
    edits: [
      {
        file: CANCELS,
        text: "      await this.#endings.settled(running);\n      if (wasClaiming",
        replacement: '      return "cancelling";\n      if (wasClaiming',
      },
    ],
    why: "The write decides where the job is: it may be on its way back into the queue.",
  },
  {
    name: "a failed attempt that was to be cancelled is tried again",
    edits: [{ file: ENDINGS, text: "running.cancel === undefined ? retryDelayMs(", replacement: "true ? retryDelayMs(" }],
    why: "Its last attempt is the one that ran when it was cancelled.",
  },
  {
    name: "a lost attempt that was to be cancelled is put back",
    edits: [{ file: ENDINGS, text: "if (running.cancel !== undefined) this.#endWithoutAgent", replacement: "if (false) this.#endWithoutAgent" }],
    why: "As above.",
  },
  {
    name: "a job that has ended stays in memory",
    edits: [{ file: CANCELS, text: "          this.#events.ended(job.id);\n", replacement: "" }],
    why: "A refill may bring it back while its cancel is on the way; where no agent serves, nobody would notice.",
  },
];

const KEYS: readonly Mutation[] = [
  {
    name: "requests under way are not known by their keys",
    edits: [{ file: KEYED, text: "if (known !== undefined) return { job, underWay: known, first: false };", replacement: "void known;" }],
    why: "Two clients may come with the same key at once.",
  },
  {
    name: "keys are not looked for in the database",
    edits: [{ file: KEYED, text: "return await this.#deps.store.findKeys(workspace, keys, this.#deps.clock.wallMs());", replacement: "return new Map();" }],
    why: "The same request comes again, and perhaps to another owner.",
  },
  {
    name: "a key is answered before its job is committed",
    edits: [
      {
        file: KEYED,
        text: "if (before === undefined) await this.#enqueue([job]);",
        replacement: "if (before === undefined) void this.#enqueue([job]).catch(() => undefined);",
      },
    ],
    why: "An acknowledged job is never lost.",
  },
  {
    name: "a key counts for any request",
    edits: [{ file: KEYED, text: "if (places.some((place)", replacement: "if (places.length < 0 && places.some((place)" }],
    why: "Another request under the same key is a mistake, and its caller must hear of it.",
  },
];

export const TIME_MUTATIONS: readonly Mutation[] = [...MOMENTS, ...RETRIES, ...ANSWERS, ...CANCEL, ...KEYS];
