import { ChurnMap } from "../../../kernel/churn-map.ts";
import { Heap } from "../../../kernel/heap.ts";
import type { JobId } from "../../../kernel/ids.ts";

/**
 * Rows that something happens to at a moment: the soonest are in memory, in a heap; the later ones only in the database, and are read in the
 * order (time, id) before their moment comes. Invariant: every committed row up to `edge` is in memory, or was handed out by `takeDue`. What is
 * written beyond the edge is forgotten here, since a read brings it. What is written while a read is under way is kept in `duringRead`: the
 * read's snapshot may lack it, or have an older version of it.
 */
export interface Timers<T extends Timed> {
  readonly heap: Heap<T>;
  /** The valid ones: an entry of the heap that is not the one here is stale. */
  readonly entries: Map<JobId, T>;
  edge: Moment;
  reading: boolean;
  /** Undefined: the job was removed or handed out; a row of it is out of date. */
  readonly duringRead: Map<JobId, T | undefined>;
  /** Latest time up to which entries were handed out: it does not go back with the clock. */
  firedMs: number;
  readonly limit: number;
  readonly horizonMs: number;
}

export interface Timed {
  readonly id: JobId;
  /** Wall clock, milliseconds since the epoch. */
  readonly atMs: number;
}

interface Moment {
  readonly atMs: number;
  readonly id: string;
}

export interface TimerRead {
  /** Rows after this one … */
  readonly after: Moment;
  /** … up to this moment. */
  readonly untilMs: number;
}

const FIRST_ID = "00000000-0000-0000-0000-000000000000";
const LAST_ID = "ffffffff-ffff-ffff-ffff-ffffffffffff";
const MAX_STALE = 64;

/** @param limit entries to hold in memory; for a moment it may be twice as many */
export function createTimers<T extends Timed>(limit: number, horizonMs: number): Timers<T> {
  return {
    heap: new Heap<T>((a, b) => a.atMs < b.atMs || (a.atMs === b.atMs && a.id < b.id)),
    entries: new ChurnMap(),
    edge: { atMs: 0, id: FIRST_ID },
    reading: false,
    duringRead: new Map(),
    firedMs: 0,
    limit,
    horizonMs,
  };
}

/** A row is committed; it replaces one of the same job. */
export function setTimer<T extends Timed>(timers: Timers<T>, entry: T): void {
  if (timers.reading) timers.duringRead.set(entry.id, entry);
  place(timers, entry);
}

/** The row is gone, or its moment does not matter any more. */
export function removeTimer<T extends Timed>(timers: Timers<T>, id: JobId): void {
  if (timers.reading) timers.duringRead.set(id, undefined);
  timers.entries.delete(id);
  dropStale(timers);
}

/** Hands out what is due, soonest first. */
export function takeDue<T extends Timed>(timers: Timers<T>, nowMs: number, most: number): T[] {
  const due: T[] = [];
  timers.firedMs = Math.max(timers.firedMs, nowMs);
  while (due.length < most) {
    const next = peek(timers);
    if (next === undefined || next.atMs > nowMs) break;
    timers.heap.pop();
    timers.entries.delete(next.id);
    if (timers.reading) timers.duringRead.set(next.id, undefined);
    due.push(next);
  }
  return due;
}

/** When the next entry in memory is due. */
export function nextDueMs<T extends Timed>(timers: Timers<T>): number | undefined {
  return peek(timers)?.atMs;
}

/** The read that is due now, if any; it counts as under way from here on. */
export function beginRead<T extends Timed>(timers: Timers<T>, nowMs: number): TimerRead | undefined {
  if (timers.reading || timers.entries.size > timers.limit / 2 || timers.edge.atMs > nowMs + timers.horizonMs / 2) return undefined;
  timers.reading = true;
  return { after: timers.edge, untilMs: nowMs + timers.horizonMs };
}

/**
 * The rows of a read, in order.
 * @param complete its snapshot had no more up to `read.untilMs`
 * @param isKnown true for a job whose state in memory is newer than any row
 */
export function finishRead<T extends Timed>(timers: Timers<T>, read: TimerRead, rows: readonly T[], complete: boolean, isKnown: (id: JobId) => boolean): void {
  timers.reading = false;
  const last = rows.at(-1);
  if (complete) timers.edge = { atMs: read.untilMs, id: LAST_ID };
  else if (last !== undefined) timers.edge = { atMs: last.atMs, id: last.id };
  for (const row of rows) if (!timers.duringRead.has(row.id) && !timers.entries.has(row.id) && !isKnown(row.id)) push(timers, row);
  for (const entry of timers.duringRead.values()) if (entry !== undefined) place(timers, entry);
  timers.duringRead.clear();
  trim(timers);
}

/** A read failed; it will be wanted again. */
export function failRead<T extends Timed>(timers: Timers<T>): void {
  timers.reading = false;
  timers.duringRead.clear();
  trim(timers);
}

function place<T extends Timed>(timers: Timers<T>, entry: T): void {
  if (isAfter(entry, timers.edge)) timers.entries.delete(entry.id);
  else if (timers.entries.get(entry.id) !== entry) push(timers, entry);
  trim(timers);
}

function push<T extends Timed>(timers: Timers<T>, entry: T): void {
  timers.entries.set(entry.id, entry);
  timers.heap.push(entry);
  dropStale(timers);
}

/** What was removed or set anew stays in the heap until it surfaces: without this, a moment that is moved again and again would make it grow. */
function dropStale<T extends Timed>(timers: Timers<T>): void {
  if (timers.heap.size > 2 * timers.entries.size + MAX_STALE) timers.heap.retain((entry) => timers.entries.get(entry.id) === entry);
}

/** Keeps the soonest. Not while a read is under way: it will set the edge, and what was dropped before it would be missed. */
function trim<T extends Timed>(timers: Timers<T>): void {
  if (timers.reading || timers.entries.size <= 2 * timers.limit) return;
  const kept: T[] = [];
  while (kept.length < timers.limit) {
    const next = peek(timers);
    if (next === undefined) break;
    timers.heap.pop();
    kept.push(next);
  }
  timers.entries.clear();
  timers.heap.retain(() => false);
  for (const entry of kept) push(timers, entry);
  const last = kept.at(-1);
  if (last !== undefined) timers.edge = { atMs: last.atMs, id: last.id };
}

function peek<T extends Timed>(timers: Timers<T>): T | undefined {
  for (;;) {
    const next = timers.heap.peek();
    if (next === undefined || timers.entries.get(next.id) === next) return next;
    timers.heap.pop();
  }
}

function isAfter(entry: Timed, edge: Moment): boolean {
  return entry.atMs > edge.atMs || (entry.atMs === edge.atMs && entry.id > edge.id);
}
