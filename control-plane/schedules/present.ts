import { presentChanges } from "../variables/routes.ts";
import type { Preview, ScheduleRunView, ScheduleView, ScheduleWithWork } from "./contract.ts";
import { ticksOf } from "./cron.ts";
import type { Handler, Timing } from "./model.ts";
import { type CatchUp, countTicks } from "./plan-core.ts";
import { readArgs, readSettings } from "./schedule-codec.ts";
import type { StoredSchedule } from "./schedule-store.ts";
import type { SeenRun } from "./schedules.ts";

/** Missed ticks that are counted; each takes a tenth of a millisecond. */
const MAX_COUNTED = 1000;

export function presentSchedule(stored: StoredSchedule): ScheduleView {
  const { path, cron, zone, target, overlap, catchUp, paused, nextMs, failures, description } = stored;
  return {
    path,
    cron,
    timezone: zone,
    [target.kind]: target.path,
    overlap,
    catch_up: presentCatchUp(catchUp),
    paused,
    ...(nextMs !== undefined && { next_at: isoOf(nextMs) }),
    failures,
    description,
    ...presentChanges(stored),
  };
}

export function presentWithWork(stored: StoredSchedule): ScheduleWithWork {
  const { error, recovery } = stored.handlers;
  return {
    ...presentSchedule(stored),
    args: readArgs(stored.argsJson),
    ...readSettings(stored.settingsJson),
    ...(error !== undefined && { on_error: { ...presentHandler(error), exact: error.exact } }),
    ...(recovery !== undefined && { on_recovery: presentHandler(recovery) }),
  };
}

export function presentRun({ dueMs, state, askedBy, job, record, note, missed, handler, handlerJob }: SeenRun): ScheduleRunView {
  return {
    due_at: isoOf(dueMs),
    state,
    ...(askedBy !== undefined && { asked_by: askedBy }),
    ...(job !== undefined && { job }),
    ...(record !== undefined && { status: record.status }),
    ...(note !== undefined && { reason: note }),
    ...(missed !== undefined && { until: isoOf(missed.untilMs), ticks: Math.max(1, countTicks(ticksOf(missed), dueMs, missed.untilMs, MAX_COUNTED)) }),
    ...(handler !== undefined && { handler }),
    ...(handlerJob !== undefined && { handler_job: handlerJob }),
  };
}

/** The next ticks of a pattern. Errors: those of ticksOf. */
export function previewTicks(timing: Timing, afterMs: number, count: number): Preview {
  const ticks = ticksOf(timing);
  const found: Preview["ticks"] = [];
  for (let at = ticks.after(afterMs); at !== undefined && found.length < count; at = ticks.after(at))
    found.push({ at: isoOf(at), local: localOf(at, timing.zone) });
  return { ticks: found };
}

const isoOf = (ms: number): string => new Date(ms).toISOString();

/** A moment as clocks of a zone show it, in ISO 8601 with the offset. */
function localOf(ms: number, zone: string): string {
  const parts = new Intl.DateTimeFormat("en", {
    timeZone: zone,
    hourCycle: "h23",
    year: "numeric",
    month: "2-digit",
    day: "2-digit",
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
    timeZoneName: "longOffset",
  }).formatToParts(new Date(ms));
  const part = (type: Intl.DateTimeFormatPartTypes): string => parts.find((one) => one.type === type)?.value ?? "";
  const offset = part("timeZoneName").replace("GMT", "");
  return `${part("year")}-${part("month")}-${part("day")}T${part("hour")}:${part("minute")}:${part("second")}${offset === "" ? "+00:00" : offset}`;
}

function presentCatchUp(catchUp: CatchUp): ScheduleView["catch_up"] {
  if (catchUp.kind !== "all") return { policy: catchUp.kind };
  return { policy: "all", max: catchUp.max, window_s: Math.round(catchUp.windowMs / 1000) };
}

function presentHandler({ script, args, after }: Handler): { script: string; args: Record<string, unknown>; after: number } {
  return { script, args: { ...args }, after };
}
