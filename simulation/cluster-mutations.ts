import type { Mutation } from "./mutation.ts";

const ENDINGS = "control-plane/scheduler/endings.ts";
const OWNERSHIP = "control-plane/scheduler/ownership.ts";
const MOVES = "control-plane/scheduler/cluster/shard-moves.ts";
const SHARD_SET = "control-plane/scheduler/cluster/shard-set.ts";
const SHARES = "control-plane/scheduler/cluster/shares-core.ts";
const DIRECTORY = "control-plane/scheduler/cluster/owner-directory.ts";
const SHARED = "control-plane/scheduler/cluster/shared-agents.ts";
const BOOK = "control-plane/agents/slots-core.ts";
const HOME = "control-plane/agents/agent-home.ts";
const LOST_HOMES = "control-plane/scheduler/lost-homes.ts";
const SEAT = "control-plane/agents/seat.ts";
const OWNER = "control-plane/scheduler/owner.ts";
const REPORTS = "control-plane/scheduler/agent-reports.ts";
const CLUSTER_MODEL = "simulation/model-cluster.ts";

const HAND_OVER: readonly Mutation[] = [
  {
    name: "a claim that is taken back leaves the shard without an owner",
    world: "old-news",
    edits: [
      {
        file: DIRECTORY,
        text: "&& this.#owners[shard] === port) this.#owners[shard] = this.#claimantOf(shard);",
        replacement: "&& this.#owners[shard] === port) this.#owners[shard] = undefined;",
      },
    ],
    why: "It may have been old news over a peer link, after our own claim.",
  },
  {
    name: "a hand-over does not wait for what is in flight",
    edits: [
      { file: MOVES, text: "    if (!(await writer.whenIdle(shards, Math.max(0, deadlineMs - performance.now())))) return false;\n", replacement: "" },
      { file: MOVES, text: "if (writer.isIdle(shards) && !hasUnsent(local, set)) {", replacement: "if (true) {" },
    ],
    why: "The giver's epoch stays valid, so nothing fences a write that comes after the map has changed.",
  },
  {
    name: "shards that are sealed may be written",
    edits: [{ file: SHARD_SET, text: 'return status === "owned" || status === "leaving";', replacement: 'return status !== "none" && status !== "loading";' }],
    why: "As above, for what comes up while the map is being changed.",
  },
  {
    name: "the writer takes operations of any shard",
    edits: [{ file: "control-plane/jobs/flush-writer.ts", text: "if (!this.#mayWrite(operation.job.shard)) {", replacement: "if (false) {" }],
    why: "As above.",
  },
  {
    name: "a move whose outcome is not known counts as one that failed",
    edits: [{ file: OWNERSHIP, text: "    if (this.#held === held) this.#leaseLost = true;\n    return [];", replacement: "    return [];" }],
    why: "The shards may be another's by now, or will be: only a new epoch voids the move.",
  },
  {
    name: "a move does not look at the epochs",
    world: "late-move",
    edits: [{ file: CLUSTER_MODEL, text: "if (!this.isHeld(from) || !this.isHeld(to) || (", replacement: "if ((" }],
    why: "A move that comes late must not take shards from a later life of the giver; the rule itself is in lease-store.ts, of which the simulation has a model.",
  },
  {
    name: "a hand-over that did not happen leaves all as it was",
    world: "kept-after-all",
    edits: [{ file: OWNERSHIP, text: "if (moved.length < shards.length) throw", replacement: "if (moved.length > shards.length) throw" }],
    why: "What came up while the shards were sealed was not written.",
  },
  {
    name: "cancels that are under way do not go along with their shards",
    world: "note-under-way",
    edits: [{ file: MOVES, text: "cancel === undefined ? []", replacement: "cancel === undefined || true ? []" }],
    why: "Their notes may come into the table after the next owner has read it.",
  },
  {
    name: "the giver does not forget its shards",
    edits: [{ file: MOVES, text: "const { running } = local.owner.forget(new Set(shards));", replacement: "const running = new Map();" }],
    why: "What it knows of them grows old.",
  },
  {
    name: "a replica that was taken for dead keeps what is another's",
    world: "changed-map",
    edits: [{ file: OWNERSHIP, text: "if ((", replacement: "if (false && (" }],
    why: "It finds itself replaced in the map.",
  },
  {
    name: "who takes over does not raise the epochs of the dead",
    edits: [
      {
        file: CLUSTER_MODEL,
        text: "if (!isAlive(row.replicaId) && this.#map.includes(row.replicaId)) row.epoch = this.drawEpoch();",
        replacement: "void row;",
      },
    ],
    why: "The dead may be alive; the rule itself is in lease-store.ts.",
  },
  {
    name: "gained shards go on under the old epoch",
    edits: [{ file: OWNERSHIP, text: "[await tables.drawEpoch(), await held", replacement: "[held.epoch, await held" }],
    why: "A token names one attempt for ever.",
  },
  {
    name: "an epoch that was drawn earlier counts when it comes later",
    world: "long-load",
    edits: [{ file: "control-plane/scheduler/core/shards-core.ts", text: "  if (epoch <= state.epoch) return;\n", replacement: "" }],
    why: "Other shards have come since, with tokens that are greater.",
  },
  {
    name: "the promise of the owner before is not kept",
    world: "lonely-home",
    edits: [{ file: MOVES, text: "Math.max(nowMs, nowMs + (goneInMs[row.job.shard] ?? 0) - reclaimMs)", replacement: "nowMs" }],
    why: "A replica that was alone keeps its agents for longer.",
  },
  {
    name: "a refill of a queue that was given away is taken",
    edits: [{ file: OWNER, text: "      if (!isKnownQueue(this.#state, queue)) return;\n", replacement: "" }],
    why: "It was under way when the shard went.",
  },
  {
    name: "moments of gained shards are not looked for",
    edits: [{ file: OWNER, text: "    this.#timers.restart();\n", replacement: "" }],
    why: "The reads before did not ask for them.",
  },
  {
    name: "ends are judged by whoever hears them",
    world: "old-owner",
    edits: [
      {
        file: "control-plane/scheduler/cluster/local-owner.ts",
        text: '      if (!shards.owns(shardOfToken(end.token))) return "moved";\n',
        replacement: "",
      },
      { file: "control-plane/peer/home-link.ts", text: " || !this.#parts.local.shards.owns(shardOfToken(end.token))", replacement: "" },
    ],
    why: "Only the owner of the shard knows whether a token is valid; a home may have an old idea of who that is.",
  },
  {
    name: "an owner takes back what is another's when an agent comes",
    world: "two-owners",
    edits: [{ file: REPORTS, text: "drop: drop.filter(({ token }) => this.#judges(token))", replacement: "drop" }],
    why: "It knows nothing of that one's attempts.",
  },
  {
    name: "an owner takes back what is another's with each keepalive",
    world: "two-owners",
    edits: [{ file: REPORTS, text: "!== undefined || !this.#judges(token) ? []", replacement: "!== undefined ? []" }],
    why: "As above.",
  },
  {
    name: "a replaced owner takes back what its successor has given",
    world: "replaced-owner",
    edits: [{ file: REPORTS, text: " && epochOfToken(token) <= this.#deps.state.epoch", replacement: "" }],
    why: "It does not know yet that it was replaced, but the token says so.",
  },
  {
    name: "an assignment of an owner that was replaced is passed on",
    world: "late-bundle",
    edits: [
      {
        file: HOME,
        text: "(of !== undefined && this.#isReplaced(replicaId, asToken(bundle.token)))",
        replacement: "(of !== undefined && replicaId === undefined)",
      },
    ],
    why: "The next owner has given the attempt up, since the agent did not have it.",
  },
  {
    name: "copies of an assignment are sent while its shard is handed over",
    world: "late-copy",
    edits: [
      { file: "control-plane/scheduler/sending.ts", text: "if (running.sentAtMs > 0 && !owns(running.job.shard)) return;", replacement: "" },
      { file: HOME, text: "this.#isReplaced(replicaId, asToken(bundle.token))", replacement: "replicaId === undefined" },
    ],
    why: "The next owner may have recorded the end already: the agent would run it again.",
  },
];

