import { asJobId, type WorkspaceId } from "../../../kernel/ids.ts";
import type { Json } from "../../../kernel/json.ts";
import { shardOf } from "../../jobs/model.ts";
import type { Approval, Place, ScopeRefs, ValueRef } from "../core/model.ts";
import { moduleAt } from "../core/place.ts";
import { parseJson } from "../engine/flow-codec.ts";
import type { FlowRunStore } from "../engine/flow-run-store.ts";
import { type ValueOwner, Values } from "../engine/values.ts";
import type { EarlierRun } from "./earlier-runs.ts";

/** What stands before a step: a result that stays where it is, or a value. */
export type Known = { readonly kind: "ref"; readonly ref: ValueRef } | { readonly kind: "value"; readonly value: Json };

/** What a step of an earlier run saw. */
export interface EarlierScope {
  /** By id. */
  readonly results: ReadonlyMap<string, Known>;
  readonly previous: Known | undefined;
  /** The id whose result it is. */
  readonly previousId: string | undefined;
  readonly approvals: readonly Approval[];
  /** What a preprocessor made of the inputs. */
  readonly inputs: Json | undefined;
  /** Of the innermost loop. */
  readonly iter: { readonly index: number; readonly value: Json } | undefined;
}

const CACHE_BYTES = 16 * 1024 * 1024;

/**
 * Most of it stays where it is: only what a document of the earlier run says, and the item of a loop, are read. Errors: those of the database;
 * out_of_range for a list that is too large to be put together.
 */
export async function readEarlierScope(
  store: FlowRunStore,
  workspace: WorkspaceId,
  { record, flow }: EarlierRun,
  refs: ScopeRefs,
  maxListBytes: number,
): Promise<EarlierScope> {
  const values = new Values(store, CACHE_BYTES, maxListBytes);
  const owner: ValueOwner = { job: { id: record.id, workspace, shard: shardOf(workspace) }, definition: flow.definition };
  const read = async (ref: ValueRef): Promise<Json> => {
    await values.load(owner, [ref]);
    return parseJson(values.text(owner, ref) ?? "null");
  };
  const known = async (ref: ValueRef): Promise<Known> => (isMocked(owner, ref) ? { kind: "value", value: await read(ref) } : { kind: "ref", ref });
  const results = new Map<string, Known>();
  for (const [id, ref] of refs.results) results.set(id, await known(ref));
  const { previous, iterations, approvals, inputs } = refs;
  const previousId = [...refs.results].findLast(([, ref]) => JSON.stringify(ref) === JSON.stringify(previous))?.[0];
  const iteration = iterations.at(-1);
  return {
    results,
    previous: previous === undefined ? undefined : await known(previous),
    previousId,
    approvals,
    inputs: inputs === undefined ? undefined : await read(inputs),
    iter: iteration === undefined ? undefined : { index: iteration.index, value: await itemOf(values, owner, iteration) },
  };
}

async function itemOf(values: Values, { job }: ValueOwner, { run, place, index, hasList }: ScopeRefs["iterations"][number]): Promise<Json> {
  if (!hasList) return index;
  const item = { run: run ?? asJobId(job.id), place, index };
  await values.loadItem(job, item);
  return values.item(item)?.value ?? null;
}

/** What a mock gives is in the document of the run, and nowhere else. */
function isMocked({ definition }: ValueOwner, ref: ValueRef): boolean {
  if (ref.kind === "mock") return true;
  return ref.kind === "list" && hasMock(definition, ref.place);
}

function hasMock(definition: ValueOwner["definition"], place: Place): boolean {
  return JSON.stringify(moduleAt(definition, place) ?? null).includes('"mock":');
}
