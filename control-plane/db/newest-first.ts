/**
 * Lists that have the newest first go on after the moment and the id of the last row of a page. The cursor carries both, as text, since that
 * row may be gone when the next page is asked for.
 */

/** SQL: the cursor of a row, microseconds since the epoch and an id. @param id an expression of type text */
export function newestCursorSql(createdAt: string, id: string): string {
  return `(extract(epoch FROM ${createdAt}) * 1000000)::bigint::text || '.' || ${id}`;
}

/** SQL: whether a row comes after a cursor; all do when there is none. @param cursor a parameter, such as `$2` @param type of the id */
export function afterNewestSql(createdAt: string, id: string, cursor: string, type: "text" | "uuid" = "text"): string {
  const moment = `timestamptz 'epoch' + split_part(${cursor}, '.', 1)::bigint * interval '1 microsecond'`;
  return `(${cursor}::text IS NULL OR (${createdAt}, ${id}) < (${moment}, split_part(${cursor}, '.', 2)::${type}))`;
}
