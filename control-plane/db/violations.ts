// What Postgres says of a row that may not be there, by its SQLSTATE.

/** There is a row with this key already. */
export const isUniqueViolation = (error: unknown): boolean => stateOf(error) === "23505";

/** The row that it refers to is not there, or is gone. */
export const isForeignKeyViolation = (error: unknown): boolean => stateOf(error) === "23503";

function stateOf(error: unknown): unknown {
  return error instanceof Error && "code" in error ? error.code : undefined;
}
