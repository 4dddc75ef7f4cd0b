import { SourcePositions } from "../../../signatures/source-position.ts";

const SHOWN_CHARS = 80;

/** `message, at line 1, column 9 of "results.a.b"`: what, where, and of which expression. */
export function messageAt(message: string, source: string, offset: number | undefined): string {
  const shown = `"${shorten(source)}"`;
  if (offset === undefined) return `${message}, in ${shown}`;
  const { line, column } = new SourcePositions(source).problemAt(offset, message);
  return `${message}, at line ${line}, column ${column} of ${shown}`;
}

function shorten(source: string): string {
  const text = source.trim().replaceAll(/\s+/g, " ");
  return text.length > SHOWN_CHARS ? `${text.slice(0, SHOWN_CHARS - 1)}…` : text;
}
