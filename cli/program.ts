import { Command, InvalidArgumentError, Option } from "commander";
import type { JobStatus } from "../control-plane/jobs/contract.ts";
import { VERSION } from "../kernel/protocol.ts";
import { addAccountCommands } from "./account-commands.ts";
import { addAdminCommands } from "./admin-commands.ts";
import { addAgentCommands } from "./agent-commands.ts";
import { addAuditCommands } from "./audit-commands.ts";
import { addCompletionCommand } from "./completion-command.ts";
import { addDraftCommands } from "./draft-commands.ts";
import type { ExitCode } from "./exit-codes.ts";
import { addFlowCommands } from "./flow-commands.ts";
import { addScheduleCommands } from "./schedule-commands.ts";
import { addSyncCommands } from "./sync-commands.ts";
import { addThingCommands } from "./thing-commands.ts";
import { addTriggerCommands } from "./trigger-commands.ts";
import { addVersionCommands } from "./version-commands.ts";

const STATUSES = ["queued", "running", "succeeded", "failed", "cancelled"] as const satisfies readonly JobStatus[];
const MAX_PAGE = 200;
const PAGE = 30;

const EXIT_CODES = `
Exit codes: 0 ok · 1 the run failed · 2 wrong usage or input · 3 not found · 4 conflict · 5 not allowed · 6 limit reached
            7 server unavailable · 8 the run was cancelled · 9 sandbox or runtime missing · 130 interrupted
Settings:   MILLRACE_URL, MILLRACE_TOKEN, MILLRACE_WORKSPACE; without them the server of this checkout, or the one that you logged in to last.`;

/**
 * The command line. Each command's code is loaded when it runs, so that help and short commands start fast.
 * @param finish takes the exit code of the command
 */
export function buildProgram(finish: (code: ExitCode) => void): Command {
  const program = new Command("millrace")
    .description("Run jobs and workflows on your own machines.")
    .version(VERSION, "-V, --version")
    .showHelpAfterError("(--help lists what there is)")
    .addHelpText("after", EXIT_CODES)
    // Before the first command: they inherit it. The caller turns it into exit codes.
    .exitOverride();
  addServers(program, finish);
  addRuns(program, finish);
  addSyncCommands(program, finish, withConnection);
  addJobs(program, finish);
  addVersionCommands(program, finish, withConnection);
  addDraftCommands(program, finish, withConnection);
  addFlowCommands(program, finish, withConnection);
  addAgentCommands(program, finish, withConnection);
  addThingCommands(program, finish, withConnection);
  addAuditCommands(program, finish, withConnection);
  addAdminCommands(program, finish, withConnection);
  addTriggerCommands(program, finish, withConnection);
  addScheduleCommands(program, finish, withConnection);
  addAccountCommands(program, finish, withConnection);
  addCompletionCommand(program, finish);
  return program;
}

function addServers(program: Command, finish: (code: ExitCode) => void): void {
  program
    .command("start")
    .description("all in one, and run the examples (what `npm start` does)")
    .option("--once", "stop when the examples are through")
    .action(async (options) => finish(await (await import("./commands/start.ts")).startCommand(options)));
  program
    .command("dev")
    .description("all in one: database, control plane and one agent, until Ctrl-C")
    .action(async () => finish(await (await import("./commands/dev.ts")).devCommand()));
  program
    .command("server")
    .description("the control plane alone")
    .action(async () => finish(await (await import("./commands/server.ts")).serverCommand()));
  const agent = program
    .command("agent")
    .description("an agent alone; MILLRACE_URL and MILLRACE_AGENT_TOKEN or MILLRACE_AGENT_JOIN_TOKEN say where it belongs")
    .option("--once", "take one job and end (MILLRACE_AGENT_MAX_JOBS=1)")
    .addOption(new Option("--until-stdin-ends", "stop when the process that started this one is gone").hideHelp())
    .addHelpText(
      "after",
      "\nSettings are variables of the environment: `millrace agent settings` says which. `millrace agents` is for those that are connected.",
    )
    .action(async (options) => finish(await (await import("./commands/agent.ts")).agentCommand(options)));
  agent
    .command("settings")
    .description("what an agent may be told by its environment, and which of it is set here")
    .option("--json", "JSON on stdout and nothing else there")
    .action(async (options) => finish(await (await import("./commands/agent-settings.ts")).agentSettingsCommand(options)));
  agent
    .command("doctor")
    .description("try out how well an agent on this host can enclose jobs, which languages it has, and whether its settings work")
    .option("--json", "JSON on stdout and nothing else there")
    .option("--min-level <0-3>", "exit 0 only when the sandbox is at least this strong", wholeNumber(0, 3), 1)
    .action(async (options) => finish(await (await import("./commands/doctor.ts")).doctorCommand(options)));
}

