import { EXIT_REASONS, type ExitReason, OUTCOMES, outcomeOf } from "../../kernel/exit.ts";
import type { FlushOperation } from "./model.ts";

/** Text and numbers of one parameter of the flush statement. */
type Column = (string | number | null)[];

export const outcomeNumber = (reason: ExitReason): number => OUTCOMES.indexOf(outcomeOf(reason));
export const reasonNumber = (reason: ExitReason): number => EXIT_REASONS.indexOf(reason);

function columns(count: number): Column[] {
  return Array.from({ length: count }, () => []);
}

function add(target: readonly Column[], values: Column): void {
  for (let i = 0; i < values.length; i++) target[i]?.push(values[i] ?? null);
}

/** The parameters of the flush statement, in its order: `$1`, `$2`, then the columns of each family. */
export function encodeFlush(replicaId: string, epoch: number, operations: readonly FlushOperation[]): unknown[] {
  const inserts = columns(16);
  const claims = columns(3);
  const finishIds: Column = [];
  const finishes = columns(13);
  const requeueIds: Column = [];
  const requeues = columns(3);
  const cancels = columns(6);
  for (const operation of operations) {
    const { job } = operation;
    switch (operation.kind) {
      case "insert":
        add(inserts, insertRow(operation));
        break;
      case "claim":
        add(claims, [job.id, operation.token, operation.agent]);
        break;
      case "finish":
        finishIds.push(job.id);
        add(finishes, finishRow(operation));
        break;
      case "requeue":
        requeueIds.push(job.id);
        add(requeues, [operation.token, operation.job.lost, operation.job.dueAtMs]);
        break;
      case "cancel": {
        const { reason, message } = operation.exit;
        add(cancels, [job.id, outcomeNumber(reason), reasonNumber(reason), message, operation.doneAtMs, operation.resultJson]);
        break;
      }
    }
  }
  return [replicaId, epoch, ...inserts, ...claims, finishIds, ...finishes, requeueIds, ...requeues, ...cancels];
}

function insertRow({ job, payload, direct }: Extract<FlushOperation, { kind: "insert" }>): Column {
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
    job.dueAtMs,
    direct?.token ?? null,
    direct?.agent ?? null,
  ];
}

function finishRow({ end }: Extract<FlushOperation, { kind: "finish" }>): Column {
  const { exit } = end;
  return [
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
