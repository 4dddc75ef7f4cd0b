import type { FlowChange, FlowItem, FlushOperation, JobEnd, JobRef, Write } from "../../jobs/model.ts";
import type { WaitingJob } from "../../scheduler/core/model.ts";
import type { Command, FlowEvent, ListItem } from "../core/model.ts";
import { encodeItem } from "./flow-codec.ts";
import { MOST_KEPT_BYTES } from "./kept-results.ts";

/** When something happens to a flow by itself, and whether there is anything to do before. */
export interface NextMoment {
  readonly dueAtMs: number | undefined;
  readonly awake: boolean;
}

/** What happens in one turn of a flow, on its way into one flush: all of it is written, or nothing. */
export class Transition {
  readonly events: FlowEvent[] = [];
  /** Still to be carried out. */
  commands: Command[] = [];
  /** Those that take longer: they begin when this is committed. */
  readonly later: Command[] = [];
  readonly #caused: Write[] = [];
  readonly #jobs: Write[] = [];
  readonly #items = new Map<string, FlowItem>();
  readonly #approved: string[] = [];
  readonly #kept: FlowChange[] = [];
  /** The write that makes the flow's own job run, of the first transition. */
  begin: Write | undefined;
  /** Set with the end of a run of whose steps some are to be deleted. */
  leavesUsed = false;
  end: JobEnd | undefined;
  #jobBytes = 0;

  /** What caused the turn: ends of jobs. */
  causedBy(writes: readonly Write[]): void {
    this.#caused.push(...writes);
  }

  /** A new job. */
  makes(write: Write): void {
    this.#jobs.push(write);
    const { operation } = write;
    if (operation.kind === "insert" || operation.kind === "refuse") this.#jobBytes += operation.payload.argsJson.length + (operation.payload.code?.length ?? 0);
  }

  /** Arguments and code of the new jobs. */
  get jobBytes(): number {
    return this.#jobBytes;
  }

  /** New jobs so far. */
  get jobs(): number {
    return this.#jobs.length;
  }

  /** Values of lists, and parts of lists, so far. */
  get items(): number {
    return this.#items.size;
  }

  approvedBy(number: string): void {
    this.#approved.push(number);
  }

  /** A result that others may have. Those that are too large are forgotten. */
  keeps(key: string, expiresAtMs: number, resultJson: string): void {
    if (Buffer.byteLength(resultJson) <= MOST_KEPT_BYTES) this.#kept.push({ kind: "flow_cached", key, expiresAtMs, resultJson });
  }

  pieces(items: readonly FlowItem[]): void {
    for (const item of items) this.#items.set(`${item.part}/${item.place}/${item.index}`, item);
  }

  values(items: readonly ListItem[]): void {
    this.pieces(items.map((item) => ({ place: item.place, part: "value", index: item.index, json: encodeItem(item) })));
  }

  get isEmpty(): boolean {
    return this.events.length === 0 && this.#caused.length === 0 && this.#jobs.length === 0 && this.#approved.length === 0 && this.end === undefined;
  }

  /**
   * All writes, with one at the end that tells of the whole.
   * @param seq number of the last event @param next written when it has changed @param hasRow the flow may have a row of its own to be removed
   */
  writes(
    flow: WaitingJob,
    parts: {
      readonly seq: number;
      readonly atMs: number;
      readonly stateJson: string | undefined;
      readonly next: NextMoment | undefined;
      readonly hasRow: boolean;
    },
    whole: Pick<Write, "settle" | "fail">,
  ): Write[] {
    const { id, workspace, shard } = flow;
    const job: JobRef = { id, workspace, shard };
    const own: FlushOperation[] = [];
    const { seq, atMs, stateJson, next } = parts;
    if (this.#items.size > 0) own.push({ kind: "flow", job, change: { kind: "flow_item", items: [...this.#items.values()] } });
    for (const change of this.#kept) own.push({ kind: "flow", job, change });
    if (this.leavesUsed) own.push({ kind: "flow", job, change: { kind: "flow_used" } });
    for (const number of this.#approved) own.push({ kind: "flow", job, change: { kind: "flow_approved", number } });
    if (this.end !== undefined) {
      if (parts.hasRow) own.push({ kind: "flow", job, change: { kind: "flow_over" } });
      own.push({ kind: "finish", job: flow, end: this.end });
    } else if (next !== undefined) own.push({ kind: "flow", job, change: { kind: "flow_next", ...next } });
    if (this.events.length > 0) own.push({ kind: "flow", job, change: { kind: "flow_event", seq, atMs, eventsJson: JSON.stringify(this.events), stateJson } });
    // What is to be told of a failure is decided by the run.
    const caused = [...(this.begin === undefined ? [] : [this.begin]), ...this.#caused].map((write) => ({ ...write, fail: nothing }));
    const all: Write[] = [...caused, ...this.#jobs, ...own.map((operation) => ({ operation, settle: nothing, fail: nothing }))];
    const last = all.pop();
    return last === undefined ? [] : [...all, ending(last, whole)];
  }

  /** Nothing of it is written, except what it began with. */
  abandon(error: unknown): void {
    for (const { fail } of [...this.#caused, ...this.#jobs]) fail(error);
  }

  /** Writes that are to be told when the whole has failed. */
  get caused(): readonly Write[] {
    return this.#caused;
  }
}

const nothing = (): void => undefined;

function ending({ operation, settle, fail }: Write, whole: Pick<Write, "settle" | "fail">): Write {
  return {
    operation,
    settle: (outcome) => {
      settle(outcome);
      whole.settle(outcome);
    },
    fail: (error) => {
      fail(error);
      whole.fail(error);
    },
  };
}
