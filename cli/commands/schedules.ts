import type { ScheduleRunView } from "../../control-plane/schedules/contract.ts";
import { AppError } from "../../kernel/app-error.ts";
import { connect } from "../connect.ts";
import { indentJson, isJsonObject, parseExactJson } from "../exact-json.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { readJobArgs } from "../job-args.ts";
import { printJson, say } from "../output.ts";
import { plainText } from "../sanitise.ts";
import type { ConnectionFlags } from "../settings.ts";
import { filterOf, type ListOptions, printThings, textOf } from "./variables.ts";

interface JsonFlag extends ConnectionFlags {
  readonly json?: boolean;
}

export interface PutScheduleOptions extends JsonFlag {
  readonly cron?: string;
  readonly timezone?: string;
  readonly script?: string;
  readonly flow?: string;
  readonly args?: string;
  readonly overlap?: string;
}

export interface NextOptions extends JsonFlag {
  readonly timezone?: string;
  readonly count: number;
}

export interface RunsOptions extends JsonFlag {
  readonly limit: number;
  readonly cursor?: string;
}

/** `millrace schedule list`. */
export async function listSchedulesCommand(options: ListOptions): Promise<ExitCode> {
  const page = await connect(options).schedules(filterOf(options));
  if (options.json === true) {
    printJson(page);
    return EXIT.ok;
  }
  const rows = page.schedules.map((one) => [
    one.path,
    one.cron,
    one.timezone,
    one.script ?? one.flow ?? "",
    one.paused ? "paused" : (one.next_at ?? "never"),
    plainText(one.description),
  ]);
  printThings(["PATH", "CRON", "ZONE", "RUNS", "NEXT", "DESCRIPTION"], rows, page.next_cursor);
  return EXIT.ok;
}

/** `millrace schedule put`: from a definition, from options, or from both; options win. */
export async function putScheduleCommand(path: string, definition: string | undefined, options: PutScheduleOptions): Promise<ExitCode> {
  const { cron, timezone, script, flow, overlap, args } = options;
  const isWhole = cron !== undefined && (script !== undefined || flow !== undefined);
  const base = definition === undefined && isWhole ? {} : objectOf(textOf(definition), "the definition");
  const given = Object.fromEntries(Object.entries({ cron, timezone, script, flow, overlap }).filter(([, value]) => value !== undefined));
  const body = { ...base, ...given, ...(args !== undefined && { args: readJobArgs(args, []) }) };
  const stored = await connect(options).putThing("schedules", path, JSON.stringify(body));
  if (options.json === true) printJson(stored);
  else say(`${path} is set${"next_at" in stored && stored.next_at !== undefined ? `; it ticks next at ${stored.next_at}` : ""}`);
  return EXIT.ok;
}

/** `millrace schedule get`. */
export async function getScheduleCommand(path: string, options: JsonFlag): Promise<ExitCode> {
  process.stdout.write(`${indentJson(await connect(options).schedule(path))}\n`);
  return EXIT.ok;
}

/** `millrace schedule pause`, `resume`. */
export async function orderScheduleCommand(order: "pause" | "resume", path: string, options: JsonFlag): Promise<ExitCode> {
  const stored = await connect(options).orderSchedule(path, order);
  if (options.json === true) printJson(stored);
  else if (order === "pause") say(`${path} is paused`);
  else say(`${path} ticks${stored.next_at === undefined ? "" : `; next at ${stored.next_at}`}`);
  return EXIT.ok;
}

/** `millrace schedule run`: the id of the job on stdout. */
export async function runScheduleCommand(path: string, options: JsonFlag): Promise<ExitCode> {
  const run = await connect(options).runSchedule(path);
  if (options.json === true) printJson(run);
  else if (run.job !== undefined) process.stdout.write(`${run.job}\n`);
  else say(`${path}: ${run.state}${run.reason === undefined ? "" : `: ${plainText(run.reason)}`}`);
  return run.state === "failed" ? EXIT.runFailed : EXIT.ok;
}

/** `millrace schedule next`: ticks of a schedule, or of a pattern. */
export async function nextTicksCommand(pathOrCron: string, options: NextOptions): Promise<ExitCode> {
  const client = connect(options);
  let timing = { cron: pathOrCron, timezone: options.timezone ?? "UTC" };
  if (/^[uf]\//.test(pathOrCron)) {
    const stored = objectOf(await client.schedule(pathOrCron), "the answer");
    const { cron, timezone } = stored;
    if (typeof cron !== "string" || typeof timezone !== "string") throw new AppError("internal", "the server sent no pattern");
    timing = { cron, timezone };
  }
  const { ticks } = await client.previewSchedule({ ...timing, count: options.count });
  if (options.json === true) printJson({ ticks });
  else for (const { at, local } of ticks) process.stdout.write(timing.timezone === "UTC" ? `${at}\n` : `${local}  ${at}\n`);
  return EXIT.ok;
}

/** `millrace schedule runs`. */
export async function scheduleRunsCommand(path: string, options: RunsOptions): Promise<ExitCode> {
  const { limit, cursor } = options;
  const page = await connect(options).scheduleRuns({ path, limit, ...(cursor !== undefined && { cursor }) });
  if (options.json === true) {
    printJson(page);
    return EXIT.ok;
  }
  printThings(
    ["DUE", "STATE", "STATUS", "JOB", "BECAUSE"],
    page.runs.map((run) => [run.due_at, run.state, run.status ?? "", run.job ?? "", plainText(reasonOf(run))]),
    page.next_cursor,
  );
  return EXIT.ok;
}

function objectOf(text: string, what: string): Record<string, unknown> {
  const value = parseExactJson(text, what);
  if (!isJsonObject(value)) throw new AppError("invalid_argument", `${what} is not a JSON object`);
  return value;
}

function reasonOf({ reason, asked_by, ticks, until }: ScheduleRunView): string {
  if (ticks !== undefined) return ticks === 1 ? "nothing ran then" : `${ticks} ticks until ${until}`;
  return reason ?? (asked_by === undefined ? "" : `asked for by ${asked_by}`);
}
