import { closeSync, fdatasync, fdatasyncSync, ftruncateSync, mkdirSync, openSync, readdirSync, readFileSync, readSync, unlinkSync, writeSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Logger } from "pino";
import { messageOf } from "../../kernel/app-error.ts";
import { background } from "../../kernel/background.ts";
import { ChurnMap } from "../../kernel/churn-map.ts";
import type { Finished } from "../../proto/gen/millrace/agent/v1/job.ts";
import { type AttemptKey, keyOf } from "./attempt-key.ts";
import { decodeAcknowledged, decodeEntry, encodeAcknowledged, encodeEntry } from "./entry-codec.ts";
import { decodeRecords, encodeRecord, openRecord } from "./record-codec.ts";

/*
 * Results are written here before they are sent, and stay until they are acknowledged.
 *
 * - Everything that is added in one turn of the event loop goes to the file in one write (`commit`). A write to the page
 *   cache survives kill -9 of the agent; a loss of power is covered by an fdatasync in the background, which nobody waits for. What is acknowledged by then
 *   need not be covered: it makes the disk busy, perhaps that of the database.
 * - The file is a chain of segments. A segment goes away when nothing in it is live. Segments pinned by a straggler are
 *   emptied by copying what is live to the newest one, so the disk holds at most MAX_SEGMENTS segments and what is live.
 * - Nothing is ever appended to a file of an earlier process: opening copies the live records to a fresh segment. So a torn
 *   or damaged tail costs its own records only.
 * - On a full disk results stay in memory, and are written with the first commit that finds room. Files of an earlier process stay
 *   until all that is live in them has been copied.
 */

const SEGMENT_BYTES = 8 * 1024 * 1024;
const MAX_SEGMENTS = 8;
/** Results beyond this are dropped from memory once they are on disk and read back when they are sent again. */
const MEMORY_BYTES = 16 * 1024 * 1024;
const SYNC_SPACING_MS = 10;
const SEGMENT_NAME = /^finished-(\d{10})\.journal$/;
const syncFile = promisify(fdatasync);

interface Segment {
  readonly path: string;
  readonly fd: number;
  size: number;
  live: number;
}

interface Entry {
  readonly number: number;
  /** Absent while the record is not (or could not be) on disk. */
  place: { readonly segment: Segment; readonly offset: number; readonly size: number } | undefined;
  finished: Finished | undefined;
  readonly sizeBytes: number;
}

export class Journal {
  readonly #folder: string;
  readonly #log: Logger;
  readonly #entries = new ChurnMap<AttemptKey, Entry>();
  #segments: Segment[] = [];
  #nextNumber = 1;
  #nextSegment = 1;
  #memoryBytes = 0;
  #unwritten: Entry[] = [];
  #unwrittenBytes: Buffer[] = [];
  /** The disk was full when they were to be written. */
  #refused: Entry[] = [];
  #acknowledged: number[] = [];
  #commitScheduled = false;
  /** Written since their last fdatasync. */
  readonly #unsynced = new Set<Segment>();
  #syncing = false;
  #closed = false;

  private constructor(folder: string, log: Logger) {
    this.#folder = folder;
    this.#log = log;
  }

  /** Opens the journal of a folder and replays it. Damage is logged and costs only what follows it in its segment. */
  static open(folder: string, log: Logger): Journal {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const journal = new Journal(folder, log);
    journal.#replay();
    return journal;
  }

  /** Results that are not acknowledged. */
  get size(): number {
    return this.#entries.size;
  }

  has(key: AttemptKey): boolean {
    return this.#entries.has(key);
  }

  keys(): IterableIterator<AttemptKey> {
    return this.#entries.keys();
  }

  /** Takes a result; it is on disk after the next `commit`, which happens at the end of this turn at the latest. Idempotent per attempt. */
  add(finished: Finished): void {
    const key = keyOf(finished);
    if (this.#entries.has(key)) return;
    const number = this.#nextNumber++;
    const record = encodeRecord(encodeEntry(number, finished));
    const entry: Entry = { number, place: undefined, finished, sizeBytes: record.length };
    this.#entries.set(key, entry);
    this.#memoryBytes += entry.sizeBytes;
    this.#unwritten.push(entry);
    this.#unwrittenBytes.push(record);
    this.#scheduleCommit();
  }

  /** The server has judged this result: it need not be kept. Unknown keys are ignored. */
  acknowledge(key: AttemptKey): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    this.#entries.delete(key);
    if (entry.finished !== undefined) this.#memoryBytes -= entry.sizeBytes;
    if (entry.place !== undefined) entry.place.segment.live -= 1;
    this.#acknowledged.push(entry.number);
    this.#scheduleCommit();
  }

