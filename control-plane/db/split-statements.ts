/**
 * Splits SQL text at the semicolons that end statements: not those in strings, quoted names, dollar quotes or comments. Needed for
 * statements that refuse to run in a transaction, since Postgres runs several statements in one message as one transaction.
 */
export function splitStatements(sql: string): string[] {
  const statements: string[] = [];
  let start = 0;
  let at = 0;
  let hasWords = false;
  while (at < sql.length) {
    const skipped = endOfQuoted(sql, at);
    if (skipped > at) {
      if (!isComment(sql, at)) hasWords = true;
      at = skipped;
      continue;
    }
    const char = sql[at] ?? "";
    at += 1;
    if (char === ";") {
      if (hasWords) statements.push(sql.slice(start, at).trim());
      start = at;
      hasWords = false;
    } else if (char.trim() !== "") hasWords = true;
  }
  if (hasWords) statements.push(sql.slice(start).trim());
  return statements;
}

function isComment(sql: string, at: number): boolean {
  return sql.startsWith("--", at) || sql.startsWith("/*", at);
}

/** The position after the comment or quoted text that begins here, or `at` when none does. Unclosed ones reach to the end. */
function endOfQuoted(sql: string, at: number): number {
  const char = sql[at];
  if (sql.startsWith("--", at)) return after(sql, "\n", at + 2);
  if (sql.startsWith("/*", at)) return endOfBlockComment(sql, at);
  if (char === "'") return endOfString(sql, at + 1, /e/i.test(sql[at - 1] ?? "") && !/[\w$]/.test(sql[at - 2] ?? ""));
  if (char === '"') return after(sql, '"', at + 1);
  if (char === "$" && !/[\w$]/.test(sql[at - 1] ?? "")) {
    const tag = /^\$(?:[A-Za-z_]\w*)?\$/.exec(sql.slice(at, at + 66))?.[0];
    if (tag !== undefined) return after(sql, tag, at + tag.length);
  }
  return at;
}

function after(sql: string, mark: string, from: number): number {
  const found = sql.indexOf(mark, from);
  return found === -1 ? sql.length : found + mark.length;
}

/** A doubled quote inside ends one string and begins the next, which comes to the same. */
function endOfString(sql: string, from: number, backslashEscapes: boolean): number {
  for (let at = from; at < sql.length; at++) {
    if (backslashEscapes && sql[at] === "\\") at += 1;
    else if (sql[at] === "'") return at + 1;
  }
  return sql.length;
}

/** Block comments nest in SQL. */
function endOfBlockComment(sql: string, from: number): number {
  let depth = 0;
  let at = from;
  do {
    if (sql.startsWith("/*", at)) depth += 1;
    else if (sql.startsWith("*/", at)) depth -= 1;
    else {
      at += 1;
      continue;
    }
    at += 2;
  } while (depth > 0 && at < sql.length);
  return at;
}
