import type { FieldPacket, TypedParameterValue } from "mysql2";
import { messageOf } from "../../../../kernel/app-error.ts";
import { readSqlHeaders } from "../../../../signatures/sql-headers.ts";
import { type BoundParameter, bindParameters, readArguments, undeclared } from "../arguments.ts";
import { connectionKey, IdleConnections } from "../idle-connections.ts";
import type { QueryJob } from "../messages-codec.ts";
import type { QueryContext } from "../query-context.ts";
import { QueryError } from "../query-error.ts";
import { ResultWriter, resultTooLarge } from "../result-writer.ts";
import { readServerAddress } from "../server-address.ts";
import { type Statement, splitStatements } from "../sql-statements.ts";
import { cancelMysqlQuery, closeMysqlConnection, type MysqlConnection, openMysqlConnection, resetMysqlConnection } from "./mysql-connection.ts";
import { mysqlColumn, mysqlParameter } from "./mysql-values.ts";

const DEFAULT_PORT = 3306;
/** What the server may send between two rows: more than that is one row that nobody could keep. */
const MAX_ROW_BYTES = 32 * 1024 * 1024;
const idle = new IdleConnections<MysqlConnection>(closeMysqlConnection);

interface Prepared {
  readonly statement: Statement;
  /** With every placeholder as a question mark. */
  readonly sql: string;
  readonly values: readonly (TypedParameterValue | string | null)[];
}

/** Runs the statements of a script one after the other in one session. */
export async function runMysql(job: QueryJob, context: QueryContext): Promise<string> {
  const headers = readSqlHeaders("mysql", job.code);
  const args = readArguments(job.argsJson);
  const bound = bindParameters(headers, args, ["database"]);
  const statements = prepareAll(splitStatements("mysql", job.code), bound);
  const address = readServerAddress(args, ["mysql:", "mariadb:"], DEFAULT_PORT);
  const key = connectionKey(address);
  const session = idle.take(key) ?? (await openMysqlConnection(address, job.metadataAllowed, context.signal));
  const stopped = Promise.withResolvers<never>();
  stopped.promise.catch(() => undefined);
  const cancel = (): void => void cancelMysqlQuery(session).then(() => stopped.reject(new QueryError("QueryError", "the query was cancelled")));
  context.signal.addEventListener("abort", cancel, { once: true });
  let reusable = false;
  try {
    context.signal.throwIfAborted();
    const writer = new ResultWriter(headers.collection, statements.length, job.resultMaxBytes);
    for (const [index, prepared] of statements.entries()) {
      writer.begin(index);
      const said = await Promise.race([new MysqlStatement(session, prepared, writer).done, stopped.promise]);
      writer.end();
      if (said !== "") context.say(`statement ${index + 1}: ${said}`);
      context.signal.throwIfAborted();
    }
    reusable = true;
    return writer.finish();
  } catch (error) {
    reusable = error instanceof QueryError && error.details.code !== undefined && error.name === "QueryError";
    throw error;
  } finally {
    context.signal.removeEventListener("abort", cancel);
    if (reusable && !context.signal.aborted) void giveBack(key, session);
    else closeMysqlConnection(session);
  }
}

/** Not waited for: the job has its result. A transaction that was left open is rolled back by the reset. */
async function giveBack(key: string, session: MysqlConnection): Promise<void> {
  try {
    await resetMysqlConnection(session);
    session.connection.once("end", () => idle.remove(session));
    idle.keep(key, session);
  } catch {
    closeMysqlConnection(session);
  }
}

/** Question marks take their values in the order of the whole script. */
function prepareAll(statements: readonly Statement[], bound: readonly BoundParameter[]): Prepared[] {
  let position = 0;
  return statements.map((statement) => {
    let sql = "";
    let from = 0;
    const values = statement.placeholders.map(({ name, offset, length }) => {
      if (name === "") position += 1;
      const parameter = bound.find((one) => (name === "" ? one.position === position : one.position === 0 && one.name === name));
      if (parameter === undefined) throw undeclared(statement, offset, name === "" ? `question mark ${position}` : `\`:${name}\``);
      sql += `${statement.text.slice(from, offset)}?`;
      from = offset + length;
      return mysqlParameter(parameter);
    });
    return { statement, sql: sql + statement.text.slice(from), values };
  });
}

/** One statement. With values it is prepared by the server, which gets them apart from the text. */
class MysqlStatement {
  /** Resolves with what was done, such as `3 rows`; empty when it gave rows. */
  readonly done: Promise<string>;
  readonly #statement: Statement;
  readonly #writer: ResultWriter;
  #columns: readonly ((value: unknown) => string)[] | undefined;
  #said = "";
  #error: unknown;
  #sinceRowBytes = 0;

  constructor({ connection }: MysqlConnection, prepared: Prepared, writer: ResultWriter) {
    this.#statement = prepared.statement;
    this.#writer = writer;
    const { sql, values } = prepared;
    const query = values.length === 0 ? connection.query(sql) : connection.execute(sql, [...values]);
    const stream: unknown = Reflect.get(connection, "stream");
    this.done = new Promise((resolve, reject) => {
      const finish = (error: unknown): void => {
        if (hasEvents(stream)) stream.off("data", count);
        if (error === undefined) resolve(this.#said);
        else reject(error instanceof QueryError ? error : refused(error, this.#statement));
      };
      const fail = (error: unknown): void => {
        this.#error ??= error;
        connection.destroy();
        finish(this.#error);
      };
      const count = (data: Buffer): void => {
        this.#sinceRowBytes += data.length;
        if (this.#sinceRowBytes > MAX_ROW_BYTES) fail(resultTooLarge());
      };
      if (hasEvents(stream)) stream.on("data", count);
      query.on("fields", (fields: unknown) => this.#describe(fields));
      query.on("result", (row: unknown) => {
        this.#sinceRowBytes = 0;
        try {
          this.#take(row);
        } catch (error) {
          fail(error);
        }
      });
      query.on("error", (error: unknown) => finish((this.#error ??= error)));
      query.on("end", () => finish(this.#error));
      connection.once("error", (error: unknown) => finish((this.#error ??= error)));
    });
  }

  #describe(fields: unknown): void {
    if (!isFieldList(fields)) return;
    this.#columns = fields.map(mysqlColumn);
    this.#writer.columns(fields.map(({ name }) => name));
  }

  #take(row: unknown): void {
    if (this.#error !== undefined) return;
    const columns = this.#columns;
    if (Array.isArray(row) && columns !== undefined) {
      if (this.#writer.keeps) this.#writer.row(columns.map((write, at) => write(row[at])));
      return;
    }
    const changed: unknown = typeof row === "object" && row !== null && "affectedRows" in row ? row.affectedRows : 0;
    if (columns === undefined && typeof changed === "number" && changed > 0) this.#said = `${changed} row${changed === 1 ? "" : "s"}`;
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
