import { assertNever } from "../../kernel/assert-never.ts";
import { EXIT_REASONS, type ExitReason, OUTCOMES, outcomeOf } from "../../kernel/exit.ts";
import { arrayText } from "../db/array-text.ts";
import { NO_GROUP } from "../scheduler/core/limit-model.ts";
import type { WaitingJob } from "../scheduler/core/model.ts";
import type { EventNote } from "./event-notes.ts";
import type { Form } from "./family-sql.ts";
import { encodeLimits } from "./limits-codec.ts";
import { type FlowChange, type FlushOperation, JOB_KINDS, type JobPayload, type JobRef, type JobSpecial, type WindowRecord } from "./model.ts";
import { FAMILIES, type Family, parameterTypes } from "./statements.ts";

/** Text and numbers of one parameter of the flush statement. */
type Column = (string | number | boolean | null)[];

/** Types whose values have none of the characters that mean something in an array literal. */
const PLAIN_TYPES: ReadonlySet<string> = new Set(["bigint", "int", "smallint", "float8", "boolean", "uuid"]);

const outcomeNumber = (reason: ExitReason): number => OUTCOMES.indexOf(outcomeOf(reason));
export const reasonNumber = (reason: ExitReason): number => EXIT_REASONS.indexOf(reason);

export interface EncodedFlush {
  readonly families: readonly Family[];
  readonly form: Form;
  /** Parameters of the families, in the order of the statement: array literals, or the values of their rows. */
  readonly values: readonly (string | null)[];
}

/**
 * Sorts operations by family and lays their rows out as columns.
 * @param notes see event-notes.ts
 * @param preferred "many": also where each family has one row
 */
export function encodeFlush(operations: readonly FlushOperation[], notes: readonly EventNote[] = [], preferred: Form = "one"): EncodedFlush {
  const [only] = operations;
  if (preferred === "one" && operations.length === 1 && notes.length === 0 && only !== undefined && isPlain(only))
    return { families: [familyOf(only)], form: "one", values: rowOf(only).map(valueText) };
  const byFamily = new Map<Family, Column[]>();
  const add = (family: Family, row: Column): void => {
    const columns = byFamily.get(family) ?? row.map(() => []);
    byFamily.set(family, columns);
    for (let at = 0; at < row.length; at++) columns[at]?.push(row[at] ?? null);
  };
  const windows = new Map<string, WindowRecord>();
  for (const operation of operations) {
    if (operation.kind === "flow") {
      for (const row of flowRows(operation.job, operation.change)) add(operation.change.kind, row);
      continue;
    }
    add(familyOf(operation), rowOf(operation));
    if ("windows" in operation) for (const record of operation.windows ?? []) keepNewest(windows, record);
  }
  // In one order everywhere: two flushes that lock several of these rows must not wait for each other.
  for (const record of [...windows.values()].sort((a, b) => (a.id < b.id ? -1 : 1))) add("window", windowRow(record));
  for (const { workspace, kind, id, data } of notes) add("note", [workspace, kind, id, data]);
  const families = FAMILIES.filter((family) => byFamily.has(family));
  const columnsOf = (family: Family): readonly Column[] => byFamily.get(family) ?? [];
  if (preferred === "one" && families.every((family) => columnsOf(family)[0]?.length === 1))
    return { families, form: "one", values: families.flatMap((family) => columnsOf(family).map(([value]) => valueText(value ?? null))) };
  return { families, form: "many", values: families.flatMap((family) => columnsOf(family).map((column, at) => parameterText(family, at, column))) };
}

const valueText = (value: Column[number]): string | null => (value === null ? null : String(value));

const isPlain = (operation: FlushOperation): operation is JobOperation =>
  operation.kind !== "flow" && !("windows" in operation && operation.windows !== undefined && operation.windows.length > 0);

const parameterText = (family: Family, at: number, column: Column): string => arrayText(column, !PLAIN_TYPES.has(parameterTypes(family)[at] ?? ""));

type JobOperation = Exclude<FlushOperation, { kind: "flow" }>;

function familyOf(operation: JobOperation): Family {
  if (operation.kind !== "insert") return operation.kind;
  const place = operation.direct === undefined ? "pending" : "direct";
  if (isSpecial(operation)) return `special_${place}`;
  return operation.job.limits === undefined ? place : `limited_${place}`;
}

const isSpecial = ({ job, special }: Extract<FlushOperation, { kind: "insert" }>): boolean => special !== undefined || job.policy !== undefined;

/** One statement may write a row once: the record of the last claim has all starts. */
function keepNewest(windows: Map<string, WindowRecord>, record: WindowRecord): void {
  const known = windows.get(record.id);
  if (known === undefined || BigInt(known.token) < BigInt(record.token)) windows.set(record.id, record);
}

