import { createHash } from "node:crypto";

/** In the order in which a deploy sends them: what is referred to first. */
export const ITEM_KINDS = ["resource-type", "variable", "resource", "script", "flow", "schedule"] as const;
export type ItemKind = (typeof ITEM_KINDS)[number];

/** A file of an item. Its name is that of the item and the suffix. */
export interface ItemFile {
  readonly suffix: string;
  readonly text: string;
}

/** One thing that a folder and a workspace may both have, as both would say it. */
export interface SyncItem {
  readonly kind: ItemKind;
  /** Of a resource type: its name. */
  readonly path: string;
  /** What a deploy sends, as JSON text. */
  readonly body: string;
  /** Equal for two items that mean the same, however their files are laid out. */
  readonly print: string;
  /** How it is written to an empty folder, the main file first. Differences are shown by these texts. */
  readonly files: readonly ItemFile[];
}

export type ItemKey = string;

export function keyOf({ kind, path }: Pick<SyncItem, "kind" | "path">): ItemKey {
  return `${kind} ${path}`;
}

/** Makes an item of what a deploy sends. Members that are undefined do not count. */
export function makeItem(kind: ItemKind, path: string, body: Readonly<Record<string, unknown>>, files: readonly ItemFile[]): SyncItem {
  return { kind, path, body: JSON.stringify(body), print: createHash("sha256").update(canonical(body)).digest("hex"), files };
}

/** JSON with sorted members and no blanks. Numbers keep the digits that they came with. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  // A number that is kept with all of its digits is an object, too.
  if (typeof value !== "object" || value === null || Object.getPrototypeOf(value) === null) return JSON.stringify(value) ?? "null";
  const members = Object.entries(value).filter(([, member]) => member !== undefined);
  return `{${members
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, member]) => `${JSON.stringify(name)}:${canonical(member)}`)
    .join(",")}}`;
}
