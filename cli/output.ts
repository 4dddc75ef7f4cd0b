import pc from "picocolors";
import type { AppError } from "../kernel/app-error.ts";
import { formatDuration } from "./durations.ts";
import { ApiError } from "./exit-codes.ts";
import { plainText } from "./sanitise.ts";

export type Ink = ReturnType<typeof pc.createColors>;

/** True when colours are wanted on a stream: it is a terminal that has them and nobody said no (NO_COLOR), or somebody insists (FORCE_COLOR). */
export function wantsColour(stream: { readonly isTTY?: boolean }, env: NodeJS.ProcessEnv = process.env): boolean {
  if ((env["NO_COLOR"] ?? "") !== "") return false;
  const forced = env["FORCE_COLOR"];
  if (forced !== undefined && forced !== "") return forced !== "0";
  return stream.isTTY === true && env["TERM"] !== "dumb";
}

/** Colours for a stream; functions that change nothing when it shall have none. */
export function inkFor(stream: { readonly isTTY?: boolean }): Ink {
  return pc.createColors(wantsColour(stream));
}

/** Talk goes to stderr: stdout is for data only. */
export function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** Data goes to stdout. */
export function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** Prints a value as one line of JSON, or over lines for a person. */
export function printJson(value: unknown): void {
  print(process.stdout.isTTY === true ? JSON.stringify(value, undefined, 2) : JSON.stringify(value));
}

/**
 * Resolves when a stream takes more. Writes to a pipe are asynchronous once it is full (measured: `process.exit` then cuts the
 * rest off), so whoever writes much waits for this, and memory stays bounded however slow the reader is.
 */
export async function roomIn(stream: NodeJS.WriteStream): Promise<void> {
  if (stream.writableNeedDrain) await new Promise<void>((resolve) => stream.once("drain", resolve));
}

/** Resolves when all that was written has left this process. */
export async function flushed(stream: NodeJS.WriteStream): Promise<void> {
  if (stream.writableLength > 0) await new Promise<void>((resolve) => stream.write("", () => resolve()));
}

/** Shows an error: what, which fields, what to do, and the id to find it in the server's log. */
export function sayError(error: AppError): void {
  const ink = inkFor(process.stderr);
  say(`${ink.red("error:")} ${plainLines(error.message)}`);
  for (const field of error.fields) {
    if (!error.message.includes(field.message)) say(`  ${plainText(field.pointer)}: ${plainText(field.message)}`);
  }
  if (error.hint !== undefined) say(`  ${ink.cyan("hint:")} ${plainLines(error.hint)}`);
  if (error instanceof ApiError && error.status >= 500 && error.requestId !== undefined) say(ink.dim(`  request ${plainText(error.requestId)}`));
  if (error.code === "internal" && !(error instanceof ApiError))
    say(ink.dim(error.cause instanceof Error ? (error.cause.stack ?? error.cause.message) : String(error.cause)));
}

function plainLines(text: string): string {
  return text.split("\n").map(plainText).join("\n");
}

/**
 * Lays rows out in columns, two blanks apart, without blanks at the end of a line. Cells are made safe for a terminal.
 * @param paint colours a cell after its width is known
 */
export function formatTable(
  header: readonly string[],
  rows: readonly (readonly string[])[],
  paint: (cell: string, column: number, row: number) => string = (cell) => cell,
): string {
  const cells = [header, ...rows].map((row) => header.map((_, column) => plainText(row[column] ?? "")));
  const widths = header.map((_, column) => Math.max(...cells.map((row) => [...(row[column] ?? "")].length)));
  return cells
    .map((row, index) =>
      row
        .map((cell, column) => {
          const blanks = column === row.length - 1 ? "" : " ".repeat((widths[column] ?? 0) - [...cell].length + 2);
          return `${paint(cell, column, index - 1)}${blanks}`;
        })
        .join("")
        .trimEnd(),
    )
    .map((line) => `${line}\n`)
    .join("");
}

const FRAMES = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];
const FRAME_MS = 100;
/** Where nothing can be redrawn, a line says this often that work still goes on. */
const STILL_MS = 10_000;

/** Shows that something goes on: a spinner with the time on a terminal, plain lines elsewhere. */
export interface Progress {
  update(text: string): void;
  /** Takes the spinner away; nothing is left on the screen. */
  clear(): void;
  done(text: string): void;
  fail(text: string): void;
}

export function startProgress(text: string, stream: NodeJS.WriteStream = process.stderr): Progress {
  const ink = inkFor(stream);
  const startedMs = performance.now();
  const live = stream.isTTY === true && process.env["TERM"] !== "dumb";
  let shown = text;
  let frame = 0;
  const elapsed = (): string => formatDuration(performance.now() - startedMs);
  const draw = (): void => {
    frame += 1;
    const line = `${FRAMES[frame % FRAMES.length] ?? ""} ${shown} ${elapsed()}`;
    stream.write(`\r\u001b[2K${[...line].slice(0, Math.max(10, (stream.columns || 80) - 1)).join("")}`);
  };
  const timer = setInterval(live ? draw : () => stream.write(`… ${shown} (${elapsed()})\n`), live ? FRAME_MS : STILL_MS);
  timer.unref();
  if (live) draw();
  let over = false;
  const finish = (line: string): void => {
    if (over) return;
    over = true;
    clearInterval(timer);
    stream.write(`${live ? "\r\u001b[2K" : ""}${line}`);
  };
  return {
    update(next) {
      shown = next;
    },
    clear: () => finish(""),
    done: (line) => finish(`${ink.green("✓")} ${line} ${ink.dim(`(${elapsed()})`)}\n`),
    fail: (line) => finish(`${ink.red("✗")} ${line} ${ink.dim(`(${elapsed()})`)}\n`),
  };
}
