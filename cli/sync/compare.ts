import { unifiedDiff } from "./diff.ts";
import { ITEM_KINDS, type ItemKey, type ItemKind, type SyncItem } from "./item.ts";
import type { AskApi } from "./kinds/kind.ts";
import type { LocalItem } from "./local.ts";
import { contentOf, type RemoteItem } from "./remote.ts";
import type { Known } from "./state.ts";
import { type Standing, standingOf } from "./three-way.ts";

/** One item and how it stands. */
export interface Comparison {
  readonly key: ItemKey;
  readonly kind: ItemKind;
  readonly path: string;
  readonly standing: Standing;
  readonly local: LocalItem | undefined;
  readonly remote: RemoteItem | undefined;
}

/** All items that are on any side, in the order of their kinds and paths. */
export function compareSides(
  local: ReadonlyMap<ItemKey, LocalItem>,
  remote: ReadonlyMap<ItemKey, RemoteItem>,
  known: ReadonlyMap<ItemKey, Known>,
): Comparison[] {
  return [...new Set([...local.keys(), ...remote.keys()])]
    .map((key): Comparison => {
      const [ours, theirs] = [local.get(key), remote.get(key)];
      const standing = standingOf(known.get(key)?.print, ours?.item.print, theirs?.print);
      const { kind, path } = ours?.item ?? theirs ?? { kind: "script", path: key };
      return { key, kind, path, standing, local: ours, remote: theirs };
    })
    .sort((a, b) => ITEM_KINDS.indexOf(a.kind) - ITEM_KINDS.indexOf(b.kind) || (a.path < b.path ? -1 : 1));
}

/** How the item would change, as a unified diff of its files. @param to the side that would change */
export async function diffOf(ask: AskApi, { local, remote }: Comparison, to: "workspace" | "folder"): Promise<string> {
  const theirs = remote === undefined ? undefined : await contentOf(ask, remote);
  return to === "workspace" ? diffItems(theirs, local?.item, ["workspace", "folder"]) : diffItems(local?.item, theirs, ["folder", "workspace"]);
}

function diffItems(before: SyncItem | undefined, after: SyncItem | undefined, [from, to]: readonly [string, string]): string {
  const suffixes = [...new Set([...(before?.files ?? []), ...(after?.files ?? [])].map(({ suffix }) => suffix))];
  return suffixes
    .map((suffix) => {
      const name = `${before?.path ?? after?.path ?? ""}${suffix}`;
      return unifiedDiff(textOf(before, suffix), textOf(after, suffix), [`${from}/${name}`, `${to}/${name}`]);
    })
    .join("");
}

function textOf(item: SyncItem | undefined, suffix: string): string | undefined {
  return item?.files.find((file) => file.suffix === suffix)?.text;
}
