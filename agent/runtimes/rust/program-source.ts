import { AppError } from "../../../kernel/app-error.ts";
import { countLines } from "../compiled/program.ts";
import { isShebang } from "./cargo-header.ts";

/** Put before the first line, so that `main` may take arguments. */
const NO_MAIN = "#![no_main] ";
const IDENTIFIER = /^[A-Za-z_][A-Za-z0-9_]*$/;

export interface ProgramSource {
  readonly text: string;
  /** Lines of the tenant's own. */
  readonly lines: number;
  /** Characters before the first line. */
  readonly shift: number;
}

/**
 * The script as the root of a program: its lines stay where they are, and the entry point that calls `main` is added at the end.
 * @throws internal for a name that is none; the compiler would have refused it
 */
export function asProgram(code: string, names: readonly string[], edition: string): ProgramSource {
  const own = code.startsWith("\ufeff") ? code.slice(1) : code;
  const end = own.indexOf("\n") < 0 ? own.length : own.indexOf("\n");
  const body = isShebang(own.slice(0, end)) ? own.slice(end) : own;
  const lines = countLines(own);
  const takes = names.map((name) => {
    if (!IDENTIFIER.test(name)) throw new AppError("internal", "this is not the name of a parameter");
    return `args.take("${name}")`;
  });
  const noMangle = edition === "2024" ? "unsafe(no_mangle)" : "no_mangle";
  const entry = [
    "",
    "mod __millrace {",
    "use ::millrace::{ByDebug as _, ByDisplay as _, ByValue as _};",
    `#[${noMangle}] pub extern "C" fn main(_: i32, _: *const *const u8) -> i32 {`,
    `::millrace::run(${lines}, |args| (&&&::millrace::Returned(super::main(${takes.join(", ")}))).end())`,
    "}}",
    "",
  ];
  return { text: `${NO_MAIN}${body}${body.endsWith("\n") ? "" : "\n"}${entry.slice(1).join("\n")}`, lines, shift: NO_MAIN.length };
}
