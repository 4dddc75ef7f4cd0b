import { resolve } from "node:path";
import { AppError } from "../../kernel/app-error.ts";
import type { ApiClient } from "../api-client.ts";
import { confirmRemoval } from "../confirm.ts";
import { connect } from "../connect.ts";
import { type DeployedFile, deployFiles } from "../deploy.ts";
import { deployLine, lockLine } from "../deploy-lines.ts";
import { followLocks, type LockFollower } from "../deploy-locks.ts";
import { type PlannedFile, planDeploy, readPlanSettings } from "../deploy-plan.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { type Ink, inkFor, print, printJson, say } from "../output.ts";
import type { ConnectionFlags } from "../settings.ts";
import { diffOf } from "../sync/compare.ts";
import { localItems } from "../sync/local.ts";
import { planSend, type SendPlan } from "../sync/send.ts";
import { sendPlanned } from "../sync/send-planned.ts";
import { printDiff } from "../sync/show-diff.ts";
import { readState, targetOf } from "../sync/state.ts";
import { conflictText, nameOf } from "./pull.ts";

export interface DeployOptions extends ConnectionFlags {
  readonly prefix?: string;
  readonly dryRun?: boolean;
  readonly prune?: boolean;
  readonly yes?: boolean;
  readonly force?: boolean;
  readonly json?: boolean;
  /** Commander's `--no-wait` makes it false. */
  readonly wait?: boolean;
}

/**
 * `millrace deploy`: makes what is in a folder known. Of a folder that was pulled only what has changed there is sent, and nothing that somebody else
 * has changed meanwhile is overwritten.
 */
export async function deployCommand(folder: string, options: DeployOptions): Promise<ExitCode> {
  const planned = planDeploy(folder, options.prefix);
  const client = connect(options);
  const known = readState(resolve(folder), targetOf(client.settings));
  const force = options.force === true;
  if (options.prune === true && known === undefined && !force)
    throw new AppError("invalid_argument", "this folder was never pulled: it is not known what was deleted in it", {
      hint: "pull first; or --force: then all goes away that the workspace has here and the folder does not",
    });
  const onFile = (file: DeployedFile): void => {
    if (options.json !== true) print(deployLine(file, inkFor(process.stdout)));
  };
  if (known === undefined && options.dryRun !== true && options.prune !== true) return finish(client, await deployFiles(client, planned, onFile), options);
  const { base } = readPlanSettings(folder, options.prefix);
  const plan = await planSend(client.ask, { items: localItems(planned).items, base, known, force });
  const removes = options.prune === true ? plan.remove : [];
  const isRefused = plan.conflicts.length > 0;
  if (isRefused || options.dryRun === true) return await show(client, planned, plan, removes, options);
  if (removes.length > 0)
    await confirmRemoval(
      "the folder does not have these any more; scripts and flows are archived, the others deleted",
      removes.map(nameOf),
      options.yes === true,
    );
  const others = planned.flatMap((one): DeployedFile[] => {
    if (one.kind === "problem") return [{ file: one.file, status: "failed", reason: one.problem }];
    return one.kind === "skip" ? [{ file: one.file, status: "skipped", reason: one.why }] : [];
  });
  others.filter(({ status }) => status === "failed").forEach(onFile);
  const target = { root: resolve(folder), target: targetOf(client.settings), known };
  const sent = await sendPlanned(client.ask, { ...plan, remove: removes }, target, onFile);
  if (options.json !== true) for (const one of plan.newer) say(`newer in the workspace: ${nameOf(one)} (millrace pull brings it)`);
  const left = options.prune === true ? [] : plan.remove;
  if (options.json !== true) for (const one of left) say(`deleted here, and still in the workspace: ${nameOf(one)} (--prune removes it)`);
  return finish(client, [...sent, ...others], options, plan.same.length);
}

/** What would be, and nothing else. */
async function show(
  client: ApiClient,
  planned: readonly PlannedFile[],
  plan: SendPlan,
  removes: SendPlan["remove"],
  options: DeployOptions,
): Promise<ExitCode> {
  const isRefused = plan.conflicts.length > 0;
  const problems = planned.flatMap((one) => (one.kind === "problem" ? [{ file: one.file, reason: one.problem }] : []));
  const diffs: string[] = [];
  for (const one of isRefused ? plan.conflicts : [...plan.send, ...removes]) diffs.push(await diffOf(client.ask, one, "workspace"));
  const names = (list: SendPlan["send"]): object[] => list.map(({ kind, path }) => ({ kind, path }));
  if (options.json === true)
    printJson({
      send: names(plan.send),
      delete: names(removes),
      newer: names(plan.newer),
      conflicts: names(plan.conflicts),
      unchanged: plan.same.length,
      problems,
      diff: diffs.join(""),
    });
  else for (const diff of diffs) printDiff(diff);
  for (const { file, reason } of problems) say(deployLine({ file, status: "failed", reason }, inkFor(process.stderr)));
  const { send, same } = plan;
  if (isRefused) say(conflictText(plan.conflicts, "millrace pull brings what others changed; --force overwrites it"));
  else say(`nothing was changed: ${send.length} to send, ${removes.length} to delete, ${same.length} unchanged, ${problems.length} not readable`);
  if (isRefused) return EXIT.conflict;
  return problems.length > 0 ? EXIT.runFailed : EXIT.ok;
}

/** Waits for locks, and says how it went. @param same items that did not need to be sent */
async function finish(client: ApiClient, files: readonly DeployedFile[], options: DeployOptions, same = 0): Promise<ExitCode> {
  const ink = inkFor(process.stdout);
  const locks = options.wait === false ? [] : await followLocks(client, files, lockReporter(ink, options.json === true));
  const failedLocks = locks.filter((lock) => lock.state === "failed").length;
  const count = (status: DeployedFile["status"]): number => files.filter((file) => file.status === status).length;
  const summary = { created: count("created"), unchanged: count("unchanged") + same, skipped: count("skipped"), failed: count("failed") };
  const rare = { changed: count("changed"), deleted: count("deleted"), conflicts: count("conflict") };
  const more = Object.fromEntries(Object.entries(rare).filter(([, number]) => number > 0));
  if (options.json === true) printJson({ ...summary, ...more, files, locks: locks.map(({ file, ...lock }) => ({ file: file.file, ...lock })) });
  const locked = failedLocks === 0 ? "" : `, dependencies of ${failedLocks} not found`;
  const counts = Object.entries({ ...summary, ...more }).map(([name, number]) => `${number} ${name}`);
  say(`${counts.join(", ")}${locked}`);
  if (rare.conflicts > 0) return EXIT.conflict;
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
