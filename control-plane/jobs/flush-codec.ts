import { assertNever } from "../../kernel/assert-never.ts";
import { EXIT_REASONS, type ExitReason, OUTCOMES, outcomeOf } from "../../kernel/exit.ts";
import { arrayText } from "../db/array-text.ts";
import type { WaitingJob } from "../scheduler/core/model.ts";
import type { FlushOperation, JobSpecial } from "./model.ts";
import { FAMILIES, type Family, parameterTypes } from "./statements.ts";

/** Text and numbers of one parameter of the flush statement. */
type Column = (string | number | boolean | null)[];

export const outcomeNumber = (reason: ExitReason): number => OUTCOMES.indexOf(outcomeOf(reason));
export const reasonNumber = (reason: ExitReason): number => EXIT_REASONS.indexOf(reason);

export interface EncodedFlush {
  readonly families: readonly Family[];
  /** Parameters of the families, in the order of the statement: array literals. */
  readonly values: readonly string[];
}

/** Sorts operations by family and lays their rows out as columns. */
export function encodeFlush(operations: readonly FlushOperation[]): EncodedFlush {
  const byFamily = new Map<Family, Column[]>();
  for (const operation of operations) {
    const family = familyOf(operation);
    const row = rowOf(operation);
    const columns = byFamily.get(family) ?? row.map(() => []);
    byFamily.set(family, columns);
    for (let at = 0; at < row.length; at++) columns[at]?.push(row[at] ?? null);
  }
  const families = FAMILIES.filter((family) => byFamily.has(family));
  const values = families.flatMap((family) => (byFamily.get(family) ?? []).map((column, at) => arrayText(column, parameterTypes(family)[at] === "text")));
  return { families, values };
}

function familyOf(operation: FlushOperation): Family {
  if (operation.kind !== "insert") return operation.kind;
  const special = operation.special !== undefined || operation.job.policy !== undefined;
  if (operation.direct === undefined) return special ? "special_pending" : "pending";
  return special ? "special_direct" : "direct";
}

function rowOf(operation: FlushOperation): Column {
  switch (operation.kind) {
    case "insert":
      return insertRow(operation);
    case "claim":
      return [operation.job.id, operation.token, operation.agent];
    case "finish":
      return finishRow(operation);
    case "requeue":
      return [operation.job.id, operation.token, operation.job.lost, operation.job.dueAtMs];
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

function insertRow({ job, payload, direct, special }: Extract<FlushOperation, { kind: "insert" }>): Column {
  const isSpecial = special !== undefined || job.policy !== undefined;
  return [
    job.workspace,
    job.id,
    payload.kind === "script" ? 0 : 1,
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
    ...(direct === undefined ? [job.dueAtMs] : [direct.token, direct.agent]),
    ...(isSpecial ? specialRow(job, special) : []),
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
