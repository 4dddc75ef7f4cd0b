import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { AppError, messageOf } from "../../kernel/app-error.ts";
import type { BlobStore } from "../blobs/blob-store.ts";
import type { Session } from "../db/session.ts";
import { forgetPacks, insertPacks, readChildChunks } from "../logs/log-pack-store.ts";
import type { PackKey } from "../logs/pack-codec.ts";
import { PACK_BYTES, PackWriter } from "../logs/pack-writer.ts";
import type { Log } from "../telemetry/log.ts";
import { dayText } from "./ledger-store.ts";
import { type Child, countKeptRows, countRows, type KeptJob, keptBytes, listChildren, liveJobs, thinChild } from "./partition-drop-store.ts";
import { DAY_MS } from "./partition-store.ts";
import { KEEP_BYTES, KEEP_JOBS } from "./retention.ts";

export interface CompactionOptions {
  readonly store: BlobStore;
  readonly nowMs: number;
  /** A day is packed when its last moment is older than this. */
  readonly afterMs: number;
  readonly log: Log;
  readonly onPacked: (chunks: number, sizeBytes: number) => void;
  /** Rest after each page, as a share of the time that the page took. */
  readonly rest: number;
  readonly packBytes?: number;
}

export interface CompactionOutcome {
  readonly packed: number;
  /** Days that are due and could not be packed. */
  readonly late: readonly number[];
}

/** A day with jobs that are not over is gone through again at most this often, so that it does not end in many small packs. */
const AGAIN_MS = DAY_MS;

/**
 * Moves the output of ended jobs out of days that are over, into packs in the blob store. The table is read in the order of its key and written
 * to packs, which are read back; then, in one transaction, writers of this one child are held off, its rows are counted (a chunk that came
 * late is not in the packs: then nothing is done until the next round), the child is emptied but for the output of jobs that are not over, and
 * the packs are noted. Before that commit readers find the rows, after it the packs, and never neither. A crash before it
 * leaves packs that nobody knows; they go with their day.
 */
export async function runCompaction(session: Session, options: CompactionOptions): Promise<CompactionOutcome> {
  const due = (await listChildren(session)).filter(
    (child) => child.parent === "job_log" && child.state === "attached" && child.dayMs + DAY_MS + options.afterMs <= options.nowMs,
  );
  let packed = 0;
  const late: number[] = [];
  for (const child of due) {
    try {
      const chunks = await compactDay(session, child, options);
      if (chunks === undefined) late.push(child.dayMs);
      else packed += chunks;
    } catch (error) {
      late.push(child.dayMs);
      options.log.error(
        { event: "compaction.failed", day: dayText(child.dayMs), error: messageOf(error) },
        "the output of a day could not be packed, it stays in its table",
      );
      await session.query("SELECT 1");
    }
  }
  return { packed, late };
}

/** @returns chunks that were packed; undefined when the day has to wait */
async function compactDay(session: Session, child: Child, options: CompactionOptions): Promise<number | undefined> {
  const live = await liveJobs(session, child.dayMs, KEEP_JOBS);
  if (live === undefined) return undefined;
  if (live.length > 0 && (await packedLately(session, child))) return 0;
  if ((await keptBytes(session, child, live)) > KEEP_BYTES) return undefined;
  const day = dayText(child.dayMs);
  // A name that no other round has: one that has lost its connection, and its lock, may still be writing.
  const writer = new PackWriter(options.store, `logs/v1/${day}/${randomBytes(6).toString("hex")}`, options.packBytes ?? PACK_BYTES);
  await packChild(session, child, live, writer, options.rest);
  const packs = await writer.end();
  const chunks = packs.reduce((sum, pack) => sum + pack.chunks, 0);
  if (chunks === 0) return 0;
  await thinChild(session, child, live, {
    before: async () => {
      const going = (await countRows(session, child)) - (await countKeptRows(session, child, live));
      if (going !== chunks) throw new AppError("unavailable", `${going} chunks are to be moved, ${chunks} are in the packs`);
    },
    after: () => insertPacks(session, day, packs),
  });
  const sizeBytes = packs.reduce((sum, pack) => sum + pack.sizeBytes, 0);
  options.onPacked(chunks, sizeBytes);
  options.log.info({ event: "compaction.packed", day, chunks, packs: packs.length, sizeBytes }, "the output of a day was packed");
  return chunks;
}

async function packChild(session: Session, child: Child, live: readonly KeptJob[], writer: PackWriter, rest: number): Promise<void> {
  const stays = new Set(live.map((job) => job.id));
  let after: PackKey | undefined;
  for (;;) {
    const begun = performance.now();
    const page = await readChildChunks(session, child.name, after);
    for (const chunk of page) if (!stays.has(chunk.job)) await writer.add(chunk);
    after = page.at(-1);
    if (after === undefined) return;
    if (rest > 0) await sleep((performance.now() - begun) * rest);
  }
}

async function packedLately(session: Session, child: Child): Promise<boolean> {
  const { rows } = await session.query<{ lately: boolean }>(
    "SELECT coalesce(max(packed_at) > now() - make_interval(secs => $2), false) AS lately FROM log_pack WHERE day = $1::date",
    [dayText(child.dayMs), AGAIN_MS / 1000],
  );
  return rows[0]?.lately === true;
}

/**
 * Lets go of the packs of a day whose jobs are gone. With an archive they stay where they are: its manifest names them.
 * Whole objects, found by their common prefix, so that those of a round that was broken off go too.
 */
export async function forgetLogs(session: Session, store: BlobStore, dayMs: number, archived: boolean): Promise<void> {
  const day = dayText(dayMs);
  if (!archived) {
    for (;;) {
      const page = await store.list(`logs/v1/${day}/`, { limit: 500 });
      for (const { key } of page) await store.delete(key);
      if (page.length === 0) break;
    }
  }
  await forgetPacks(session, day);
}
