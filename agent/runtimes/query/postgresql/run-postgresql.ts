import pg from "pg";
import { messageOf } from "../../../../kernel/app-error.ts";
import { Bindings, countLines, readArguments } from "../arguments.ts";
import { connectionKey, IdleConnections } from "../idle-connections.ts";
import type { QueryJob } from "../messages-codec.ts";
import type { QueryContext } from "../query-context.ts";
import { QueryError } from "../query-error.ts";
import { readCollection } from "../result-collection.ts";
import { ResultWriter } from "../result-writer.ts";
import { readServerAddress } from "../server-address.ts";
import { type Statement, splitStatements } from "../sql-statements.ts";
import { cancelPgQuery, closePgConnection, openPgConnection, type PgConnection, resetPgConnection } from "./pg-connection.ts";
import { PgStatement } from "./pg-statement.ts";
import { type PgParameter, pgParameter, UNUSED } from "./pg-values.ts";

const DEFAULT_PORT = 5432;
const idle = new IdleConnections<PgConnection>(closePgConnection);

/** Runs the statements of a script one after the other in one session. */
export async function runPostgresql(job: QueryJob, context: QueryContext): Promise<string> {
  const args = readArguments(job.argsJson);
  const collection = readCollection(job.code);
  const split = splitStatements("postgresql", job.code);
  const bindings = new Bindings("postgresql", job.code, args);
  const statements = split.map((statement) => ({ statement, parameters: parametersOf(statement, bindings) }));
  const address = readServerAddress(args, ["postgres:", "postgresql:"], DEFAULT_PORT);
  const key = connectionKey({ ...address, reach: job.reach });
  const connection = (await idle.take(key)) ?? (await openPgConnection(address, job.reach, context.signal));
  let over = false;
  const cancel = (): void => void cancelPgQuery(connection, () => over);
  context.signal.addEventListener("abort", cancel, { once: true });
  let reusable = false;
  try {
    context.signal.throwIfAborted();
    const writer = new ResultWriter(collection, statements.length, job.resultMaxBytes);
    for (const [index, { statement, parameters }] of statements.entries()) {
      writer.begin(index);
      const said = await runStatement(connection, statement, parameters, writer, writer.wantsOneRow(index));
      writer.end();
      if (said !== "") context.say(statements.length === 1 ? said : `statement ${index + 1}: ${said}`);
      context.signal.throwIfAborted();
    }
    reusable = connection.client.getTransactionStatus() === "I";
    return writer.finish();
  } catch (error) {
    reusable = error instanceof QueryError && error.details.code !== undefined && connection.client.getTransactionStatus() === "I";
    throw error;
  } finally {
    over = true;
    context.signal.removeEventListener("abort", cancel);
    // After a cancel the request may still be on its way, and must not meet the next query.
    if (reusable && !context.signal.aborted) giveBack(key, connection);
    else closePgConnection(connection);
  }
}

function giveBack(key: string, connection: PgConnection): void {
  connection.client.once("end", () => idle.remove(connection));
  idle.keep(key, connection, resetPgConnection(connection));
}

/** The values for `$1` to the largest number that the statement names. */
function parametersOf(statement: Statement, bindings: Bindings): PgParameter[] {
  const used = new Map(statement.placeholders.map((placeholder) => [Number(placeholder.text.slice(1)), pgParameter(bindings.of(statement, placeholder))]));
  return Array.from({ length: Math.max(0, ...used.keys()) }, (_, index) => used.get(index + 1) ?? UNUSED);
}

async function runStatement(
  connection: PgConnection,
  statement: Statement,
  parameters: readonly PgParameter[],
  writer: ResultWriter,
  oneRow: boolean,
): Promise<string> {
  const query = connection.client.query(new PgStatement(statement.text, parameters, writer, oneRow));
  try {
    await query.done;
    return query.said;
  } catch (error) {
    throw error instanceof pg.DatabaseError ? fromServer(error, statement) : error instanceof QueryError ? error : lost(error);
  }
}

function fromServer(error: pg.DatabaseError, statement: Statement): QueryError {
  const { code = "XX000", hint, detail, position } = error;
  // Counted in characters, where JavaScript counts in halves of pairs.
  const before = position === undefined ? "" : [...statement.text].slice(0, Number(position) - 1).join("");
  const line = statement.line + countLines(before);
  const more = { ...(hint === undefined ? {} : { hint }), ...(detail === undefined ? {} : { detail }) };
  return new QueryError("QueryError", `line ${line}: ${error.message} (${code})`, { line, code, ...more });
}

function lost(error: unknown): QueryError {
  return new QueryError("ConnectionError", `the connection to PostgreSQL was lost: ${messageOf(error)}`, { code: "connection_lost" });
}
