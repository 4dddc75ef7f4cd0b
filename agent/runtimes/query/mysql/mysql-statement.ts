import type { Connection, FieldPacket, TypedParameterValue } from "mysql2";
import { messageOf } from "../../../../kernel/app-error.ts";
import { QueryError } from "../query-error.ts";
import { type ResultWriter, resultTooLarge } from "../result-writer.ts";
import type { Statement } from "../sql-statements.ts";
import { mysqlColumn } from "./mysql-values.ts";

/** What the server may send between two rows: more than that is one row that nobody could keep. */
const MAX_ROW_BYTES = 8 * 1024 * 1024;

export interface PreparedStatement {
  readonly statement: Statement;
  /** With every placeholder as a question mark. */
  readonly sql: string;
  readonly values: readonly (TypedParameterValue | string | null)[];
}

/** One statement. With values it is prepared by the server, which gets them apart from the text. Rows are written as they arrive. */
export class MysqlStatement {
  /** Resolves with what was done, such as `3 rows`; empty when it gave rows. */
  readonly done: Promise<string>;
  readonly #connection: Connection;
  readonly #statement: Statement;
  readonly #writer: ResultWriter;
  readonly #outcome = Promise.withResolvers<string>();
  #columns: readonly ((value: unknown) => string)[] | undefined;
  #said = "";
  #ended = false;
  #sinceRowBytes = 0;

  constructor(connection: Connection, { statement, sql, values }: PreparedStatement, writer: ResultWriter) {
    this.#connection = connection;
    this.#statement = statement;
    this.#writer = writer;
    this.done = this.#outcome.promise;
    connection.once("error", this.#fail);
    this.#stream()?.on("data", this.#count);
    const query = values.length === 0 ? connection.query(sql) : connection.execute(sql, [...values]);
    query.on("fields", (fields: unknown) => this.#describe(fields));
    query.on("result", (row: unknown) => this.#take(row));
    query.on("error", this.#fail);
    query.on("end", () => {
      this.#leave();
      this.#outcome.resolve(this.#said);
    });
  }

  #describe(fields: unknown): void {
    if (!isFieldList(fields)) return;
    this.#columns = fields.map(mysqlColumn);
    this.#writer.columns(fields.map(({ name }) => name));
  }

  #take(row: unknown): void {
    this.#sinceRowBytes = 0;
    if (this.#ended) return;
    const columns = this.#columns;
    if (!Array.isArray(row) || columns === undefined) {
      const changed: unknown = typeof row === "object" && row !== null && "affectedRows" in row ? row.affectedRows : 0;
      if (columns === undefined && typeof changed === "number" && changed > 0) this.#said = `${changed} row${changed === 1 ? "" : "s"}`;
    } else if (this.#writer.keeps) {
      try {
        this.#writer.row(columns.map((write, at) => write(row[at])));
      } catch (error) {
        this.#cut(error);
      }
    }
  }

  #count = (data: Buffer): void => {
    this.#sinceRowBytes += data.length;
    if (this.#sinceRowBytes > MAX_ROW_BYTES) this.#cut(resultTooLarge());
  };

  /** There is no other way to stop a server that sends. */
  #cut(error: unknown): void {
    this.#fail(error);
    this.#connection.destroy();
  }

  #fail = (error: unknown): void => {
    this.#leave();
    this.#outcome.reject(error instanceof QueryError ? error : refused(error, this.#statement));
  };

  #leave(): void {
    this.#ended = true;
    this.#connection.off("error", this.#fail);
    this.#stream()?.off("data", this.#count);
  }

  /** The socket, or what encrypts it: not in the typings. */
  #stream(): Events | undefined {
    const stream: unknown = Reflect.get(this.#connection, "stream");
    return hasEvents(stream) ? stream : undefined;
  }
}

interface Events {
  on(name: string, listener: (data: Buffer) => void): unknown;
  off(name: string, listener: (data: Buffer) => void): unknown;
}

function hasEvents(stream: unknown): stream is Events {
  return typeof stream === "object" && stream !== null && "on" in stream && "off" in stream;
}

function isFieldList(fields: unknown): fields is FieldPacket[] {
  return Array.isArray(fields) && fields.length > 0;
}

function refused(error: unknown, statement: Statement): QueryError {
  const state: unknown = error instanceof Error && "sqlState" in error ? error.sqlState : undefined;
  const name: unknown = error instanceof Error && "code" in error ? error.code : undefined;
  const text = messageOf(error);
  if (typeof state !== "string") {
    return new QueryError("ConnectionError", `the connection to MySQL was lost: ${text}`, { code: typeof name === "string" ? name : "connection_lost" });
  }
  // "… near 'x' at line 2": counted in the statement, wanted in the script.
  const found = /at line ([0-9]+)$/.exec(text);
  const line = statement.line + (found === null ? 0 : Number(found[1]) - 1);
  const message = found === null ? text : `${text.slice(0, found.index)}at line ${line}`;
  return new QueryError("QueryError", `line ${line}: ${message} (${state})`, { line, code: state, ...(typeof name === "string" ? { hint: name } : {}) });
}
