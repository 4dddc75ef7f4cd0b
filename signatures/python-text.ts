/** Something wrong with the source, before lines are counted. */
export interface Finding {
  /** In UTF-16 units from the start of the source. */
  readonly offset: number;
  readonly message: string;
}

/** Control characters cannot be seen, and some stores refuse them. */
export function printable(text: string): string {
  return /^\p{C}/u.test(text) ? `character U+${(text.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")}` : `\`${text}\``;
}

const BLANK = /(?:[ \t\r\n\f]|\\\r?\n|#[^\n]*)*/y;

/** The offset of the next token: blanks, line ends, continuations and comments are skipped. */
export function skipBlank(code: string, from: number): number {
  BLANK.lastIndex = from;
  return BLANK.exec(code) === null ? from : BLANK.lastIndex;
}
