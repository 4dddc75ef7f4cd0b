import { AppError } from "../../../kernel/app-error.ts";
import type { JobId } from "../../../kernel/ids.ts";
import type { Json } from "../../../kernel/json.ts";
import type { JobRef } from "../../jobs/model.ts";
import type { Place, ValueRef } from "../core/model.ts";
import { moduleAt } from "../core/place.ts";
import type { FlowDefinition } from "../model.ts";
import { decodeRef, parseList } from "./flow-codec.ts";
import type { FlowRunStore } from "./flow-run-store.ts";
import { ValueCache } from "./value-cache.ts";

/** Values of lists are read so many at a time. */
const PAGE = 500;

/** The run whose references are to be made values of. */
export interface ValueOwner {
  readonly job: JobRef;
  readonly definition: FlowDefinition;
}

/** One item of the list that a loop goes through. */
export interface IterItem {
  /** The flow job with which the list is stored. */
  readonly run: JobId;
  readonly place: Place;
  readonly index: number;
}

/**
 * Makes values of references: results of jobs from history, lists from their items. What was used last is at hand, so that most steps begin in
 * the transaction in which the one before them ends; everything else has to be loaded first.
 */
export class Values {
  readonly #store: FlowRunStore;
  readonly #cache: ValueCache;
  readonly #maxListBytes: number;

  /** @param maxListBytes of the text of an assembled list */
  constructor(store: FlowRunStore, cacheBytes: number, maxListBytes: number) {
    this.#store = store;
    this.#cache = new ValueCache(cacheBytes);
    this.#maxListBytes = maxListBytes;
  }

  get bytes(): number {
    return this.#cache.bytes;
  }

  /** The result of a job that is about to be committed. */
  keep(job: JobId, resultJson: string): void {
    this.#cache.keep(job, resultJson);
  }

  /** JSON text as its job wrote it; undefined: it has to be loaded. */
  text(owner: ValueOwner, ref: ValueRef): string | undefined {
    return fixed(owner, ref) ?? this.#cache.text(nameOf(owner, ref));
  }

  json(owner: ValueOwner, ref: ValueRef): { readonly value: Json } | undefined {
    if (ref.kind === "mock") return { value: mocked(owner, ref) };
    const text = fixed(owner, ref);
    // Small ones: reading them anew is cheap.
    return text === undefined ? this.#cache.json(nameOf(owner, ref)) : { value: JSON.parse(text) };
  }

  /** The inputs of a run, read once and not for each of its expressions: they may be large, and there may be thousands of those. */
  inputs(run: JobId, argsJson: string): Json {
    const name = `${run}/args`;
    const known = this.#cache.json(name);
    if (known !== undefined) return known.value;
    this.#cache.keep(name, argsJson);
    return this.#cache.json(name)?.value ?? null;
  }

  /** A loop that is tried again has other values. */
  valuesChanged(run: JobId, place: Place): void {
    this.#cache.drop(valuesName(run, place));
  }

  /** An item of a loop's list; undefined: it has to be loaded. */
  item(item: IterItem): { readonly value: Json } | undefined {
    const [name, first] = this.#pieces.get(listName(item))?.find(([, from, to]) => item.index >= from && item.index < to) ?? [];
    const piece = name === undefined ? undefined : this.#cache.json(name)?.value;
    return Array.isArray(piece) && first !== undefined ? { value: (piece as readonly Json[])[item.index - first] ?? null } : undefined;
  }

