import { type Command, InvalidArgumentError, Option } from "commander";
import type { ExitCode } from "./exit-codes.ts";

const MAX_PAGE = 200;
const PAGE = 100;
const RUNS = 20;
const TICKS = 5;
const MAX_TICKS = 100;

/** `millrace schedule`. */
export function addScheduleCommands(program: Command, finish: (code: ExitCode) => void, withConnection: (command: Command) => Command): void {
  const schedule = program.command("schedule").description("runs of scripts and flows by the clock");
  addLooking(schedule, finish, withConnection);
  withConnection(schedule.command("put"))
    .description("make or replace a schedule, from a definition in JSON, from options, or from both")
    .argument("<path>", "such as f/billing/nightly")
    .argument("[definition]", "JSON; @file takes a file's text, @- stdin; left out without --cron and --script or --flow: stdin")
    .option("--cron <pattern>", 'five fields, or six with seconds first, such as "0 30 7 * * 1-5"')
    .option("--timezone <zone>", "such as Europe/Berlin; default UTC")
    .option("--script <path>", "the script that it runs")
    .option("--flow <path>", "or the flow")
    .option("-d, --args <json>", "arguments of its runs as a JSON object; @file takes a file's text")
    .addOption(new Option("--overlap <policy>", "what a tick does while the run before has not ended").choices(["skip", "queue", "parallel"]))
    .action(async (path, definition, options) => finish(await (await import("./commands/schedules.ts")).putScheduleCommand(path, definition, options)));
  for (const order of ["pause", "resume"] as const) {
    withConnection(schedule.command(order))
      .description(order === "pause" ? "no more ticks until it is resumed" : "tick again, from now on")
      .argument("<path>")
      .action(async (path, options) => finish(await (await import("./commands/schedules.ts")).orderScheduleCommand(order, path, options)));
  }
  withConnection(schedule.command("run"))
    .description("run it once now, and print the id of the job")
    .argument("<path>")
    .action(async (path, options) => finish(await (await import("./commands/schedules.ts")).runScheduleCommand(path, options)));
  withConnection(schedule.command("delete"))
    .description("delete a schedule; jobs that it has started stay")
    .argument("<path>")
    .action(async (path, options) => finish(await (await import("./commands/delete-thing.ts")).deleteThingCommand("schedules", path, options)));
}

function addLooking(schedule: Command, finish: (code: ExitCode) => void, withConnection: (command: Command) => Command): void {
  withConnection(schedule.command("list"))
    .description("list schedules, by path, with their next ticks")
    .option("--prefix <text>", "only paths that begin with this")
    .option("-n, --limit <count>", `how many (1 to ${MAX_PAGE})`, countUpTo(MAX_PAGE), PAGE)
    .option("--cursor <cursor>", "go on where the page before ended")
    .action(async (options) => finish(await (await import("./commands/schedules.ts")).listSchedulesCommand(options)));
  withConnection(schedule.command("get"))
    .description("print a schedule as JSON")
    .argument("<path>")
    .action(async (path, options) => finish(await (await import("./commands/schedules.ts")).getScheduleCommand(path, options)));
  withConnection(schedule.command("next"))
    .description("the next ticks of a schedule, or of a pattern that is none yet")
    .argument("<path-or-pattern>", 'such as f/billing/nightly or "0 30 7 * * 1-5"')
    .option("--timezone <zone>", "of a pattern; default UTC")
    .option("-n, --count <count>", `how many (1 to ${MAX_TICKS})`, countUpTo(MAX_TICKS), TICKS)
    .action(async (what, options) => finish(await (await import("./commands/schedules.ts")).nextTicksCommand(what, options)));
  withConnection(schedule.command("runs"))
    .description("what became of the ticks of a schedule, newest first")
    .argument("<path>")
    .option("-n, --limit <count>", `how many (1 to ${MAX_PAGE})`, countUpTo(MAX_PAGE), RUNS)
    .option("--cursor <cursor>", "go on where the page before ended")
    .action(async (path, options) => finish(await (await import("./commands/schedules.ts")).scheduleRunsCommand(path, options)));
}

function countUpTo(most: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < 1 || value > most) throw new InvalidArgumentError(`It is a whole number from 1 to ${most}.`);
    return value;
  };
}