  /** The result of an attempt, from memory or from disk; undefined when it is unknown or its record went bad on disk. */
  read(key: AttemptKey): Finished | undefined {
    const entry = this.#entries.get(key);
    if (entry?.finished !== undefined || entry?.place === undefined) return entry?.finished;
    const { segment, offset, size } = entry.place;
    const record = Buffer.allocUnsafe(size);
    const got = readSync(segment.fd, record, 0, size, offset);
    const payload = got === size ? openRecord(record) : undefined;
    const decoded = payload === undefined ? undefined : decodeEntry(payload);
    if (decoded === undefined) this.#log.error({ event: "journal.unreadable", key }, "a result can no longer be read from the journal");
    return decoded?.finished;
  }

  /** Size of a result on the wire, about; 0 when unknown. */
  sizeOf(key: AttemptKey): number {
    return this.#entries.get(key)?.sizeBytes ?? 0;
  }

  /** Writes what was added and acknowledged since the last commit, in one write. A full disk is logged; the results stay in memory. */
  commit(): void {
    this.#commitScheduled = false;
    if (!this.#closed && this.#unwritten.length + this.#acknowledged.length > 0) this.#writeAll();
  }

  /** Writes and syncs what is left, then closes the files. Idempotent. */
  close(): void {
    if (this.#closed) return;
    if (this.#refused.length + this.#unwritten.length + this.#acknowledged.length > 0) this.#writeAll();
    this.#closed = true;
    for (const segment of this.#segments) {
      if (this.#unsynced.has(segment)) trySync(segment.fd);
      closeSync(segment.fd);
    }
    this.#segments = [];
  }

  #writeAll(): void {
    const again = this.#refused.splice(0).flatMap((entry) => this.#encodeAgain(entry));
    const entries = [...again.map(({ entry }) => entry), ...this.#unwritten.splice(0)];
    const buffers = [...again.map(({ record }) => record), ...this.#unwrittenBytes.splice(0)];
    // Those that cannot be written are forgotten: a result that is sent again is judged again.
    if (this.#acknowledged.length > 0) buffers.push(encodeRecord(encodeAcknowledged(this.#acknowledged.splice(0))));
    const segment = this.#current();
    const start = segment?.size ?? 0;
    if (segment === undefined || !this.#append(segment, Buffer.concat(buffers))) {
      this.#refused = entries;
      return;
    }
    this.#place(segment, start, entries);
    this.#compact();
    this.#syncSoon();
  }

  #scheduleCommit(): void {
    if (this.#commitScheduled) return;
    this.#commitScheduled = true;
    setImmediate(() => this.commit());
  }

  /** Nothing for one that was acknowledged meanwhile. */
  #encodeAgain(entry: Entry): { readonly entry: Entry; readonly record: Buffer }[] {
    const { finished, number } = entry;
    return finished === undefined || !this.#isLive(entry) ? [] : [{ entry, record: encodeRecord(encodeEntry(number, finished)) }];
  }

  #place(segment: Segment, start: number, entries: readonly Entry[]): void {
    let offset = start;
    for (const entry of entries) {
      const size = entry.sizeBytes;
      entry.place = { segment, offset, size };
      offset += size;
      if (this.#isLive(entry)) segment.live += 1;
      if (this.#memoryBytes > MEMORY_BYTES && entry.finished !== undefined) {
        if (this.#isLive(entry)) this.#memoryBytes -= size;
        entry.finished = undefined;
      }
    }
  }

  /** False for an entry that was acknowledged before it was written. */
  #isLive(entry: Entry): boolean {
    const finished = entry.finished;
    return finished !== undefined && this.#entries.get(keyOf(finished)) === entry;
  }

  /** Appends all of the bytes or none. */
  #append(segment: Segment, bytes: Buffer): boolean {
    let written = 0;
    try {
      while (written < bytes.length) written += writeSync(segment.fd, bytes, written, bytes.length - written, segment.size + written);
      segment.size += bytes.length;
      this.#unsynced.add(segment);
      return true;
    } catch (error) {
      this.#log.error({ event: "journal.write_failed", error: messageOf(error) }, "results cannot be written to disk: they are kept in memory only");
      try {
        ftruncateSync(segment.fd, segment.size);
      } catch {
        // The tail stays torn; replay stops there, which is all that truncation would have achieved.
      }
      return false;
    }
  }

  #current(): Segment | undefined {
    const last = this.#segments.at(-1);
    return last !== undefined && last.size < SEGMENT_BYTES ? last : this.#openSegment();
  }

  #openSegment(): Segment | undefined {
    const path = join(this.#folder, `finished-${String(this.#nextSegment++).padStart(10, "0")}.journal`);
    try {
      const segment: Segment = { path, fd: openSync(path, "wx+", 0o600), size: 0, live: 0 };
      this.#segments.push(segment);
      return segment;
    } catch (error) {
      this.#log.error({ event: "journal.write_failed", error: messageOf(error) }, "results cannot be written to disk: they are kept in memory only");
      return undefined;
    }
  }

  #compact(): void {
    const last = this.#segments.at(-1);
    if (last !== undefined && this.#entries.size === 0 && last.size >= SEGMENT_BYTES / 8) this.#openSegment();
    this.#removeEmpty();
    if (this.#segments.length <= MAX_SEGMENTS) return;
    const oldest = this.#segments[0];
    if (oldest === undefined) return;
    const pinned = [...this.#entries].filter(([, entry]) => entry.place?.segment === oldest);
    if (this.#rewrite(pinned)) this.#removeEmpty();
  }

  /** Copies live records to the newest segment. One at a time: what is copied is never all in memory. */
  #rewrite(pinned: readonly (readonly [AttemptKey, Entry])[]): boolean {
    for (const [key, entry] of pinned) {
      const finished = this.read(key);
      const from = entry.place?.segment;
      if (finished !== undefined) {
        const segment = this.#current();
        const offset = segment?.size ?? 0;
        if (segment === undefined || !this.#append(segment, encodeRecord(encodeEntry(entry.number, finished)))) return false;
        entry.place = { segment, offset, size: segment.size - offset };
        segment.live += 1;
      } else {
        entry.place = undefined;
      }
      if (from !== undefined) from.live -= 1;
    }
    return true;
  }

  #removeEmpty(): void {
    const last = this.#segments.at(-1);
    this.#segments = this.#segments.filter((segment) => {
      if (segment === last || segment.live > 0) return true;
      this.#unsynced.delete(segment);
      closeSync(segment.fd);
      unlinkSync(segment.path);
      return false;
    });
  }

  #syncSoon(): void {
    if (this.#syncing) return;
    this.#syncing = true;
    background(this.#log, "journal.sync", this.#syncUntilClean());
  }

  async #syncUntilClean(): Promise<void> {
    while (this.#unsynced.size > 0 && !this.#closed) {
      await new Promise((resolve) => setTimeout(resolve, SYNC_SPACING_MS).unref());
      const segments = [...this.#unsynced];
      this.#unsynced.clear();
      for (const segment of segments) {
        if (this.#closed) break;
        if (segment.live === 0) continue;
        // EBADF: the segment was closed while we waited, so nothing in it is live.
        await syncFile(segment.fd).catch((error: unknown) => this.#log.debug({ event: "journal.sync_failed", error: messageOf(error) }, "fdatasync failed"));
      }
    }
    this.#syncing = false;
  }

  #replay(): void {
    const old = readdirSync(this.#folder)
      .filter((name) => SEGMENT_NAME.test(name))
      .sort();
    const live = new Map<number, Finished>();
    for (const name of old) {
      this.#nextSegment = Math.max(this.#nextSegment, Number(SEGMENT_NAME.exec(name)?.[1] ?? 0) + 1);
      this.#replaySegment(name, live);
    }
    this.#openSegment();
    for (const [number, finished] of live) this.#restore(number, finished);
    for (const segment of this.#segments) fdatasyncSync(segment.fd);
    this.#unsynced.clear();
    if (this.#refused.length === 0) for (const name of old) unlinkSync(join(this.#folder, name));
    else this.#log.warn({ event: "journal.kept", files: old.length }, "the disk is full: files of an earlier process stay until the next start");
  }

  #replaySegment(name: string, live: Map<number, Finished>): void {
    const bytes = readFileSync(join(this.#folder, name));
    const { records, validBytes } = decodeRecords(bytes);
    if (validBytes < bytes.length) {
      this.#log.warn({ event: "journal.damaged", file: name, lostBytes: bytes.length - validBytes }, "the end of the journal is damaged and was dropped");
    }
    for (const { payload } of records) {
      const entry = decodeEntry(payload);
      if (entry !== undefined) {
        live.set(entry.number, entry.finished);
        this.#nextNumber = Math.max(this.#nextNumber, entry.number + 1);
      }
      for (const number of decodeAcknowledged(payload)) live.delete(number);
    }
  }

  #restore(number: number, finished: Finished): void {
    const key = keyOf(finished);
    if (this.#entries.has(key)) return;
    const record = encodeRecord(encodeEntry(number, finished));
    const entry: Entry = { number, place: undefined, finished, sizeBytes: record.length };
    this.#entries.set(key, entry);
    this.#memoryBytes += record.length;
    const segment = this.#current();
    const offset = segment?.size ?? 0;
    if (segment !== undefined && this.#append(segment, record)) this.#place(segment, offset, [entry]);
    else this.#refused.push(entry);
  }
}

function trySync(fd: number): void {
  try {
    fdatasyncSync(fd);
  } catch {
    // Best effort at the very end: the page cache has it.
  }
}