  /** The list of a loop is about to be committed, a piece of it. */
  keepPiece(item: IterItem, json: string, count: number): void {
    const name = `${listName(item)}/${item.index}`;
    this.#cache.keep(name, json);
    const pieces = (this.#pieces.get(listName(item)) ?? []).filter(([other]) => other !== name && this.#cache.text(other) !== undefined);
    pieces.push([name, item.index, item.index + count]);
    this.#pieces.set(listName(item), pieces);
    const [oldest] = this.#pieces.size > MAX_LISTS ? this.#pieces.keys() : [];
    if (oldest !== undefined) this.#pieces.delete(oldest);
  }

  /** Which pieces of lists are in the cache: name, first index, index after the last. */
  readonly #pieces = new Map<string, [string, number, number][]>();

  /** Puts values where `text` and `json` find them. Errors: out_of_range for a list that is too large; internal for what is not kept; those of the database */
  async load(owner: ValueOwner, refs: readonly ValueRef[]): Promise<void> {
    const jobs = refs.flatMap((ref) => (ref.kind === "job" && this.#cache.text(ref.job) === undefined ? [ref.job] : []));
    await this.#loadJobs(owner.job, jobs);
    for (const ref of refs) if (ref.kind === "list" && this.text(owner, ref) === undefined) this.#cache.keep(nameOf(owner, ref), await this.#list(owner, ref));
  }

  async loadItem(job: JobRef, item: IterItem): Promise<void> {
    if (this.item(item) !== undefined) return;
    const piece = await this.#store.piece(job.workspace, item.run, item.place, item.index);
    if (piece === undefined) throw new AppError("internal", `the list of ${item.place} is not in the database`);
    this.keepPiece({ ...item, index: piece.first }, piece.json, parseList(piece.json).length);
  }

  async #loadJobs(job: JobRef, jobs: readonly JobId[]): Promise<void> {
    if (jobs.length === 0) return;
    const ends = await this.#store.ends(job.workspace, jobs);
    for (const id of jobs) this.#cache.keep(id, resultIn(ends, id));
  }

  async #list(owner: ValueOwner, ref: Extract<ValueRef, { kind: "list" }>): Promise<string> {
    const { workspace, id } = owner.job;
    const parts: string[] = [];
    let bytes = 0;
    for (let from = 0; from < ref.count; from += PAGE) {
      const rows = await this.#store.items(workspace, ref.run ?? id, ref.place, from, Math.min(PAGE, ref.count - from));
      const refs = rows.map(({ json }) => decodeRef(json));
      const jobs = refs.flatMap((item) => (item.kind === "job" ? [item.job] : []));
      const ends = await this.#store.ends(workspace, jobs);
      for (const item of refs) {
        const text = item.kind === "job" ? (this.#cache.text(item.job) ?? resultIn(ends, item.job)) : await this.#inner(owner, item, ref.run);
        bytes += text.length;
        if (bytes > this.#maxListBytes)
          throw new AppError("out_of_range", `the results of ${ref.place} together are larger than ${this.#maxListBytes} bytes: let its steps return less`);
        parts.push(text);
      }
    }
    return `[${parts.join(",")}]`;
  }

  /** @param run that has the list around it, when it is not this one: then it has this one, too */
  async #inner(owner: ValueOwner, ref: ValueRef, run: JobId | undefined): Promise<string> {
    const own = ref.kind === "list" && ref.run === undefined && run !== undefined ? { ...ref, run } : ref;
    return fixed(owner, own) ?? (own.kind === "list" ? await this.#list(owner, own) : "null");
  }
}

const MAX_LISTS = 10_000;

/** What lives keeps its steps: a result that is not there was never waited for, or is of a run whose day has gone at this moment. */
function resultIn(ends: ReadonlyMap<JobId, { readonly resultJson: string }>, job: JobId): string {
  const end = ends.get(job);
  if (end === undefined) throw new AppError("internal", `the result of job ${job} is not in the database`);
  return end.resultJson;
}

const valuesName = (run: JobId, place: Place): string => `${run}/${place}/values`;
const listName = ({ run, place }: IterItem): string => `${run}/${place}`;

const mocked = ({ definition }: ValueOwner, { place }: Extract<ValueRef, { kind: "mock" }>): Json => moduleAt(definition, place)?.mock?.returnValue ?? null;

/** What needs nobody to be asked. */
function fixed(owner: ValueOwner, ref: ValueRef): string | undefined {
  if (ref.kind === "json") return ref.json;
  if (ref.kind === "mock") return JSON.stringify(mocked(owner, ref));
  return ref.kind === "list" && ref.count === 0 ? "[]" : undefined;
}

function nameOf(owner: ValueOwner, ref: ValueRef): string {
  if (ref.kind === "job") return ref.job;
  return ref.kind === "list" ? valuesName(ref.run ?? owner.job.id, ref.place) : "";
}
