import { existsSync, mkdirSync, readdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { AppError } from "../../kernel/app-error.ts";
import { type Comparison, compareSides } from "./compare.ts";
import type { ItemKey } from "./item.ts";
import type { AskApi } from "./kinds/kind.ts";
import { type LocalFolder, readLocalOrNone } from "./local.ts";
import { NameBook } from "./names.ts";
import { contentOf, readRemote } from "./remote.ts";
import { type Known, readState, writeState } from "./state.ts";
import { applyFiles, dropSettings, type FileChange, newFiles, replacedFiles, writePrefix } from "./write-files.ts";

export interface PullPlan {
  readonly local: LocalFolder;
  /** The folder was not there, or had nothing in it. */
  readonly isNew: boolean;
  readonly known: ReadonlyMap<ItemKey, Known>;
  readonly same: readonly Comparison[];
  readonly write: readonly Comparison[];
  /** In the folder, and not in the workspace any more. */
  readonly remove: readonly Comparison[];
  /** Changed here alone. */
  readonly kept: readonly Comparison[];
  /** Changed on both sides. */
  readonly conflicts: readonly Comparison[];
}

export interface PullRequest {
  readonly folder: string;
  readonly prefix: string | undefined;
  /** Which server and workspace. */
  readonly target: string;
  /** What has changed here is given up. */
  readonly force: boolean;
}

/** Finds out what a pull would change; changes nothing. */
export async function planPull(ask: AskApi, { folder, prefix, target, force }: PullRequest): Promise<PullPlan> {
  const root = resolve(folder);
  const isNew = !existsSync(root) || readdirSync(root).every((name) => name.startsWith("."));
  const local = readLocalOrNone(root, prefix, isNew);
  const known = readState(root, target) ?? new Map<ItemKey, Known>();
  const compared = compareSides(local.items, await readRemote(ask, local.base, known), known);
  const isTaken = ({ standing, remote }: Comparison): boolean =>
    standing === "theirs" || (force && standing !== "same" && (remote !== undefined || standing === "both"));
  const taken = compared.filter(isTaken);
  const others = compared.filter((one) => !isTaken(one));
  return {
    local,
    isNew,
    known,
    same: others.filter(({ standing }) => standing === "same"),
    write: taken.filter(({ remote }) => remote !== undefined),
    remove: taken.filter(({ remote }) => remote === undefined),
    kept: others.filter(({ standing }) => standing === "ours"),
    conflicts: others.filter(({ standing }) => standing === "both"),
  };
}

/**
 * Writes what a pull brings. Nothing is written when it would replace a file that is no item.
 * @param remove whether what the workspace does not have any more goes away here, too
 * Errors: failed_precondition with the file that is in the way.
 */
export async function applyPull(ask: AskApi, plan: PullPlan, target: string, remove: boolean): Promise<void> {
  const { local, isNew } = plan;
  const changes = await fileChanges(ask, plan);
  mkdirSync(local.root, { recursive: true });
  if (isNew && !existsSync(join(local.root, "millrace.json"))) writePrefix(local.root, local.base);
  const removed = remove ? plan.remove : [];
  for (const change of changes) applyFiles(local.root, change);
  for (const { local: gone } of removed) applyFiles(local.root, { write: new Map(), remove: gone?.sources ?? [] });
  const rewritten = [...plan.write, ...removed].flatMap((one) => (one.kind === "script" ? (one.local?.sources.slice(0, 1) ?? []) : []));
  dropSettings(local.root, rewritten);
  const known = new Map(plan.known);
  // What is on neither side any more is forgotten.
  const seen = new Set([...plan.same, ...plan.write, ...plan.remove, ...plan.kept, ...plan.conflicts].map(({ key }) => key));
  for (const key of known.keys()) if (!seen.has(key)) known.delete(key);
  for (const { key } of removed) known.delete(key);
  for (const { key, remote } of [...plan.same, ...plan.write]) if (remote !== undefined) known.set(key, { etag: remote.etag, print: remote.print });
  writeState(local.root, target, known);
}

async function fileChanges(ask: AskApi, { local, write, remove }: PullPlan): Promise<FileChange[]> {
  const present = [...local.items.values()].flatMap(({ sources }) => sources);
  const names = new NameBook([...present, ...local.problems.keys()]);
  const changes: FileChange[] = [];
  for (const { path, remote, local: before, kind } of write) {
    if (remote === undefined) continue;
    const item = await contentOf(ask, remote);
    if (before !== undefined) {
      changes.push(replacedFiles(before, item));
      continue;
    }
    const below = local.base === "" || kind === "resource-type" ? path : path.slice(local.base.length + 1);
    const suffixes = item.files.map(({ suffix }) => suffix);
    const stem = names.stem(below, suffixes);
    if (stem === undefined) throw new AppError("invalid_argument", `the name of ${kind} ${path} is too long for a file`, { hint: "move it to a shorter path" });
    changes.push(newFiles(stem, item));
  }
  const owned = new Set([...write, ...remove].flatMap((one) => one.local?.sources ?? []));
  for (const { write: files } of changes)
    for (const file of files.keys())
      if (!owned.has(file) && existsSync(join(local.root, file)))
        throw new AppError("failed_precondition", `"${file}" is in the way: it is no item of this folder, and would be overwritten`, {
          hint: local.problems.get(file) ?? "move it away",
        });
  return changes;
}
