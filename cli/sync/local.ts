import { existsSync } from "node:fs";
import { type PlannedFile, planDeploy, readPlanSettings } from "../deploy-plan.ts";
import { type ItemKey, keyOf, type SyncItem } from "./item.ts";
import { flowItem } from "./kinds/flow.ts";
import { scriptItem } from "./kinds/script.ts";

/** An item of a folder. */
export interface LocalItem {
  readonly item: SyncItem;
  /** Files that it was read from, by path from the folder; the main one first. */
  readonly sources: readonly string[];
}

export interface LocalFolder {
  readonly root: string;
  /** Where it is in the workspace; empty: the whole of it. */
  readonly base: string;
  /** In the order in which they are to be sent. */
  readonly items: ReadonlyMap<ItemKey, LocalItem>;
  /** By path from the folder: what cannot be read. */
  readonly problems: ReadonlyMap<string, string>;
}

/** Reads a folder. Errors: those of planDeploy. */
export function readLocal(folder: string, prefix: string | undefined): LocalFolder {
  const { root, base } = readPlanSettings(folder, prefix);
  return { root, base, ...localItems(planDeploy(folder, prefix)) };
}

/** As `readLocal`; a folder that is not there, or is empty, is one of the whole workspace without items unless a prefix is given. */
export function readLocalOrNone(root: string, prefix: string | undefined, isEmpty: boolean): LocalFolder {
  if (!isEmpty || existsSync(root)) return readLocal(root, prefix ?? (isEmpty ? "" : undefined));
  return { root, base: prefix ?? "", items: new Map(), problems: new Map() };
}

export function localItems(planned: readonly PlannedFile[]): Pick<LocalFolder, "items" | "problems"> {
  const items = new Map<ItemKey, LocalItem>();
  const problems = new Map<string, string>();
  for (const plan of planned) {
    if (plan.kind === "problem") problems.set(plan.file, plan.problem);
    const local = localItem(plan);
    if (local !== undefined) items.set(keyOf(local.item), local);
  }
  return { items, problems };
}

function localItem(plan: PlannedFile): LocalItem | undefined {
  switch (plan.kind) {
    case "deploy":
      return { item: scriptItem(plan.request), sources: [plan.file, ...(plan.settingsFile === undefined ? [] : [plan.settingsFile])] };
    case "flow":
      return { item: flowItem(plan.request), sources: [plan.file, ...plan.parts] };
    case "thing":
      return { item: plan.item, sources: [plan.file] };
    default:
      return undefined;
  }
}
