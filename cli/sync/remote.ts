import { ITEM_KINDS, type ItemKey, type ItemKind, keyOf, type SyncItem } from "./item.ts";
import { SYNC_KINDS } from "./kinds/all-kinds.ts";
import type { AskApi } from "./kinds/kind.ts";
import type { Known } from "./state.ts";

/** An item of a workspace. */
export interface RemoteItem extends Known {
  readonly kind: ItemKind;
  readonly path: string;
  /** Undefined when it is as it was when it was last looked at. */
  readonly item: SyncItem | undefined;
}

/** Requests at a time. */
const AT_ONCE = 8;

/**
 * What a workspace has below a path. What has changed since it was last known is read, the rest is told by its ETag.
 * @param base empty: all of it
 */
export async function readRemote(ask: AskApi, base: string, known: ReadonlyMap<ItemKey, Known>): Promise<Map<ItemKey, RemoteItem>> {
  const prefix = base === "" ? "" : `${base}/`;
  const lists = await mapLimited(ITEM_KINDS, async (kind) => (await SYNC_KINDS[kind].list(ask, prefix)).map((outline) => ({ kind, ...outline })));
  const items = await mapLimited(lists.flat(), async ({ kind, path, etag }): Promise<RemoteItem> => {
    const before = known.get(keyOf({ kind, path }));
    if (before?.etag === etag) return { kind, path, item: undefined, ...before };
    const read = await SYNC_KINDS[kind].get(ask, path);
    return { kind, path, etag: read.etag, print: read.item.print, item: read.item };
  });
  return new Map(items.map((item) => [keyOf(item), item]));
}

/** The item itself. */
export async function contentOf(ask: AskApi, remote: RemoteItem): Promise<SyncItem> {
  return remote.item ?? (await SYNC_KINDS[remote.kind].get(ask, remote.path)).item;
}

/** Maps with a bounded number of calls at a time; the order stays. */
async function mapLimited<In, Out>(values: readonly In[], map: (value: In) => Promise<Out>): Promise<Out[]> {
  const results: Out[] = [];
  let next = 0;
  const work = async (): Promise<void> => {
    for (let at = next++; at < values.length; at = next++) {
      const value = values[at];
      if (value !== undefined) results[at] = await map(value);
    }
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, values.length) }, work));
  return results;
}
