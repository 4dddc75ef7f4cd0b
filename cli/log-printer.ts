import type { LogEvent } from "../control-plane/jobs/contract.ts";
import type { Ink } from "./output.ts";
import { createSanitiser, type Sanitiser } from "./sanitise.ts";

export interface LogPrinterOptions {
  readonly write: (text: string) => void;
  readonly ink: Ink;
  /** Drops what could take over the terminal. */
  readonly sanitise: boolean;
}

/** Shows a job's output as it comes, and our own lines in between without tearing one of the job's apart. */
export interface LogPrinter {
  log(event: Pick<LogEvent, "attempt" | "stream" | "text">): void;
  /** A line of our own. */
  line(text: string): void;
  /** Ends an unfinished line and switches colours off that the job left on. */
  end(): void;
}

const RESET = "\u001b[0m";

/**
 * stdout of the job stands as it is; stderr is dimmed, or marked where there are no colours; notes of the agent are marked.
 * Pieces may end anywhere in a line. When another stream writes while a line is unfinished, a new line begins.
 */
export function createLogPrinter(options: LogPrinterOptions): LogPrinter {
  const { write, ink } = options;
  const sanitisers = new Map<string, Sanitiser>();
  let owner = "";
  let atLineStart = true;
  let coloured = false;
  let attempt = 0;

  function breakLine(): void {
    if (coloured) write(RESET);
    coloured = false;
    if (!atLineStart) write("\n");
    atLineStart = true;
  }

  function safe(stream: string, text: string): string {
    if (!options.sanitise) return text;
    const known = sanitisers.get(stream) ?? createSanitiser(ink.isColorSupported);
    sanitisers.set(stream, known);
    return known.push(text);
  }

  return {
    log(event) {
      if (event.attempt > attempt) {
        breakLine();
        if (attempt > 0) write(`${ink.yellow(`— attempt ${event.attempt}: the one before was lost —`)}\n`);
        attempt = event.attempt;
      }
      const text = safe(event.stream, event.text);
      if (text === "") return;
      if (owner !== event.stream) breakLine();
      owner = event.stream;
      if (text.includes("\u001b")) coloured = true;
      if (event.stream === "stdout") {
        write(text);
        atLineStart = text.endsWith("\n");
        return;
      }
      const mark = markOf(event.stream, ink);
      for (const line of text.split(/(?<=\n)/)) {
        const body = line.endsWith("\n") ? line.slice(0, -1) : line;
        write(`${atLineStart ? mark : ""}${body === "" ? "" : ink.dim(body)}${line.endsWith("\n") ? "\n" : ""}`);
        atLineStart = line.endsWith("\n");
      }
    },
    line(text) {
      breakLine();
      write(`${text}\n`);
    },
    end: breakLine,
  };
}

/** Where a line that is not from stdout comes from. */
function markOf(stream: LogEvent["stream"], ink: Ink): string {
  if (stream === "agent") return ink.magenta("[agent] ");
  if (stream === "result") return ink.cyan("[result] ");
  return ink.isColorSupported ? "" : "[stderr] ";
}
