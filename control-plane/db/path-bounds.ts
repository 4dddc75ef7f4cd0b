/** What of the things at paths a list may show. Each member that is there binds it. */
export interface PathBounds {
  /** Of which one must be the beginning of the path, such as f/NAME. */
  readonly places: readonly string[] | undefined;
  /** Regular expressions of Postgres, of which one must fit. */
  readonly patterns: readonly string[] | undefined;
}

/** A condition on a column with paths, with two parameters from the given number on: `boundsValues`. */
export function withinBounds(column: string, first: number): string {
  const place = `split_part(${column}, '/', 1) || '/' || split_part(${column}, '/', 2)`;
  return `($${first}::text[] IS NULL OR ${place} = ANY ($${first})) AND ($${first + 1}::text[] IS NULL OR ${column} ~ ANY ($${first + 1}))`;
}

export function boundsValues(bounds: PathBounds | undefined): [readonly string[] | null, readonly string[] | null] {
  return [bounds?.places ?? null, bounds?.patterns ?? null];
}
