import type { Child } from "./partition-drop-store.ts";

/** What is written down about a child. */
export interface PartitionRecord {
  readonly parent: string;
  readonly dayMs: number;
  readonly thinned: boolean;
  /** The decision to drop it was taken. */
  readonly dropping: boolean;
}

export interface ExpiredDay {
  readonly dayMs: number;
  /** In the order in which they go: output first, history last, since history says which jobs ended a short time ago. */
  readonly children: readonly (Child & { readonly thinned: boolean })[];
}

export interface RetentionPlan {
  /** Drops that a crash broke off. */
  readonly unfinished: readonly Child[];
  readonly expired: readonly ExpiredDay[];
  /** No part of their parent, and not by our doing: left alone, a person should look. */
  readonly strays: readonly Child[];
}

const DAY_MS = 24 * 60 * 60 * 1000;
const ORDER = ["job_log", "job_attempt", "job_key", "job_progress", "job_checkpoint", "flow_item", "flow_event", "job", "job_done"] as const;

/** What to do with the children that there are, for a retention of `retentionMs`. A day expires when its last moment is older than that. */
export function planRetention(children: readonly Child[], records: readonly PartitionRecord[], nowMs: number, retentionMs: number): RetentionPlan {
  const recordOf = (child: Child): PartitionRecord | undefined => records.find((record) => record.parent === child.parent && record.dayMs === child.dayMs);
  const loose = children.filter((child) => child.state !== "attached");
  const days = new Map<number, (Child & { thinned: boolean })[]>();
  for (const child of children) {
    if (child.state !== "attached" || child.dayMs + DAY_MS > nowMs - retentionMs) continue;
    const day = days.get(child.dayMs) ?? [];
    day.push({ ...child, thinned: recordOf(child)?.thinned === true });
    days.set(child.dayMs, day);
  }
  return {
    unfinished: loose.filter((child) => recordOf(child)?.dropping === true),
    strays: loose.filter((child) => recordOf(child)?.dropping !== true),
    expired: [...days]
      .sort(([a], [b]) => a - b)
      .map(([dayMs, members]) => ({ dayMs, children: members.sort((a, b) => ORDER.indexOf(a.parent) - ORDER.indexOf(b.parent)) })),
  };
}
