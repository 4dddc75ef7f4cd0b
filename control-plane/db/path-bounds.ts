/** What of the things at paths a list may show. Each member that is there binds it. */
export interface PathBounds {
  /** Of which one must be the beginning of the path, such as f/NAME. */
  readonly places: readonly string[] | undefined;
  /** Regular expressions of Postgres, of which one must fit. */
  readonly patterns: readonly string[] | undefined;
}

/**
 * A condition on a column with paths, with two parameters from the given number on: `boundsValues`. Each half is a `coalesce` so that the planner
 * takes it for true of every other row, and goes on reading in the order of paths: what it knows of the bare comparison made it read and sort all rows.
 */
export function withinBounds(column: string, first: number): string {
  const place = `split_part(${column}, '/', 1) || '/' || split_part(${column}, '/', 2)`;
  return `coalesce(${place} = ANY ($${first}::text[]), $${first}::text[] IS NULL) AND coalesce(${column} ~ ANY ($${first + 1}::text[]), $${first + 1}::text[] IS NULL)`;
}

export function boundsValues(bounds: PathBounds | undefined): [readonly string[] | null, readonly string[] | null] {
  return [bounds?.places ?? null, bounds?.patterns ?? null];
}
