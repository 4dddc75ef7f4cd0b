import type { JobView } from "../control-plane/jobs/contract.ts";
import { isJsonObject } from "./exact-json.ts";
import { plainText } from "./sanitise.ts";

/** What a failed job says about itself: `{"error": {"name", "message", "stack"?}}`. */
export interface JobError {
  readonly name: string;
  readonly message: string;
  readonly stack: string;
}

/** Reads the error out of a failed job's result; undefined when it has another shape. */
export function readJobError(resultJson: string): JobError | undefined {
  let value: unknown;
  try {
    value = JSON.parse(resultJson);
  } catch {
    return undefined;
  }
  const error = isJsonObject(value) ? value["error"] : undefined;
  if (!isJsonObject(error)) return undefined;
  const text = (key: string): string => (typeof error[key] === "string" ? error[key] : "");
  return { name: text("name"), message: text("message"), stack: text("stack") };
}

/** A place in the user's script. */
export interface SourcePlace {
  readonly line: number;
  readonly name: string;
}

/**
 * The innermost line of the user's own file in a stack. Inside the sandbox the file is called main.py, main.ts and so on;
 * Python names the innermost frame last, JavaScript first.
 */
export function ownPlace(stack: string): SourcePlace | undefined {
  const python = [...stack.matchAll(/File "(?:[^"\n]*\/)?main\.py", line (\d+)(?:, in ([^\n]+))?/g)].at(-1);
  if (python !== undefined) return { line: Number(python[1]), name: python[2] ?? "" };
  const script = /^\s+at (?:(?:async )?([^\s(]+) )?.*?\bmain\.[cm]?[jt]s:(\d+)/m.exec(stack);
  if (script !== null) return { line: Number(script[2]), name: script[1] ?? "" };
  return undefined;
}

/** One phrase for why a job ended. */
export function describeExit(job: Pick<JobView, "status" | "exit">): string {
  const { exit } = job;
  switch (exit?.reason) {
    case undefined:
    case "succeeded":
      return job.status;
    case "exit_code":
      return `exit code ${exit.code ?? "unknown"}`;
    case "signal":
      return `killed by ${plainText(exit.signal ?? "a signal")}`;
    case "timeout":
      return "ran longer than its time limit";
    case "cancelled":
      return "cancelled";
    case "expired":
      return "did not begin in time";
    case "step_failed":
      return "a step of the flow failed";
    case "out_of_memory":
      return "out of memory";
    case "disk_full":
      return "the agent's disk is full";
    case "syntax_error":
      return "syntax error";
    case "result_invalid":
      return "the result is not JSON";
    case "result_too_large":
      return "the result is too large";
    case "sandbox_error":
      return "the sandbox could not be set up on the agent";
    case "runtime_missing":
      return "the agent has no runtime for this language";
    case "lost":
      return "its agent was lost";
    case "policy":
      return "the policy of the agent's owner forbids it";
    case "input_missing":
      return "its arguments refer to something that is not there";
    case "folder_lost":
      return "the folder that the flow's steps share is gone";
    case "fenced":
      return "another attempt took over";
    default:
      return String(exit?.reason);
  }
}

/**
 * The lines that explain a failed job: the error, the user's own line, the reason, and where to read on.
 * @param file what the user calls the script
 * @param source its text, when it is at hand
 */
export function explainFailure(job: JobView, resultJson: string | undefined, file: string, source: string | undefined): string[] {
  const lines: string[] = [];
  const error = resultJson === undefined ? undefined : readJobError(resultJson);
  const message = error?.message ?? "";
  if (error !== undefined) lines.push(...`${error.name === "" ? "Error" : error.name}: ${message}`.split("\n").map((line) => `  ${plainText(line)}`));
  const place = error === undefined ? undefined : ownPlace(error.stack);
  if (place !== undefined) {
    lines.push(`  at ${plainText(file)}:${place.line}${place.name === "" || place.name === "<module>" ? "" : ` in ${plainText(place.name)}`}`);
    const text = source?.split("\n")[place.line - 1]?.trim();
    if (text !== undefined && text !== "") lines.push(`      ${plainText(text).slice(0, 200)}`);
  }
  const note = job.exit?.message ?? "";
  if (note !== "" && !message.includes(note) && !note.includes(message === "" ? "\0" : message)) lines.push(`  ${plainText(note)}`);
  return lines;
}
