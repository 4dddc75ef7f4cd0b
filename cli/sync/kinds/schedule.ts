import { z } from "zod";
import { type PutSchedule, putSchedule } from "../../../control-plane/schedules/contract.ts";
import { indentJson } from "../../exact-json.ts";
import { makeItem, type SyncItem } from "../item.ts";
import { readAnswer, readPages } from "./answers.ts";
import type { SyncKind } from "./kind.ts";
import { etagOfRevision, putThing, removeThing, stored } from "./thing.ts";

/** A file of a schedule, in the words of the API. */
export const scheduleFile = putSchedule;

export const SCHEDULE_SUFFIX = ".schedule.json";

/** What a schedule is as long as nothing is said. */
const DEFAULTS: Readonly<Record<string, string>> = {
  timezone: '"UTC"',
  args: "{}",
  overlap: '"skip"',
  catch_up: '{"policy":"none"}',
  paused: "false",
  description: '""',
};
const HANDLER_DEFAULTS: Readonly<Record<string, string>> = { args: "{}", after: "1", exact: "false" };
const MEMBERS = Object.keys(putSchedule.shape);

/** A schedule as both sides say it: what is as it would be anyhow is left out. Whether it is paused is a part of it. */
export function scheduleItem(path: string, given: Partial<PutSchedule>): SyncItem {
  const all = new Map<string, unknown>(Object.entries(given));
  const file: Record<string, unknown> = {};
  for (const name of MEMBERS) {
    const value = name.startsWith("on_") ? withoutDefaults(all.get(name)) : all.get(name);
    if (value !== undefined && JSON.stringify(value) !== DEFAULTS[name]) file[name] = value;
  }
  const body = { ...file, paused: given.paused === true };
  return makeItem("schedule", path, body, [{ suffix: SCHEDULE_SUFFIX, text: `${indentJson(JSON.stringify(file))}\n` }]);
}

function withoutDefaults(handler: unknown): unknown {
  if (typeof handler !== "object" || handler === null) return handler;
  return Object.fromEntries(Object.entries(handler).filter(([name, value]) => JSON.stringify(value) !== HANDLER_DEFAULTS[name]));
}

const page = z.looseObject({ schedules: z.array(stored.extend({ path: z.string() })), next_cursor: z.string().optional() });
const at = (path: string): string => `/schedules/by-path?${new URLSearchParams({ path })}`;

export const scheduleKind: SyncKind = {
  kind: "schedule",
  list: (ask, prefix) =>
    readPages(ask, "/schedules", { prefix }, page, ({ schedules }) => schedules.map(({ path, revision }) => ({ path, etag: etagOfRevision(revision) }))),
  async get(ask, path) {
    const { revision, ...schedule } = readAnswer(await ask("GET", at(path)), stored, "GET /schedules/by-path");
    return { item: scheduleItem(path, schedule), etag: etagOfRevision(revision) };
  },
  put: (ask, { path, body }, expected) => putThing(ask, at(path), body, expected),
  remove: (ask, path, expected) => removeThing(ask, at(path), expected),
};
