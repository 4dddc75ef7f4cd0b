import type { ItemKind, SyncItem } from "../item.ts";

/** What a request is sent by: the REST API below a workspace. The answer is JSON text, so that numbers keep their digits. */
export type AskApi = (method: string, path: string, body?: string, headers?: Readonly<Record<string, string>>) => Promise<string>;

/** An item of a workspace by name alone. */
export interface RemoteOutline {
  readonly path: string;
  /** As it goes into If-Match; it changes with the item. */
  readonly etag: string;
}

/** Under what condition the workspace is changed. `absent`: there must be nothing; undefined: it does not matter. */
export type Expected = { readonly etag: string } | "absent" | undefined;

export interface Sent {
  readonly created: boolean;
  /** As JSON gives it back: its hash, the state of its lock and so on. */
  readonly answer: Readonly<Record<string, unknown>>;
  readonly etag: string;
}

/** How one kind of item is asked for and sent. A new kind is one file like this and an entry in `all-kinds.ts`. */
export interface SyncKind {
  readonly kind: ItemKind;
  /** What there is, whose path begins with the prefix. */
  list(ask: AskApi, prefix: string): Promise<RemoteOutline[]>;
  get(ask: AskApi, path: string): Promise<{ readonly item: SyncItem; readonly etag: string }>;
  put(ask: AskApi, item: Pick<SyncItem, "path" | "body">, expected: Expected): Promise<Sent>;
  /** Scripts and flows are archived. */
  remove(ask: AskApi, path: string, expected: Expected): Promise<void>;
}

export function conditionOf(expected: Expected): Record<string, string> {
  if (expected === undefined) return {};
  return expected === "absent" ? { "if-none-match": "*" } : { "if-match": expected.etag };
}
