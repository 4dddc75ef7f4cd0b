/** Lines around a change that are shown with it. */
const CONTEXT = 3;
/** Of a table for the longest common subsequence; beyond it all lines between the first and the last difference are shown as changed. */
const MAX_CELLS = 4_000_000;

type Line = { readonly sign: " " | "-" | "+"; readonly text: string };

/**
 * A unified diff of two texts, empty when they are the same. The same texts give the same diff.
 * @param names what stands behind --- and +++
 */
export function unifiedDiff(before: string | undefined, after: string | undefined, names: readonly [string, string]): string {
  if (before === after) return "";
  const lines = compareLines(linesOf(before ?? ""), linesOf(after ?? ""));
  const [from, to] = names;
  return [`--- ${before === undefined ? "/dev/null" : from}`, `+++ ${after === undefined ? "/dev/null" : to}`, ...hunks(lines)]
    .map((line) => `${line}\n`)
    .join("");
}

const NO_END = "\n\\ No newline at end of file";

/** A last line without an end is marked, so that it differs from the same line with one. */
function linesOf(text: string): string[] {
  if (text === "") return [];
  const lines = text.split("\n");
  const last = lines.pop() ?? "";
  return last === "" ? lines : [...lines, `${last}${NO_END}`];
}

function compareLines(before: readonly string[], after: readonly string[]): Line[] {
  let start = 0;
  while (start < before.length && start < after.length && before[start] === after[start]) start += 1;
  let end = 0;
  while (end < before.length - start && end < after.length - start && before.at(-1 - end) === after.at(-1 - end)) end += 1;
  const same = (texts: readonly string[]): Line[] => texts.map((text) => ({ sign: " ", text }));
  const middle = changed(before.slice(start, before.length - end), after.slice(start, after.length - end));
  return [...same(before.slice(0, start)), ...middle, ...same(before.slice(before.length - end))];
}

/** By the longest common subsequence of lines; removed lines come before added ones. */
function changed(before: readonly string[], after: readonly string[]): Line[] {
  const removed = before.map((text): Line => ({ sign: "-", text }));
  const added = after.map((text): Line => ({ sign: "+", text }));
  const width = after.length + 1;
  if (before.length === 0 || after.length === 0 || (before.length + 1) * width > MAX_CELLS) return [...removed, ...added];
  const lengths = new Uint32Array((before.length + 1) * width);
  const at = (row: number, column: number): number => lengths[row * width + column] ?? 0;
  for (let row = before.length - 1; row >= 0; row--) {
    for (let column = after.length - 1; column >= 0; column--)
      lengths[row * width + column] = before[row] === after[column] ? at(row + 1, column + 1) + 1 : Math.max(at(row + 1, column), at(row, column + 1));
  }
  const lines: Line[] = [];
  let row = 0;
  let column = 0;
  while (row < before.length && column < after.length) {
    if (before[row] === after[column]) {
      lines.push({ sign: " ", text: before[row] ?? "" });
      row += 1;
      column += 1;
    } else if (at(row + 1, column) >= at(row, column + 1)) lines.push({ sign: "-", text: before[row++] ?? "" });
    else lines.push({ sign: "+", text: after[column++] ?? "" });
  }
  return [...lines, ...removed.slice(row), ...added.slice(column)];
}

function hunks(lines: readonly Line[]): string[] {
  const shown = lines.map((_, at) => lines.slice(Math.max(0, at - CONTEXT), at + CONTEXT + 1).some(({ sign }) => sign !== " "));
  const parts: string[] = [];
  let before = 1;
  let after = 1;
  for (let at = 0; at < lines.length; ) {
    let end = at;
    while (end < lines.length && shown[end] === shown[at]) end += 1;
    const part = lines.slice(at, end);
    const count = (sign: Line["sign"]): number => part.filter((line) => line.sign !== sign).length;
    const [old, young] = [count("+"), count("-")];
    if (shown[at] === true) {
      // Of an empty side the line before it is named.
      parts.push(
        `@@ -${old === 0 ? before - 1 : before},${old} +${young === 0 ? after - 1 : after},${young} @@`,
        ...part.map(({ sign, text }) => `${sign}${text}`),
      );
    }
    before += old;
    after += young;
    at = end;
  }
  return parts;
}
