import { messageOf } from "../../kernel/app-error.ts";
import type { Session } from "../db/session.ts";
import type { Log } from "../telemetry/log.ts";
import { dayText, mark, readRecords, settleDropped } from "./ledger-store.ts";
import { type Child, dropChild, type KeptJob, keptBytes, keptJobs, listChildren, thinChild } from "./partition-drop-store.ts";
import { type ExpiredDay, planRetention } from "./retention-core.ts";

/** Copies what is about to go; see archive.ts. */
export interface Archiver {
  /** Returns when all rows but the kept ones are in the blob store and were read back. Throws otherwise, and the child stays. */
  archive(session: Session, child: Child, kept: readonly KeptJob[]): Promise<void>;
  /** The archived rows of a child that stays have left it. */
  removed(session: Session, child: Child): Promise<void>;
}

export interface RetentionOptions {
  readonly nowMs: number;
  readonly retentionMs: number;
  readonly archiver: Archiver | undefined;
  /** Called for a day whose jobs are gone, and whose output may still be in packs. Called again when it failed. */
  readonly forgetLogs: (session: Session, dayMs: number) => Promise<void>;
  readonly log: Log;
}

export interface RetentionOutcome {
  readonly dropped: number;
  readonly thinned: number;
  /** Days that stay whole: too much of them is alive, or a step failed. */
  readonly held: number;
}

/** Jobs, and bytes of their rows, that are copied when a day is thinned. A day with more of them alive stays as it is until there are fewer. */
export const KEEP_JOBS = 20_000;
export const KEEP_BYTES = 64 * 1024 * 1024;

/**
 * Lets go of days that are older than the retention: whole tables, never rows one by one. A day in which a job still waits or runs, or ended
 * less than the retention ago, is thinned instead: its tables stay, with the rows of those jobs and nothing else, so that every
 * statement finds them where it always did, and an end that comes months later finds its place. The next round
 * that finds none of them drops the day. Every step may be broken off by a crash and is taken up again.
 */
export async function runRetention(session: Session, options: RetentionOptions): Promise<RetentionOutcome> {
  const { nowMs, retentionMs, log } = options;
  const plan = planRetention(await listChildren(session), await readRecords(session), nowMs, retentionMs);
  const outcome = { dropped: 0, thinned: 0, held: 0 };
  for (const child of plan.strays)
    log.warn({ event: "retention.stray", table: child.name, state: child.state }, "a table of a past day is no part of its parent");
  for (const child of plan.unfinished) {
    await drop(session, child, options);
    outcome.dropped += 1;
  }
  for (const day of plan.expired) {
    try {
      const did = await expire(session, day, options);
      outcome[did.kind] += did.tables;
    } catch (error) {
      outcome.held += 1;
      log.error({ event: "retention.failed", day: dayText(day.dayMs), error: messageOf(error) }, "a day could not be let go, it stays until the next round");
      // Without its connection this round has no hands any more.
      await session.query("SELECT 1");
    }
  }
  for (const dayMs of await settleDropped(session)) await options.forgetLogs(session, dayMs);
  return outcome;
}

type Did = { readonly kind: "dropped" | "thinned" | "held"; readonly tables: number };

async function expire(session: Session, day: ExpiredDay, options: RetentionOptions): Promise<Did> {
  const kept = await keptJobs(session, day.dayMs, options.nowMs - options.retentionMs, KEEP_JOBS);
  if (kept === undefined) {
    options.log.warn({ event: "retention.held", day: dayText(day.dayMs), moreThan: KEEP_JOBS }, "a day stays whole: too many of its jobs are not over yet");
    return { kind: "held", tables: 1 };
  }
  if (kept.length === 0) {
    for (const child of day.children) {
      await options.archiver?.archive(session, child, []);
      await drop(session, child, options);
    }
    return { kind: "dropped", tables: day.children.length };
  }
  const whole = day.children.filter((child) => !child.thinned);
  for (const child of whole) {
    if ((await keptBytes(session, child, kept)) > KEEP_BYTES) {
      options.log.warn(
        { event: "retention.held", day: dayText(day.dayMs), moreThanBytes: KEEP_BYTES },
        "a day stays whole: its jobs that are not over hold too much",
      );
      return { kind: "held", tables: 1 };
    }
  }
  for (const child of whole) await thin(session, child, kept, options);
  return { kind: "thinned", tables: whole.length };
}

/** The decision is written down before the first step: whoever finds the child half gone may finish it. */
async function drop(session: Session, child: Child, options: RetentionOptions): Promise<void> {
  const begun = performance.now();
  await mark(session, child, "dropping_at");
  await dropChild(session, child);
  options.log.info({ event: "retention.dropped", table: child.name, tookMs: Math.round(performance.now() - begun) }, "a day was let go");
}

async function thin(session: Session, child: Child, kept: readonly KeptJob[], options: RetentionOptions): Promise<void> {
  await options.archiver?.archive(session, child, kept);
  await thinChild(session, child, kept, { after: () => mark(session, child, "thinned_at") });
  await options.archiver?.removed(session, child);
  options.log.info({ event: "retention.thinned", table: child.name, jobs: kept.length }, "a day was let go but for jobs that are not over");
}
