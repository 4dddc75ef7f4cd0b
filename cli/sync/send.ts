import { AppError } from "../../kernel/app-error.ts";
import { ApiError } from "../exit-codes.ts";
import { type Comparison, compareSides } from "./compare.ts";
import type { ItemKey } from "./item.ts";
import { SYNC_KINDS } from "./kinds/all-kinds.ts";
import type { AskApi, Sent } from "./kinds/kind.ts";
import type { LocalItem } from "./local.ts";
import { readRemote } from "./remote.ts";
import type { Known } from "./state.ts";

export interface SendPlan {
  readonly same: readonly Comparison[];
  /** In the order in which they are to be sent. */
  readonly send: readonly Comparison[];
  /** In the workspace, and not in the folder any more. */
  readonly remove: readonly Comparison[];
  /** Changed in the workspace alone. */
  readonly newer: readonly Comparison[];
  /** Changed on both sides. */
  readonly conflicts: readonly Comparison[];
}

export interface SendRequest {
  /** In the order in which they are to be sent. */
  readonly items: ReadonlyMap<ItemKey, LocalItem>;
  readonly base: string;
  /** Undefined when the folder was never pulled: then nothing counts as changed by others. */
  readonly known: ReadonlyMap<ItemKey, Known> | undefined;
  /** What others have changed is overwritten. */
  readonly force: boolean;
}

/** Finds out what a deploy would change; changes nothing. */
export async function planSend(ask: AskApi, { items, base, known, force }: SendRequest): Promise<SendPlan> {
  const before = known ?? new Map<ItemKey, Known>();
  const compared = compareSides(items, await readRemote(ask, base, before), before);
  const isUnchecked = force || known === undefined;
  const isSent = ({ standing, local }: Comparison): boolean => local !== undefined && (standing === "ours" || (isUnchecked && standing !== "same"));
  const isRemoved = ({ standing, local }: Comparison): boolean => local === undefined && (standing === "ours" || (force && standing !== "same"));
  const order = [...items.keys()];
  return {
    same: compared.filter(({ standing }) => standing === "same"),
    send: compared.filter(isSent).sort((a, b) => order.indexOf(a.key) - order.indexOf(b.key)),
    // What refers to others goes first.
    remove: compared.filter(isRemoved).reverse(),
    newer: compared.filter((one) => one.standing === "theirs" && !isSent(one) && !isRemoved(one)),
    conflicts: compared.filter((one) => one.standing === "both" && !isSent(one) && !isRemoved(one)),
  };
}

export type Outcome =
  | { readonly kind: "sent"; readonly sent: Sent }
  | { readonly kind: "removed" }
  /** The workspace has something else than what was compared, or something that stands against it. */
  | { readonly kind: "conflict"; readonly error: AppError }
  | { readonly kind: "failed"; readonly error: AppError };

/** Errors that every other item would meet as well. */
const HOPELESS: ReadonlySet<AppError["code"]> = new Set(["unavailable", "deadline_exceeded", "unauthenticated"]);

/** Sends an item, or removes it when the folder does not have it: only if the workspace still has what was compared. Errors: those that would meet every item. */
export async function sendOne(ask: AskApi, { kind, path, local, remote }: Comparison): Promise<Outcome> {
  try {
    if (local === undefined) {
      await SYNC_KINDS[kind].remove(ask, path, remote === undefined ? undefined : { etag: remote.etag });
      return { kind: "removed" };
    }
    return { kind: "sent", sent: await SYNC_KINDS[kind].put(ask, local.item, remote === undefined ? "absent" : { etag: remote.etag }) };
  } catch (error) {
    if (!(error instanceof AppError) || HOPELESS.has(error.code)) throw error;
    return { kind: error instanceof ApiError && (error.status === 412 || error.status === 409) ? "conflict" : "failed", error };
  }
}