function addRuns(program: Command, finish: (code: ExitCode) => void): void {
  withConnection(program.command("run"))
    .description("run a file or a deployed script: its output goes to stderr, its result to stdout")
    .argument("<file-or-path>", "a file such as ./my.py, or the path of a deployed script such as f/folder/name")
    .option("-d, --args <json>", "arguments as a JSON object; @file reads it from a file, @- from stdin")
    .option("-a, --arg <name=value>", "one argument; the value is JSON or text, name=@file takes a file's text (repeatable)", collect, [])
    .option("-t, --tag <tag>", "only agents with this tag take it")
    .option("--timeout <duration>", "time limit, such as 30s or 5m")
    .option("--soft-timeout <duration>", "ask it to end after this long; --timeout then kills")
    .option("--priority <0-9>", "9 goes first")
    .option("--delay <duration>", "begin after this long")
    .option("--at <moment>", "begin at this moment, such as 2026-12-24T18:00")
    .option("--retries <count>", "try again so often when it fails (0 to 99)", wholeNumber(0, 99))
    .option("--ttl <duration>", "give up when it has not begun within this time")
    .option("--idempotency-key <key>", "the same request under this key is the same job")
    .option("--no-wait", "print the id of the job and leave")
    .option("--raw", "pass everything that the job prints on to the terminal")
    .action(async (target, options) => finish(await (await import("./commands/run.ts")).runCommand(target, options)));
}

function addJobs(program: Command, finish: (code: ExitCode) => void): void {
  withConnection(program.command("jobs"))
    .description("list jobs, newest first")
    .addOption(new Option("--status <status>", "only these").choices(STATUSES))
    .option("--script <path>", "only jobs of this script")
    .option("-n, --limit <count>", `how many (1 to ${MAX_PAGE})`, wholeNumber(1, MAX_PAGE), PAGE)
    .option("--cursor <cursor>", "go on where the page before ended")
    .action(async (options) => finish(await (await import("./commands/jobs.ts")).jobsCommand(options)));
  withConnection(program.command("logs"))
    .description("show what a job printed")
    .argument("<id>", "the job: whole id, its beginning, or its last 8 characters")
    .option("-f, --follow", "go on until the job has ended; then exit as the job did")
    .option("--attempt <number>", "of this attempt; default the newest", wholeNumber(1, 99_999))
    .option("--raw", "pass everything that the job printed on to the terminal")
    .action(async (id, options) => finish(await (await import("./commands/logs.ts")).logsCommand(id, options)));
  withConnection(program.command("cancel"))
    .description("end a job early")
    .argument("<id>", "the job: whole id, its beginning, or its last 8 characters")
    .option("--reason <text>", "kept with the job")
    .action(async (id, options) => finish(await (await import("./commands/cancel.ts")).cancelCommand(id, options)));
}

/** Options of every command that talks to a server. */
function withConnection(command: Command): Command {
  return command
    .option("--url <url>", "where the server is")
    .option("-w, --workspace <name>", "the workspace")
    .option("--token-file <path>", "file that holds the token (never an argument: others could see it)")
    .option("--json", "JSON on stdout and nothing else there");
}

function collect(value: string, before: readonly string[]): string[] {
  return [...before, value];
}

function wholeNumber(low: number, high: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < low || value > high) throw new InvalidArgumentError(`It is a whole number from ${low} to ${high}.`);
    return value;
  };
}
