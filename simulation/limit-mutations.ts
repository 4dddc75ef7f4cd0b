import type { Mutation } from "./mutation.ts";

const LIMITS = "control-plane/scheduler/core/limits-core.ts";
const DISPATCH = "control-plane/scheduler/core/dispatch-core.ts";
const MOVES = "control-plane/scheduler/cluster/shard-moves.ts";

const PERMITS: readonly Mutation[] = [
  {
    name: "a claim takes no permit",
    edits: [
      {
        file: LIMITS,
        text: 'if (spec.kind === "running") limit.holders.add(running);\n    else if (limit.window',
        replacement: 'if (spec.kind === "running") void running;\n    else if (limit.window',
      },
    ],
    why: "A cap is never exceeded.",
  },
  {
    name: "running attempts that are taken over hold no permits",
    edits: [{ file: DISPATCH, text: "  adoptPermits(state, running);\n", replacement: "" }],
    why: "Nor is it by the next owner.",
  },
  {
    name: "permits come back before the end is committed",
    edits: [
      {
        file: DISPATCH,
        text: 'running.phase === "claiming") return undefined;\n  running.phase = "ending";\n',
        replacement: 'running.phase === "claiming") return undefined;\n  running.phase = "ending";\n  givePermitsBack(state, running);\n',
      },
    ],
    why: "Whoever looks at the rows must not see one too many.",
  },
  {
    name: "nobody hears of a permit that came back",
    edits: [{ file: LIMITS, text: "    wakeParked(state, limit, undefined);\n    forgetLimit", replacement: "    forgetLimit" }],
    why: "Those who wait for it go on.",
  },
  {
    name: "a new job does not look at its limits",
    edits: [{ file: DISPATCH, text: " || !mayStart(state, share, job, nowMs)", replacement: "" }],
    why: "Direct dispatch needs permits, too.",
  },
  {
    name: "a waiting job does not look at its limits",
    edits: [{ file: DISPATCH, text: "const full = fullLimit(queue.limits, nowMs);", replacement: "const full = undefined;" }],
    why: "A cap is never exceeded.",
  },
  {
    name: "limits of a shard that was given away stay",
    edits: [{ file: "control-plane/scheduler/core/shards-core.ts", text: "  forgetLimits(state, shards);\n", replacement: "" }],
    why: "Their permits are counted anew when it comes back.",
  },
  {
    name: "workspaces have no cap",
    edits: [
      {
        file: "control-plane/scheduler/core/ready-core.ts",
        text: "boolean => tenant.maxRunning",
        replacement: "boolean => tenant === undefined && tenant.maxRunning",
      },
    ],
    why: "What the operator grants is never exceeded.",
  },
  {
    name: "caps of workspaces are not read when shards are gained",
    edits: [{ file: "control-plane/scheduler/ownership.ts", text: "      await held.owner.readWorkspaceLimits();\n", replacement: "" }],
    why: "The first job of the shard may already be one too many.",
  },
  {
    name: "a workspace at its cap hears of no end",
    edits: [{ file: LIMITS, text: "    tenant.permits -= 1;\n    releaseShares(state, tenant);", replacement: "    tenant.permits -= 1;" }],
    why: "Those who wait for it go on.",
  },
];

const WINDOWS: readonly Mutation[] = [
  {
    name: "starts are not counted",
    edits: [
      {
        file: LIMITS,
        text: "else if (limit.window !== undefined) recordStart(limit.window, nowMs);\n    else limit",
        replacement: "else if (limit.window !== undefined) void nowMs;\n    else limit",
      },
    ],
    why: "A rate is never exceeded.",
  },
  {
    name: "a window is half as long",
    edits: [
      {
        file: "control-plane/scheduler/core/rate-core.ts",
        text: "nowMs - (window.times[at] ?? 0) < windowMs; at--",
        replacement: "nowMs - (window.times[at] ?? 0) < windowMs / 2; at--",
      },
    ],
    why: "A rate is never exceeded.",
  },
  {
    name: "windows are not stored",
    edits: [{ file: "control-plane/scheduler/window-records.ts", text: "if (windows.length === 0) return undefined;", replacement: "return undefined;" }],
    why: "The next owner has to know of the starts before it.",
  },
  {
    name: "stored windows are not loaded",
    edits: [{ file: MOVES, text: "for (const window of loaded.windows) state", replacement: "for (const window of []) state" }],
    why: "As above.",
  },
  {
    name: "an older window replaces a newer one",
    edits: [
      { file: "simulation/model-store.ts", text: "BigInt(known.token) < BigInt(record.token)", replacement: "BigInt(known.token) > BigInt(record.token)" },
    ],
    why: "Flushes overtake each other; the rule itself is in statements.ts, of which the simulation has a model.",
  },
  {
    name: "nobody wakes when a window opens",
    edits: [{ file: LIMITS, text: "  passOn(state, queue, nowMs);\n  setTimer(state, limit, nowMs);", replacement: "  passOn(state, queue, nowMs);" }],
    why: "Those who wait for it go on.",
  },
  {
    name: "a debounced job does not wait",
    edits: [
      {
        file: "control-plane/scheduler/core/admission-core.ts",
        text: "      prolong(limit, sinceMs);\n",
        replacement: "      limit.quiet = { firstMs: nowMs, opensAtMs: nowMs };\n",
      },
    ],
    why: "Another one of the key may still come.",
  },
];

export const LIMIT_MUTATIONS: readonly Mutation[] = [...PERMITS, ...WINDOWS];
