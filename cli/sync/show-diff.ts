import { inkFor, print } from "../output.ts";
import { plainText } from "../sanitise.ts";

/** Prints a unified diff: as it is into a pipe; on a terminal with colours, and without what could take the terminal over. */
export function printDiff(diff: string): void {
  if (diff === "") return;
  const lines = diff.replace(/\n$/, "").split("\n");
  if (process.stdout.isTTY !== true) {
    print(lines.join("\n"));
    return;
  }
  const ink = inkFor(process.stdout);
  for (const line of lines) {
    const safe = plainText(line);
    if (/^(---|\+\+\+) /.test(line)) print(ink.bold(safe));
    else if (line.startsWith("@@")) print(ink.cyan(safe));
    else if (line.startsWith("-")) print(ink.red(safe));
    else print(line.startsWith("+") ? ink.green(safe) : safe);
  }
}
