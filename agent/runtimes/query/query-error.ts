/** What went wrong with a query, in words that may be shown: never a password, never an address with one in it. */
export type QueryErrorName =
  /** The code does not parse; found before anything was sent. */
  | "SyntaxError"
  /** The arguments do not fit. */
  | "InvalidArgument"
  | "UnknownArgument"
  /** The server could not be reached, or did not let us in. Nothing of the code ran. */
  | "ConnectionError"
  /** The server refused a statement. */
  | "QueryError"
  | "GraphqlError"
  | "HttpError"
  | "HttpStatus"
  | "ResultTooLarge"
  | "OutOfMemory";

export interface QueryErrorDetails {
  /** In the user's code, from 1. */
  readonly line?: number;
  /** SQLSTATE, a driver's or a system's code. */
  readonly code?: string;
  readonly hint?: string;
  readonly detail?: string;
  /** Members for the result's `error` beyond these, JSON text by name. */
  readonly json?: ReadonlyMap<string, string>;
}

export class QueryError extends Error {
  override readonly name: QueryErrorName;
  readonly details: QueryErrorDetails;

  constructor(name: QueryErrorName, message: string, details: QueryErrorDetails = {}) {
    super(message);
    this.name = name;
    this.details = details;
  }
}
