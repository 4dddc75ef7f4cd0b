import { errorResult, exitOf } from "../../kernel/exit.ts";
import type { Refusal } from "./runtime.ts";

/** A script that cannot run because something before it went wrong: `output` is what the tool said, its end at least. */
export function refuseBuild(name: "DependencyError" | "BuildError", message: string, output = ""): Refusal {
  const said = output.trim();
  const resultJson = JSON.stringify({ error: said === "" ? { name, message } : { name, message, output: said } });
  return { kind: "refused", exit: exitOf("exit_code", `${name}: ${message}`, { code: 1 }), resultJson };
}

/** Arguments that do not fit the script. Shown like an exception of the script, which never ran. */
export function refuseArguments(name: "UnknownArgument" | "InvalidArgument", message: string): Refusal {
  return { kind: "refused", exit: exitOf("exit_code", `${name}: ${message}`, { code: 1 }), resultJson: errorResult(name, message) };
}

export interface SyntaxFault {
  readonly message: string;
  /** 1 for the first line; 0 when unknown. */
  readonly line: number;
  readonly column?: number;
  /** The faulty line. */
  readonly text?: string;
}

/** The exit message and the result of a script that does not parse. */
export function describeSyntaxFault(fault: SyntaxFault): { message: string; resultJson: string } {
  const place = fault.line > 0 ? `line ${fault.line}: ` : "";
  const error: Record<string, unknown> = { name: "SyntaxError", message: `${place}${fault.message}` };
  if (fault.line > 0) error["line"] = fault.line;
  if (fault.column !== undefined) error["column"] = fault.column;
  if (fault.text !== undefined) error["text"] = fault.text.slice(0, 500);
  return { message: `SyntaxError: ${place}${fault.message}`, resultJson: JSON.stringify({ error }) };
}

export function refuseSyntax(fault: SyntaxFault): Refusal {
  const { message, resultJson } = describeSyntaxFault(fault);
  return { kind: "refused", exit: exitOf("syntax_error", message), resultJson };
}