const SLOTS: readonly Mutation[] = [
  {
    name: "a home keeps the attempts of a silent owner",
    world: "silent-owner",
    edits: [{ file: HOME, text: '        this.#fence(seat, attempt, "its owner has not been heard for too long");\n', replacement: "" }],
    why: "The owner is about to give them away.",
  },
  {
    name: "a home counts the silence of an owner while its machine is suspended as no time",
    world: "suspended-apart",
    edits: [{ file: HOME, text: " : elapsedMs(contact, now);", replacement: " : now.monotonicMs - contact.monotonicMs;" }],
    why: "The owner's clock went on.",
  },
  {
    name: "a wall clock that is set makes all owners silent",
    world: "clock-set",
    edits: [{ file: HOME, text: "const PATIENCE = 3;", replacement: "const PATIENCE = 0;" }],
    why: "Owners that are there say so within a second or two: nothing has to be killed.",
  },
  {
    name: "an owner that does not hear a home waits as for an agent",
    world: "two-leases",
    edits: [{ file: LOST_HOMES, text: "Math.max(sinceMs, ...lost", replacement: "Math.max(sinceMs, ...lost.slice(lost.length)" }],
    why: "The home told the agent that all is well until it ended the attempt; the agent has its own lease from then on.",
  },
  {
    name: "an owner that does not hear a home counts only on those that were there",
    world: "moved-agent",
    edits: [{ file: LOST_HOMES, text: "heardAtMs <= sinceMs + this.#fenceMs", replacement: "heardAtMs <= sinceMs" }],
    why: "Others may have come there since.",
  },
  {
    name: "a next owner that has not heard of a home waits as for an agent",
    world: "unheard-home",
    edits: [{ file: OWNERSHIP, text: "leftMs > 0 && !peers.isHeard(replicaId)", replacement: "leftMs < 0 && !peers.isHeard(replicaId)" }],
    why: "As above.",
  },
  {
    name: "attempts of an owner that is gone take no slots",
    edits: [{ file: BOOK, text: "if (book.shares.delete(owner)) book.orphans += running;", replacement: "book.shares.delete(owner);" }],
    why: "They go on.",
  },
  {
    name: "attempts that were given away take no slots",
    edits: [{ file: BOOK, text: "    book.orphans += uncovered;\n", replacement: "" }],
    why: "They go on, and their next owner does not know them yet.",
  },
  {
    name: "orders that do not know what was given away count",
    world: "void-order",
    edits: [{ file: SHARES, text: "order.round !== share.round || ", replacement: "" }],
    why: "The slots went with the attempts.",
  },
  {
    name: "orders that were overtaken count",
    edits: [{ file: SHARES, text: " || order.seq < share.seq", replacement: "" }],
    why: "The home believes in its last order: a slot would be nobody's.",
  },
  {
    name: "a report that answers an old order counts",
    world: "old-report",
    edits: [{ file: BOOK, text: " || report.seq !== share.seq", replacement: "" }],
    why: "The owner has more by now.",
  },
  {
    name: "a smaller share is free at once",
    edits: [
      {
        file: BOOK,
        text: "for (const share of book.shares.values()) room -= share.granted;",
        replacement: "for (const share of book.shares.values()) room -= share.target;",
      },
    ],
    why: "Its owner uses it until its attempts have ended.",
  },
  {
    name: "an owner that gave an attempt away gets its slot back",
    edits: [{ file: SEAT, text: "if (attempt?.claim === replicaId) attempt.claim = undefined;", replacement: "" }],
    why: "It had taken the attempt over before.",
  },
  {
    name: "an owner that uses more than its share reports another one than it keeps",
    world: "smaller-share",
    edits: [
      { file: SHARES, text: "share.slots = Math.max(running, share.slots - attempts);", replacement: "share.slots = Math.max(0, share.slots - attempts);" },
    ],
    why: "The difference would be nobody's.",
  },
  {
    name: "what an owner holds without a right to it is its to use",
    world: "taken-slot",
    edits: [{ file: BOOK, text: "share.granted + roomOf(book)", replacement: "share.granted + Math.max(0, roomOf(book))" }],
    why: "Attempts that the agent came back without.",
  },
  {
    name: "what an agent holds beyond its slots brings more slots",
    world: "beyond-slots",
    edits: [{ file: BOOK, text: "if (roomOf(book) >= 0) share.target += count;", replacement: "share.target += count;" }],
    why: "Ends that were not handed in yet are among what it holds.",
  },
  {
    name: "an end that could not be written counts for the attempt when its shard has come back",
    world: "back-again",
    edits: [
      { file: ENDINGS, text: "= new WeakSet<RunningJob>();", replacement: "= new Set<Token>();" },
      { file: ENDINGS, text: "this.#failed.add(running);", replacement: "this.#failed.add(end.token);" },
      { file: ENDINGS, text: "if (this.#failed.delete(running)) return running;", replacement: "if (this.#failed.delete(token)) return running;" },
    ],
    why: "It was read back as one that runs: its slot and its permit must become free.",
  },
  {
    name: "a Hello that was overtaken counts",
    edits: [
      { file: SHARED, text: "if (this.#isOvertaken(hello)) return [];", replacement: "" },
      { file: "simulation/model-sessions.ts", text: "if (!isNewer && known", replacement: "if (false && known" },
    ],
    why: "Attempts that it does not name would be given to others, while the agent runs them.",
  },
  {
    name: "the former stream of a peer is heard beside the new one",
    world: "former-stream",
    edits: [
      {
        file: "control-plane/peer/peer-network.ts",
        text: "      if (replicaId === from.replicaId) this.#end(former,",
        replacement: "      if (replicaId === undefined) this.#end(former,",
      },
    ],
    why: "Its end would end the sessions that the new one has announced.",
  },
];

export const CLUSTER_MUTATIONS: readonly Mutation[] = [...HAND_OVER, ...SLOTS];
