import type { Connection, Submittable } from "pg";
import { QueryError } from "../query-error.ts";
import { type ResultWriter, resultTooLarge } from "../result-writer.ts";
import { type PgParameter, pgColumn } from "./pg-values.ts";

/** What the server may send between two rows: more than that is one row that nobody could keep. */
const MAX_ROW_BYTES = 8 * 1024 * 1024;

/**
 * One statement over the extended protocol, where the server itself refuses more than one, in one round trip. Rows are written as they
 * arrive and none is kept, so that memory is bounded by the cap of the result and the size of one row.
 */
export class PgStatement implements Submittable {
  /** Resolves when the server is ready for the next; rejects with what the server or the connection said. */
  readonly done: Promise<void>;
  /** What the statement did, such as `INSERT 0 3`; empty when it gave rows. */
  said = "";
  readonly #text: string;
  readonly #parameters: readonly PgParameter[];
  readonly #writer: ResultWriter;
  readonly #oneRow: boolean;
  readonly #outcome = Promise.withResolvers<void>();
  #columns: readonly ((text: string | null) => string)[] = [];
  #failed = false;
  #sinceRowBytes = 0;
  #stopListening = (): void => undefined;

  constructor(text: string, parameters: readonly PgParameter[], writer: ResultWriter, oneRow: boolean) {
    this.#text = text;
    this.#parameters = parameters;
    this.#writer = writer;
    this.#oneRow = oneRow;
    this.done = this.#outcome.promise;
  }

  submit = (connection: Connection): void => {
    const { stream } = connection;
    const count = (data: Buffer): void => {
      this.#sinceRowBytes += data.length;
      if (this.#sinceRowBytes > MAX_ROW_BYTES) this.#fail(resultTooLarge());
    };
    stream.on("data", count);
    this.#stopListening = () => void stream.off("data", count);
    stream.cork();
    connection.parse({ name: "", text: this.#text, types: this.#parameters.map(({ oid }) => String(oid)) }, true);
    connection.bind({ values: this.#parameters.map(({ text }) => text) }, true);
    connection.describe({ type: "P" }, true);
    // The typings say string; the serializer writes a number.
    connection.execute(this.#oneRow ? oneRow() : null, true);
    connection.sync();
    stream.uncork();
  };

  handleRowDescription(message: { readonly fields: readonly { readonly name: string; readonly dataTypeID: number }[] }): void {
    this.#columns = message.fields.map(({ dataTypeID }) => pgColumn(dataTypeID));
    this.#writer.columns(message.fields.map(({ name }) => name));
  }

  handleDataRow({ fields }: { readonly fields: readonly (string | null)[] }): void {
    this.#sinceRowBytes = 0;
    if (this.#failed || !this.#writer.keeps) return;
    try {
      this.#writer.row(fields.map((text, at) => this.#columns[at]?.(text) ?? "null"));
    } catch (error) {
      this.#fail(error);
    }
  }

  handleCommandComplete({ text }: { readonly text: string }): void {
    if (this.#columns.length === 0) this.said = text;
  }

  handleReadyForQuery(): void {
    this.#stopListening();
    this.#outcome.resolve();
  }

  handleError(error: unknown): void {
    this.#fail(error);
  }

  handleCopyInResponse(): void {
    this.#fail(new QueryError("QueryError", "COPY FROM STDIN has nothing to read here: use INSERT"));
  }

  handleCopyData(): void {
    this.#fail(new QueryError("QueryError", "COPY TO STDOUT is not passed on: use SELECT"));
  }

  handlePortalSuspended(): void {
    // One row was asked for.
  }

  handleEmptyQuery(): void {
    // Nothing to do: the server is ready in a moment.
  }

  #fail(error: unknown): void {
    this.#failed = true;
    this.#stopListening();
    this.#outcome.reject(error);
  }
}

function oneRow(): { readonly portal: string; readonly rows: string } {
  return { portal: "", rows: "1" };
}