function windowRow(record: WindowRecord): Column {
  const { workspace, id, starts, windowMs, agesMs, tatInMs, token, keepMs } = record;
  return [workspace, id, starts, windowMs, agesMs.map((age) => age.toFixed(3)).join(","), tatInMs ?? null, token, keepMs];
}

/** list: pieces of what a loop goes through · value: where the values of its iterations are. The position is the number that is stored. */
const ITEM_PARTS = ["list", "value"] as const;

function flowRows({ id, workspace, shard }: JobRef, change: FlowChange): Column[] {
  switch (change.kind) {
    case "flow_event":
      return [[workspace, id, change.seq, change.atMs, change.eventsJson, change.stateJson ?? null]];
    case "flow_item":
      return change.items.map(({ place, part, index, json }) => [workspace, id, place, ITEM_PARTS.indexOf(part), index, json]);
    case "flow_next":
      return [[id, workspace, shard, change.dueAtMs ?? null, change.awake]];
    case "flow_over":
      return [[id]];
    case "flow_approved":
      return [[change.number]];
    case "flow_cached":
      return [[workspace, change.key, change.expiresAtMs, change.resultJson]];
    case "flow_used":
      return [[workspace, id, shard]];
    default:
      return assertNever(change);
  }
}

function rowOf(operation: JobOperation): Column {
  switch (operation.kind) {
    case "insert":
      return insertRow(operation);
    case "refuse": {
      const { reason, message } = operation.exit;
      return [
        ...jobRow(operation),
        outcomeNumber(reason),
        reasonNumber(reason),
        message,
        operation.doneAtMs,
        operation.resultJson,
        ...specialRow(operation.job, operation.special),
      ];
    }
    case "claim":
      return [operation.job.id, operation.token, operation.agent];
    case "finish":
      return finishRow(operation);
    case "requeue":
      return [operation.job.id, operation.token, operation.job.lost, operation.job.dueAtMs, operation.expiresAtMs ?? null];
    case "retry":
      return retryRow(operation);
    case "cancel": {
      const { reason, message } = operation.exit;
      return [operation.job.id, outcomeNumber(reason), reasonNumber(reason), message, operation.doneAtMs, operation.resultJson];
    }
    default:
      return assertNever(operation);
  }
}

function insertRow(operation: Extract<FlushOperation, { kind: "insert" }>): Column {
  const { job, direct, special } = operation;
  const row = jobRow(operation);
  if (direct === undefined) row.push(job.dueAtMs);
  else row.push(direct.token, direct.agent);
  const withSpecial = isSpecial(operation);
  if (withSpecial) row.push(...specialRow(job, special));
  if (withSpecial || job.limits !== undefined) row.push(job.limits?.group ?? NO_GROUP, job.limits === undefined ? null : encodeLimits(job.limits));
  return row;
}

function jobRow({ job, payload }: { readonly job: WaitingJob; readonly payload: JobPayload }): Column {
  return [
    job.workspace,
    job.id,
    JOB_KINDS.indexOf(payload.kind),
    job.scriptId ?? null,
    payload.scriptHash ?? null,
    job.language,
    job.tag,
    job.prio,
    job.timeoutMs ?? null,
    payload.createdBy,
    payload.argsJson,
    payload.code ?? null,
    job.shard,
  ];
}

function specialRow(job: WaitingJob, special: JobSpecial | undefined): Column {
  const key = special?.key;
  return [
    job.policy?.text ?? null,
    special?.scheduledForMs ?? null,
    special?.expiresAtMs ?? null,
    key?.key ?? null,
    key?.body ?? null,
    key?.expiresAtMs ?? null,
  ];
}

function retryRow({ job, end, deferred }: Extract<FlushOperation, { kind: "retry" }>): Column {
  const { exit } = end;
  return [
    end.id,
    end.token,
    job.lost,
    job.failed ?? null,
    job.dueAtMs,
    deferred,
    reasonNumber(exit.reason),
    exit.code,
    exit.signal === "" ? null : exit.signal,
    exit.message === "" ? null : exit.message,
    end.startedAtMs ?? null,
    end.doneAtMs,
    end.runUs ?? null,
    end.logChunks,
    end.logBytes,
    end.logDroppedBytes,
  ];
}

function finishRow({ end }: Extract<FlushOperation, { kind: "finish" }>): Column {
  const { exit } = end;
  return [
    end.id,
    end.token,
    outcomeNumber(exit.reason),
    reasonNumber(exit.reason),
    exit.code,
    exit.signal === "" ? null : exit.signal,
    exit.message === "" ? null : exit.message,
    end.startedAtMs ?? null,
    end.doneAtMs,
    end.runUs ?? null,
    end.resultJson,
    end.logChunks,
    end.logBytes,
    end.logDroppedBytes,
  ];
}
