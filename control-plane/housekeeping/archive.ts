import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { AppError } from "../../kernel/app-error.ts";
import type { BlobStore } from "../blobs/blob-store.ts";
import type { Session } from "../db/session.ts";
import { type ArchivedObject, type ArchiveManifest, writeManifest, writeObject } from "./archive-format.ts";
import { archiveStart, closePart, columnsOf, countGoing, nextPart, readPage, recordPart } from "./archive-store.ts";
import { dayText } from "./ledger-store.ts";
import type { Child, KeptJob } from "./partition-drop-store.ts";
import type { Archiver } from "./retention.ts";

export interface ArchiveOptions {
  readonly store: BlobStore;
  /** Keys of the packs that hold output of a day. */
  readonly packsOf: (session: Session, dayMs: number) => Promise<readonly string[]>;
  readonly onArchived: (rows: number, sizeBytes: number) => void;
  /** Rest after each page, as a share of the time that the page took: the work of others goes first. */
  readonly rest: number;
}

/** Raw bytes of one object: bounds the memory of writer and reader. */
const OBJECT_BYTES = 16 * 1024 * 1024;

/**
 * Copies the rows of a child that are about to go into the blob store: objects of at most about 16 MB of JSON lines, then a manifest. Each object
 * is read back; in the end the rows are counted against the child. Only then is the part recorded. As long as its rows are still in the database it is
 * written again, beside what an earlier try left: that one may have lost its connection, and its lock, and still be writing. A table without
 * rows leaves nothing.
 */
export function createArchiver(options: ArchiveOptions): Archiver {
  return {
    async archive(session, child, kept) {
      const part = await nextPart(session, child);
      const base = `archive/v1/${child.parent}/${dayText(child.dayMs)}/part-${part}`;
      const objects = await writeRows(session, child, kept, `${base}/${randomBytes(6).toString("hex")}`, options);
      const rows = sum(objects, (object) => object.rows);
      const going = await countGoing(session, child, kept);
      if (rows !== going) throw new AppError("unavailable", `${child.name} has ${going} rows to archive, ${rows} were written`);
      const packs = child.parent === "job_log" ? [...(await options.packsOf(session, child.dayMs))] : [];
      if (rows === 0 && packs.length === 0) return;
      const manifest: ArchiveManifest = {
        format: "millrace-archive",
        version: 1,
        table: child.parent,
        day: dayText(child.dayMs),
        part,
        columns: await columnsOf(session, child),
        rows,
        objects,
        packs,
        writtenAt: new Date().toISOString(),
      };
      const manifestKey = `${base}.manifest.json`;
      await writeManifest(options.store, manifestKey, manifest);
      const sizeBytes = sum(objects, (object) => object.sizeBytes);
      await recordPart(session, child, { part, manifestKey, rows, sizeBytes });
      options.onArchived(rows, sizeBytes);
    },
    removed: closePart,
  };
}

async function writeRows(session: Session, child: Child, kept: readonly KeptJob[], base: string, options: ArchiveOptions): Promise<ArchivedObject[]> {
  const objects: ArchivedObject[] = [];
  let lines: string[] = [];
  let bytes = 0;
  const flush = async (): Promise<void> => {
    if (lines.length === 0) return;
    const number = String(objects.length + 1).padStart(5, "0");
    objects.push(await writeObject(options.store, `${base}/${number}.ndjson.zst`, lines));
    lines = [];
    bytes = 0;
  };
  for (let cursor = archiveStart(child.parent); ; ) {
    const begun = performance.now();
    const page = await readPage(session, child, cursor, kept);
    if (page === undefined) break;
    cursor = page.cursor;
    for (const line of page.lines) {
      lines.push(line);
      bytes += line.length;
      if (bytes >= OBJECT_BYTES) await flush();
    }
    if (options.rest > 0) await sleep((performance.now() - begun) * options.rest);
  }
  await flush();
  return objects;
}

function sum<T>(items: readonly T[], of: (item: T) => number): number {
  return items.reduce((total, item) => total + of(item), 0);
}
