/** The first row of an INSERT that looks for room before it: `SELECT room.is_full, made.* FROM room LEFT JOIN made ON true`. */
interface MadeRow {
  readonly is_full: boolean;
  /** Null where nothing was made. */
  readonly revision: string;
}

/** @returns what was made; full: there is no room for more; undefined: there is one already */
export function madeOf<Row extends MadeRow, Stored>(rows: readonly Row[], stored: (row: Row) => Stored): Stored | "full" | undefined {
  const [row] = rows;
  if (row?.is_full === true) return "full";
  return row === undefined || row.revision === null ? undefined : stored(row);
}
