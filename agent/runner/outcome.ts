import { constants } from "node:os";
import { type Exit, errorResult, exitOf } from "../../kernel/exit.ts";
import { formatBytes } from "../../kernel/size.ts";
import { describeSyntaxFault } from "../runtimes/refusal.ts";
import type { CgroupUsage } from "../sandbox/cgroup/cgroup.ts";
import { findJsonProblem } from "./json-text.ts";
import type { ScriptRecord } from "./record.ts";

/** Why the agent ended an attempt itself. */
export interface Stop {
  readonly kind: "timeout" | "cancelled" | "fenced" | "disk_full";
  /** Of a timeout: the script has the grace of a cancel to end. */
  readonly soft?: boolean;
  readonly message: string;
}

export interface Ended {
  /** As a shell sees it: 128 + n for signal n. */
  readonly code: number;
  readonly record: ScriptRecord;
  readonly recordOverflowed: boolean;
  /** For scripts whose result is their last line. */
  readonly lastLine: { readonly line: string | "too_long" | undefined } | undefined;
  /** The last kilobytes of stderr, to recognise a runtime that ran out of memory. */
  readonly stderrTail: string;
  readonly resultMaxBytes: number;
}

export interface Verdict {
  readonly exit: Exit;
  readonly resultJson: string;
}

const STOP_NAMES: Readonly<Record<Stop["kind"], string>> = { timeout: "Timeout", cancelled: "Cancelled", fenced: "Fenced", disk_full: "DiskFull" };
/** Some numbers have two names; the first of the list is the usual one (SIGABRT, not SIGIOT). */
const SIGNALS = new Map(
  Object.entries(constants.signals)
    .reverse()
    .map(([name, number]) => [number, name]),
);
/** The kernel may give up a few pages before the last one. */
const AT_LIMIT = 0.95;
/** What the C library and Go say for ENOSPC and EDQUOT. */
const DISK_FULL = /no space left on device|disk quota exceeded/i;
/** Of Python and Java. */
const OUT_OF_MEMORY = ["MemoryError", "OutOfMemoryError"];
const NODE_OUT_OF_MEMORY = /JavaScript heap out of memory|Allocation failed - process out of memory/;

/** The verdict on an attempt that the agent ended. */
export function judgeStop(stop: Stop): Verdict {
  return { exit: exitOf(stop.kind, oneLine(stop.message)), resultJson: errorResult(STOP_NAMES[stop.kind], stop.message) };
}

/** The verdict on a job that the policy of the agent's owner does not let run. */
export function judgeForbidden(message: string): Verdict {
  return { exit: exitOf("policy", oneLine(message)), resultJson: errorResult("PolicyRefused", message) };
}

export function judgeSetupFailure(message: string): Verdict {
  return { exit: exitOf("sandbox_error", oneLine(message)), resultJson: errorResult("SandboxError", message) };
}

/** The verdict on a step whose folder is not there. */
export function judgeFolderLost(): Verdict {
  return fault(exitOf("folder_lost", "the folder that the flow's steps share is not on this agent any more: it was started anew"), "FolderLost");
}

/**
 * The verdict on a tree in which the kernel has killed something because memory was used up. Also when the script itself ended well: it is not
 * known what its dead child had still to do, and with control groups of version 2 none of them would be alive.
 */
export function judgeOutOfMemory(usage: Pick<CgroupUsage, "peakMemoryBytes">, limitBytes: number | undefined): Verdict {
  const atLimit = limitBytes !== undefined && (usage.peakMemoryBytes ?? limitBytes) >= limitBytes * AT_LIMIT;
  const message = atLimit
    ? `the job needed more memory than its limit of ${formatBytes(limitBytes)}`
    : "the memory that all jobs of this agent may use together was full";
  return fault(exitOf("out_of_memory", message), "OutOfMemory");
}

