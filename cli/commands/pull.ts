import { confirmRemoval } from "../confirm.ts";
import { connect } from "../connect.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { type Ink, inkFor, print, printJson, say } from "../output.ts";
import { plainText } from "../sanitise.ts";
import type { ConnectionFlags } from "../settings.ts";
import { type Comparison, diffOf } from "../sync/compare.ts";
import type { AskApi } from "../sync/kinds/kind.ts";
import { applyPull, type PullPlan, planPull } from "../sync/pull.ts";
import { printDiff } from "../sync/show-diff.ts";
import { targetOf } from "../sync/state.ts";

export interface PullOptions extends ConnectionFlags {
  readonly prefix?: string;
  readonly dryRun?: boolean;
  readonly prune?: boolean;
  readonly yes?: boolean;
  readonly force?: boolean;
  readonly json?: boolean;
}

/** `millrace pull`: writes what a workspace has into a folder, and leaves alone what was changed there. */
export async function pullCommand(folder: string, options: PullOptions): Promise<ExitCode> {
  const { ask, settings } = connect(options);
  const target = targetOf(settings);
  const plan = await planPull(ask, { folder, prefix: options.prefix, target, force: options.force === true });
  const removes = options.prune === true ? plan.remove : [];
  if (plan.conflicts.length > 0 || options.dryRun === true) return await show(ask, plan, removes, options);
  if (removes.length > 0)
    await confirmRemoval("the workspace does not have these any more; they go away in the folder", removes.map(nameOf), options.yes === true);
  await applyPull(ask, plan, target, options.prune === true);
  const ink = inkFor(process.stdout);
  if (options.json === true) printJson(report(plan, removes));
  else for (const line of lines(plan, removes, ink)) print(line);
  say(summary(plan, removes));
  return EXIT.ok;
}

/** What would be, and nothing else. */
async function show(ask: AskApi, plan: PullPlan, removes: readonly Comparison[], options: PullOptions): Promise<ExitCode> {
  const isConflict = plan.conflicts.length > 0;
  const shown = isConflict ? plan.conflicts : [...plan.write, ...removes];
  const diffs: string[] = [];
  for (const one of shown) diffs.push(await diffOf(ask, one, "folder"));
  if (options.json === true) printJson({ ...report(plan, removes), diff: diffs.join("") });
  else for (const diff of diffs) printDiff(diff);
  say(
    isConflict
      ? conflictText(plan.conflicts, "millrace pull --force gives up what was changed in the folder")
      : `nothing was changed: ${summary(plan, removes)}`,
  );
  return isConflict ? EXIT.conflict : EXIT.ok;
}

export function conflictText(conflicts: readonly Comparison[], way: string): string {
  const ink = inkFor(process.stderr);
  const names = conflicts.map((one) => `  ${plainText(nameOf(one))}`).join("\n");
  return `${ink.red("conflict:")} changed in the folder and in the workspace, each differently; nothing was changed\n${names}\n  ${ink.cyan("hint:")} ${way}`;
}

export function nameOf({ kind, path }: Pick<Comparison, "kind" | "path">): string {
  return `${kind} ${path}`;
}

function lines(plan: PullPlan, removes: readonly Comparison[], ink: Ink): string[] {
  const gone = plan.remove.filter((one) => !removes.includes(one));
  return [
    ...plan.write.map((one) => `${ink.green("written")}    ${nameOf(one)}`),
    ...removes.map((one) => `${ink.red("deleted")}    ${nameOf(one)}`),
    ...gone.map((one) => ink.dim(`gone       ${nameOf(one)} (not in the workspace any more; --prune deletes it here)`)),
    ...plan.kept.map((one) => ink.dim(`kept       ${nameOf(one)} (${one.local === undefined ? "deleted" : "changed"} here)`)),
    ...[...plan.local.problems].map(([file, problem]) => ink.dim(`unread     ${plainText(file)}: ${plainText(problem)}`)),
  ];
}

function report(plan: PullPlan, removes: readonly Comparison[]): object {
  const names = (list: readonly Comparison[]): object[] => list.map(({ kind, path }) => ({ kind, path }));
  return {
    written: names(plan.write),
    deleted: names(removes),
    gone: names(plan.remove.filter((one) => !removes.includes(one))),
    kept: names(plan.kept),
    conflicts: names(plan.conflicts),
    unchanged: plan.same.length,
  };
}

function summary(plan: PullPlan, removes: readonly Comparison[]): string {
  return `${plan.write.length} written, ${removes.length} deleted, ${plan.kept.length} changed here, ${plan.same.length} unchanged`;
}
