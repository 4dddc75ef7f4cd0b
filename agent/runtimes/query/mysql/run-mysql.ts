import { Bindings, readArguments } from "../arguments.ts";
import { connectionKey, IdleConnections } from "../idle-connections.ts";
import type { QueryJob } from "../messages-codec.ts";
import type { QueryContext } from "../query-context.ts";
import { QueryError } from "../query-error.ts";
import { readCollection } from "../result-collection.ts";
import { ResultWriter } from "../result-writer.ts";
import { readServerAddress } from "../server-address.ts";
import { type Statement, splitStatements } from "../sql-statements.ts";
import { cancelMysqlQuery, closeMysqlConnection, type MysqlConnection, openMysqlConnection, resetMysqlConnection } from "./mysql-connection.ts";
import { MysqlStatement, type PreparedStatement } from "./mysql-statement.ts";
import { mysqlParameter } from "./mysql-values.ts";

const DEFAULT_PORT = 3306;
const idle = new IdleConnections<MysqlConnection>(closeMysqlConnection);

/** Runs the statements of a script one after the other in one session. */
export async function runMysql(job: QueryJob, context: QueryContext): Promise<string> {
  const args = readArguments(job.argsJson);
  const collection = readCollection(job.code);
  const split = splitStatements("mysql", job.code);
  const bindings = new Bindings("mysql", job.code, args);
  const statements = split.map((statement) => prepare(statement, bindings));
  const address = readServerAddress(args, ["mysql:", "mariadb:"], DEFAULT_PORT);
  const key = connectionKey({ ...address, reach: job.reach });
  const session = (await idle.take(key)) ?? (await openMysqlConnection(address, job.reach, context.signal));
  const stopped = Promise.withResolvers<never>();
  stopped.promise.catch(() => undefined);
  let over = false;
  const cancel = (): void => {
    void cancelMysqlQuery(session, () => over).then(() => stopped.reject(new QueryError("QueryError", "the query was cancelled")));
  };
  context.signal.addEventListener("abort", cancel, { once: true });
  let reusable = false;
  try {
    context.signal.throwIfAborted();
    const writer = new ResultWriter(collection, statements.length, job.resultMaxBytes);
    for (const [index, prepared] of statements.entries()) {
      writer.begin(index);
      const said = await Promise.race([new MysqlStatement(session.connection, prepared, writer).done, stopped.promise]);
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
    over = true;
    context.signal.removeEventListener("abort", cancel);
    if (reusable && !context.signal.aborted) giveBack(key, session);
    else closeMysqlConnection(session);
  }
}

/** A transaction that was left open is rolled back by the reset. */
function giveBack(key: string, session: MysqlConnection): void {
  session.connection.once("end", () => idle.remove(session));
  idle.keep(key, session, resetMysqlConnection(session));
}

/** The protocol knows question marks only. */
function prepare(statement: Statement, bindings: Bindings): PreparedStatement {
  let sql = "";
  let from = 0;
  const values = statement.placeholders.map((placeholder) => {
    sql += `${statement.text.slice(from, placeholder.offset)}?`;
    from = placeholder.offset + placeholder.text.length;
    return mysqlParameter(bindings.of(statement, placeholder));
  });
  return { statement, sql: sql + statement.text.slice(from), values };
}