/** The verdict on a script that ended by itself. Pure. What the script reported counts before what its process returned. */
export function judgeEnd(ended: Ended): Verdict {
  if (ended.recordOverflowed) return tooLarge(ended.resultMaxBytes);
  const { record } = ended;
  switch (record.kind) {
    case "error":
      return judgeError(record);
    case "syntax": {
      const { message, resultJson } = describeSyntaxFault(record.fault);
      return { exit: exitOf("syntax_error", oneLine(message)), resultJson };
    }
    case "unfit":
      return { exit: exitOf("result_invalid", oneLine(record.message)), resultJson: errorResult("ResultInvalid", record.message) };
    case "exit":
      return record.code === 0 ? judgeResult("null", ended.resultMaxBytes) : judgeExitCode(record.code, ended.stderrTail);
    case "result":
      return ended.code === 0 ? judgeResult(record.json, ended.resultMaxBytes) : judgeCode(ended);
    case "none":
      if (ended.code !== 0) return judgeCode(ended);
      return ended.lastLine === undefined ? judgeResult("null", ended.resultMaxBytes) : judgeLastLine(ended.lastLine.line, ended.resultMaxBytes);
  }
}

function judgeError(record: Extract<ScriptRecord, { kind: "error" }>): Verdict {
  const resultJson = errorResult(record.name, record.message, record.stack);
  const message = oneLine(record.message === "" ? record.name : `${record.name}: ${record.message}`);
  if (OUT_OF_MEMORY.includes(record.name)) return { exit: exitOf("out_of_memory", message), resultJson };
  if (["ENOSPC", "EDQUOT", "EFBIG"].includes(record.code)) return { exit: exitOf("disk_full", message), resultJson };
  return { exit: exitOf("exit_code", message, { code: 1 }), resultJson };
}

function judgeCode(ended: Ended): Verdict {
  const signal = SIGNALS.get(ended.code - 128);
  if (signal === undefined) return judgeExitCode(ended.code, ended.stderrTail);
  if (signal === "SIGXFSZ") return fault(exitOf("disk_full", "a file grew beyond the size that jobs may write"), "DiskFull");
  if (["SIGABRT", "SIGTRAP", "SIGILL"].includes(signal) && NODE_OUT_OF_MEMORY.test(ended.stderrTail)) {
    return fault(exitOf("out_of_memory", "the JavaScript heap reached its limit"), "OutOfMemory");
  }
  return fault(exitOf("signal", `the script was ended by ${signal}`, { signal }), "Signal");
}

/** Programs that are not ours report a full disk in words only. */
function judgeExitCode(code: number, stderrTail: string): Verdict {
  if (DISK_FULL.test(stderrTail)) return fault(exitOf("disk_full", "a write failed: no space left in /tmp or /dev/shm"), "DiskFull");
  return fault(exitOf("exit_code", `the script ended with exit code ${code}`, { code }), "ExitCode");
}

function fault(exit: Exit, name: string): Verdict {
  return { exit, resultJson: errorResult(name, exit.message) };
}

/** A line that is JSON counts as it is; any other becomes a JSON string. */
function judgeLastLine(line: string | undefined, maxBytes: number): Verdict {
  if (line === "too_long") return tooLarge(maxBytes);
  if (line === undefined) return judgeResult("null", maxBytes);
  return judgeResult(findJsonProblem(line) === undefined ? line : JSON.stringify(line), maxBytes);
}

/** Of a result that is JSON. */
export function judgeResult(json: string, maxBytes: number): Verdict {
  if (Buffer.byteLength(json) > maxBytes) return tooLarge(maxBytes);
  return { exit: exitOf("succeeded"), resultJson: json };
}

function tooLarge(maxBytes: number): Verdict {
  return fault(exitOf("result_too_large", `the result is larger than ${formatBytes(maxBytes)}`), "ResultTooLarge");
}

/** One line without control characters or half characters: it goes into database text and terminals. */
export function oneLine(text: string): string {
  const line = text.toWellFormed().split(/[\r\n]/, 1)[0] ?? "";
  return line
    .replace(/\p{Cc}/gu, " ")
    .slice(0, 500)
    .toWellFormed();
}
