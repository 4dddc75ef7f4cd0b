import { parseExactJson } from "../http/exact-json.ts";
import type { PutSchedule } from "./contract.ts";
import type { Handler, Handlers } from "./model.ts";
import { OVERLAPS, type Overlap } from "./overlap-core.ts";
import type { CatchUp } from "./plan-core.ts";

const SETTINGS = ["tag", "priority", "timeout_ms", "retry", "queue_ttl_s", "soft_timeout_ms"] as const;

/** The settings of its runs, as people gave them. */
export type RunSettings = Pick<PutSchedule, (typeof SETTINGS)[number]>;

/** JSON text of what a run takes beside its arguments. */
export function settingsText(definition: PutSchedule): string {
  return JSON.stringify(Object.fromEntries(SETTINGS.flatMap((name) => (definition[name] === undefined ? [] : [[name, definition[name]]]))));
}

export function readSettings(text: string): RunSettings {
  return JSON.parse(text) as RunSettings;
}

/** Arguments as they came: numbers keep their digits. */
export function readArgs(text: string): Record<string, unknown> {
  return parseExactJson(text) as Record<string, unknown>;
}

export function handlersOf({ on_error: error, on_recovery: recovery }: PutSchedule): Handlers {
  const handler = ({ script, args = {}, after = 1 }: NonNullable<PutSchedule["on_recovery"]>): Handler => ({ script, args, after });
  return {
    error: error === undefined ? undefined : { ...handler(error), exact: error.exact ?? false },
    recovery: recovery === undefined ? undefined : handler(recovery),
  };
}

/** Null: there are none. */
export function handlersText(handlers: Handlers): string | null {
  return handlers.error === undefined && handlers.recovery === undefined ? null : JSON.stringify(handlers);
}

export function readHandlers(text: string | null): Handlers {
  if (text === null) return { error: undefined, recovery: undefined };
  const { error, recovery } = parseExactJson(text) as Partial<Handlers>;
  return { error, recovery };
}

export function catchUpOf({ catch_up: given }: PutSchedule): CatchUp {
  if (given === undefined || given.policy !== "all") return { kind: given?.policy ?? "none" };
  return { kind: "all", max: given.max, windowMs: given.window_s * 1000 };
}

export interface CatchUpRow {
  catch_up: string;
  catch_up_max: number | null;
  catch_up_window_s: number | null;
}

export function readCatchUp(row: CatchUpRow): CatchUp {
  if (row.catch_up === "all") return { kind: "all", max: row.catch_up_max ?? 1, windowMs: (row.catch_up_window_s ?? 0) * 1000 };
  return { kind: row.catch_up === "latest" ? "latest" : "none" };
}

/** Of a stored name. */
export function readOverlap(text: string): Overlap {
  return OVERLAPS.find((overlap) => overlap === text) ?? "skip";
}
