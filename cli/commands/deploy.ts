import { connect } from "../connect.ts";
import { type DeployedFile, deployFiles } from "../deploy.ts";
import { followLocks, type LockedFile, type LockFollower } from "../deploy-locks.ts";
import { planDeploy } from "../deploy-plan.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { type Ink, inkFor, print, printJson, say } from "../output.ts";
import { plainText } from "../sanitise.ts";
import type { ConnectionFlags } from "../settings.ts";

export interface DeployOptions extends ConnectionFlags {
  readonly prefix?: string;
  readonly json?: boolean;
  /** Commander's `--no-wait` makes it false. */
  readonly wait?: boolean;
}

/** `millrace deploy`: makes the scripts and flows of a folder known. Versions are immutable; nothing is ever removed. */
export async function deployCommand(folder: string, options: DeployOptions): Promise<ExitCode> {
  const planned = planDeploy(folder, options.prefix);
  const ink = inkFor(process.stdout);
  const client = connect(options);
  const files = await deployFiles(client, planned, (file) => {
    if (options.json !== true) print(deployLine(file, ink));
  });
  const locks = options.wait === false ? [] : await followLocks(client, files, lockReporter(ink, options.json === true));
  const failedLocks = locks.filter((lock) => lock.state === "failed").length;
  const count = (status: DeployedFile["status"]): number => files.filter((file) => file.status === status).length;
  const summary = { created: count("created"), unchanged: count("unchanged"), skipped: count("skipped"), failed: count("failed") };
  if (options.json === true) printJson({ ...summary, files, locks: locks.map(({ file, ...lock }) => ({ file: file.file, ...lock })) });
  const locked = failedLocks === 0 ? "" : `, dependencies of ${failedLocks} not found`;
  say(`${summary.created} created, ${summary.unchanged} unchanged, ${summary.skipped} skipped, ${summary.failed} failed${locked}`);
  return summary.failed + failedLocks > 0 ? EXIT.runFailed : EXIT.ok;
}

const LOOK_EVERY_MS = 300;

/** On a terminal a line that changes says how many are left; elsewhere there are only the lines about ends. */
function lockReporter(ink: Ink, isJson: boolean): LockFollower {
  const clear = (): void => {
    if (process.stderr.isTTY) process.stderr.write("\r\u001b[K");
  };
  return {
    onEnd(file) {
      clear();
      if (!isJson) print(lockLine(file, ink));
    },
    onProgress(left) {
      clear();
      if (process.stderr.isTTY && left > 0) process.stderr.write(`finding the dependencies of ${left} ${left === 1 ? "script" : "scripts"} …`);
    },
    pause: () => new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS)),
  };
}

/** One line about the dependencies of a file. */
export function lockLine({ file, state, job, reason }: LockedFile, ink: Ink): string {
  const name = plainText(file.path ?? file.file);
  const from = job === undefined ? "" : ` ${ink.dim(`job ${plainText(job)}`)}`;
  if (state === "ready") return `${ink.green("locked   ")}  ${name}${from}`;
  if (state === "failed") return `${ink.red("not locked")} ${name}: ${plainText(reason ?? "")}${from}`;
  return ink.dim(`not locked ${name}: ${plainText(reason ?? "")}; its runs find their dependencies themselves until then`);
}

/** One line about a file. */
export function deployLine(file: DeployedFile, ink: Ink): string {
  const name = plainText(file.file);
  switch (file.status) {
    case "created":
      return `${ink.green("created  ")}  ${plainText(file.path ?? name)} ${ink.dim((file.hash ?? "").slice(0, 12))}${ignoredPart(file, ink)}`;
    case "unchanged":
      return `unchanged  ${plainText(file.path ?? name)} ${ink.dim((file.hash ?? "").slice(0, 12))}${ignoredPart(file, ink)}`;
    case "skipped":
      return ink.dim(`skipped    ${name} (${file.reason ?? ""})`);
    case "failed":
      return `${ink.red("failed   ")}  ${name}:${failure(file)}${file.hint === undefined ? "" : ` (${plainText(file.hint)})`}`;
    default:
      return name;
  }
}

/** All that is wrong with a flow, one thing a line. */
function failure({ problems, reason = "" }: DeployedFile): string {
  return problems === undefined ? ` ${plainText(reason)}` : problems.map((problem) => `\n             ${plainText(problem)}`).join("");
}

/** `--json` lists all of them. */
const MAX_IGNORED = 5;

function ignoredPart({ ignored }: DeployedFile, ink: Ink): string {
  if (ignored === undefined) return "";
  const more = ignored.length > MAX_IGNORED ? ` and ${ignored.length - MAX_IGNORED} more` : "";
  return ink.dim(` (changes nothing: ${ignored.slice(0, MAX_IGNORED).map(plainText).join(", ")}${more})`);
}
