import pc from "picocolors";
import { describe, expect, it } from "vitest";
import { createLogPrinter, type LogPrinter } from "./log-printer.ts";

function printed(colours: boolean, act: (printer: LogPrinter) => void, sanitise = colours): string {
  let text = "";
  act(createLogPrinter({ write: (piece) => (text += piece), ink: pc.createColors(colours), sanitise }));
  return text;
}
const log = (printer: LogPrinter, stream: "stdout" | "stderr" | "agent" | "result", text: string, attempt = 1): void => printer.log({ attempt, stream, text });

describe("createLogPrinter", () => {
  it("shows stdout as it is and marks the other streams", () => {
    expect(
      printed(false, (printer) => {
        log(printer, "stdout", "one\ntwo\n");
        log(printer, "stderr", "warn\n\nagain\n");
        log(printer, "agent", "note\n");
        log(printer, "result", "piece\n");
      }),
    ).toBe("one\ntwo\n[stderr] warn\n[stderr] \n[stderr] again\n[agent] note\n[result] piece\n");
  });

  it("passes pieces of a line on at once and marks the line once", () => {
    expect(
      printed(false, (printer) => {
        log(printer, "stderr", "half");
        log(printer, "stderr", " and half\n");
      }),
    ).toBe("[stderr] half and half\n");
  });

  it("begins a new line when another stream or we write into an unfinished one", () => {
    expect(
      printed(false, (printer) => {
        log(printer, "stdout", "no end");
        log(printer, "stderr", "warn");
        printer.line("ours");
        log(printer, "stdout", "on\n");
        printer.end();
      }),
    ).toBe("no end\n[stderr] warn\nours\non\n");
  });

  it("dims stderr and ends colours that the job left on", () => {
    expect(
      printed(true, (printer) => {
        log(printer, "stdout", "\u001b[31mred");
        log(printer, "stderr", "warn\n");
        printer.end();
      }),
    ).toBe("\u001b[31mred\u001b[0m\n\u001b[2mwarn\u001b[22m\n");
  });

  it("drops sequences that are split over pieces, each stream for itself", () => {
    expect(
      printed(true, (printer) => {
        log(printer, "stdout", "a\u001b]0;ev");
        log(printer, "stderr", "b\n");
        log(printer, "stdout", "il\u0007c\n");
      }),
    ).toBe("a\n\u001b[2mb\u001b[22m\nc\n");
  });

  it("passes everything on when nothing is to be dropped", () => {
    expect(printed(false, (printer) => log(printer, "stdout", "\u001b]0;t\u0007\n"), false)).toBe("\u001b]0;t\u0007\n");
  });

  it("says that a new attempt begins", () => {
    expect(
      printed(false, (printer) => {
        log(printer, "stdout", "first try");
        log(printer, "stdout", "second try\n", 2);
      }),
    ).toBe("first try\n— attempt 2: the one before was lost —\nsecond try\n");
  });
});
