import type { ToldEvent } from "../notifications/event-store.ts";
import type { Move, ScheduleRef } from "./model.ts";

/** A schedule whose missed ticks have just been recorded. */
interface MissedTicks extends ScheduleRef {
  readonly path: string;
  readonly move: Move;
}

/** What hooks are told. How many ticks they were is left out: to count them takes longer than everything else about a claim. */
export function missedEvents(missed: readonly MissedTicks[]): ToldEvent[] {
  return missed.flatMap(({ workspace, id, path, move }) => {
    if (move.missed === undefined) return [];
    const { fromMs, untilMs } = move.missed;
    const data = { schedule: path, due_at: isoOf(fromMs), until: isoOf(untilMs), cron: move.cron, timezone: move.zone };
    return [{ workspace, kind: "schedule.missed", id: `missed_${id}_${fromMs}`, path, data }];
  });
}

const isoOf = (ms: number): string => new Date(ms).toISOString();
