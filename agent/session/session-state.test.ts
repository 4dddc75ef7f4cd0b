import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { CAPPED_ATTEMPT, INITIAL_SESSION, nextSession, type SessionEvent, type SessionState } from "./session-state.ts";

const refusal = { code: 16, message: "no" };
const revoked = { code: 7, message: "no more", final: "revoked" } as const;

const STATES: Readonly<Record<SessionState["kind"], SessionState>> = {
  waiting: { kind: "waiting", failures: 2, hadSession: false },
  connecting: { kind: "connecting", failures: 2, hadSession: false },
  online: { kind: "online", failures: 2, sinceMs: 1_000 },
  doubtful: { kind: "doubtful", failures: 2, sinceMs: 1_000, doubtSinceMs: 3_000 },
  stopped: { kind: "stopped" },
};

/** Each event with the label it has in the drawing; some have a second form. */
const EVENTS: readonly (readonly [string, SessionEvent])[] = [
  ["retry_due", { kind: "retry_due" }],
  ["welcomed", { kind: "welcomed", atMs: 4_000 }],
  ["closed", { kind: "closed", atMs: 4_000 }],
  ["closed, refused and never let in", { kind: "closed", atMs: 4_000, refusal }],
  ["closed, refused for good", { kind: "closed", atMs: 4_000, refusal: revoked }],
  ["silent", { kind: "silent", atMs: 4_000 }],
  ["suspended", { kind: "suspended", atMs: 4_000 }],
  ["echoed", { kind: "echoed", sentAtMs: 3_000 }],
  ["echoed, sent before the doubt", { kind: "echoed", sentAtMs: 2_999 }],
  ["lease_expired", { kind: "lease_expired", atMs: 4_000 }],
  ["drain_asked", { kind: "drain_asked", atMs: 4_000 }],
  ["stop", { kind: "stop" }],
];

/** from, event, to, effects; what is not listed is refused. */
const TABLE: readonly (readonly [SessionState["kind"], string, SessionState["kind"], string])[] = [
  ["waiting", "retry_due", "connecting", "open_stream"],
  ["waiting", "suspended", "waiting", ""],
  ["waiting", "lease_expired", "waiting", "fence_attempts"],
  ["waiting", "stop", "stopped", ""],
  ["connecting", "welcomed", "online", "release"],
  ["connecting", "closed", "waiting", "schedule_retry"],
  ["connecting", "closed, refused and never let in", "stopped", "report_refusal"],
  ["connecting", "closed, refused for good", "stopped", "report_refusal"],
  ["connecting", "silent", "waiting", "close_stream schedule_retry"],
  ["connecting", "suspended", "waiting", "close_stream schedule_retry"],
  ["connecting", "lease_expired", "waiting", "fence_attempts close_stream schedule_retry"],
  ["connecting", "stop", "stopped", "close_stream"],
  ["online", "echoed", "online", ""],
  ["online", "echoed, sent before the doubt", "online", ""],
  ["online", "suspended", "doubtful", "hold send_keepalive"],
  ["online", "closed", "waiting", "schedule_retry"],
  ["online", "closed, refused and never let in", "waiting", "report_refusal schedule_retry"],
  ["online", "closed, refused for good", "stopped", "report_refusal"],
  ["online", "silent", "waiting", "close_stream schedule_retry"],
  ["online", "drain_asked", "waiting", "close_stream schedule_retry"],
  ["online", "lease_expired", "waiting", "fence_attempts close_stream schedule_retry"],
  ["online", "stop", "stopped", "close_stream"],
  ["doubtful", "echoed", "online", "release"],
  ["doubtful", "echoed, sent before the doubt", "doubtful", ""],
  ["doubtful", "suspended", "doubtful", "hold send_keepalive"],
  ["doubtful", "closed", "waiting", "schedule_retry"],
  ["doubtful", "closed, refused and never let in", "waiting", "report_refusal schedule_retry"],
  ["doubtful", "closed, refused for good", "stopped", "report_refusal"],
  ["doubtful", "silent", "waiting", "close_stream schedule_retry"],
  ["doubtful", "drain_asked", "waiting", "close_stream schedule_retry"],
  ["doubtful", "lease_expired", "waiting", "fence_attempts close_stream schedule_retry"],
  ["doubtful", "stop", "stopped", "close_stream"],
  ["stopped", "stop", "stopped", ""],
];

const PAIRS = Object.values(STATES).flatMap((state) => EVENTS.map(([label, event]) => ({ state, label, event, name: `${state.kind} + ${label}` })));

test.each(PAIRS)("$name", ({ state, label, event }) => {
  const row = TABLE.find(([from, name]) => from === state.kind && name === label);
  if (row === undefined) {
    expect(() => nextSession(state, event)).toThrow(expect.objectContaining({ code: "failed_precondition" }));
    return;
  }
  const [next, effects] = nextSession(state, event);
  expect([next.kind, effects.map((effect) => effect.kind).join(" ")]).toEqual([row[2], row[3]]);
});

test("the drawing has exactly the arrows of the table", () => {
  const drawing = readFileSync(new URL("./session-state.mmd", import.meta.url), "utf8");
  const drawn = [...drawing.matchAll(/^\s*(\w+) --> (\w+): (.+)$/gm)].map(([, from, to, label]) => `${from} ${to} ${label}`);
  // One arrow stands for both forms of an event when they lead to the same place.
  const wanted = TABLE.filter(
    ([from, label, to]) => !label.includes(",") || !TABLE.some((row) => row[0] === from && row[1] === label.split(",")[0] && row[2] === to),
  );
  expect(drawn.sort()).toEqual(wanted.map(([from, label, to]) => `${from} ${to} ${label}`).sort());
});

test("a session that lived long ends the row of failures, a short one does not", () => {
  const afterLong = nextSession(STATES.online, { kind: "closed", atMs: 11_001 });
  expect(afterLong).toEqual([{ kind: "waiting", failures: 1, hadSession: true }, [{ kind: "schedule_retry", failures: 0 }]]);
  const afterShort = nextSession(STATES.online, { kind: "closed", atMs: 11_000 });
  expect(afterShort).toEqual([{ kind: "waiting", failures: 3, hadSession: true }, [{ kind: "schedule_retry", failures: 2 }]]);
});

test("a refusal is final only for a process that never had a session", () => {
  const [first, effects] = nextSession({ kind: "connecting", failures: 0, hadSession: false }, { kind: "closed", atMs: 1, refusal });
  expect([first, effects]).toEqual([{ kind: "stopped" }, [{ kind: "report_refusal", refusal, fatal: true }]]);
  const [later, then] = nextSession({ kind: "connecting", failures: 0, hadSession: true }, { kind: "closed", atMs: 1, refusal });
  expect(later).toEqual({ kind: "waiting", failures: CAPPED_ATTEMPT, hadSession: true });
  expect(then).toEqual([
    { kind: "report_refusal", refusal, fatal: false },
    { kind: "schedule_retry", failures: CAPPED_ATTEMPT },
  ]);
});

test("a refusal that says that it is final ends also a process that had a session", () => {
  for (const state of [{ kind: "connecting", failures: 0, hadSession: true } as const, STATES.online, STATES.doubtful]) {
    expect(nextSession(state, { kind: "closed", atMs: 1, refusal: revoked })).toEqual([
      { kind: "stopped" },
      [{ kind: "report_refusal", refusal: revoked, fatal: true }],
    ]);
  }
});

test("the first thing that happens is a dial without waiting", () => {
  expect(nextSession(INITIAL_SESSION, { kind: "retry_due" })[1]).toEqual([{ kind: "open_stream" }]);
});
