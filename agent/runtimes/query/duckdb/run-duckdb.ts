import { type DuckDBConnection, DuckDBInstance } from "@duckdb/node-api";
import { messageOf } from "../../../../kernel/app-error.ts";
import { readSqlHeaders } from "../../../../signatures/sql-headers.ts";
import { type BoundParameter, bindParameters, readArguments, undeclared } from "../arguments.ts";
import { databasePath } from "../database-path.ts";
import type { QueryJob } from "../messages-codec.ts";
import { HELPER_TMP, type QueryContext } from "../query-context.ts";
import { QueryError } from "../query-error.ts";
import { ResultWriter } from "../result-writer.ts";
import { type Statement, splitStatements } from "../sql-statements.ts";
import { bindDuckdb, jsonOfDuckdb } from "./duckdb-values.ts";

/** What does not fit goes to the job's folder. The process is ended when it grows well beyond. */
const MEMORY = "512MB";
const THREADS = "2";

/** Runs the statements of a script on a database in memory or in the job's own folder. */
export async function runDuckdb(job: QueryJob, context: QueryContext): Promise<string> {
  const headers = readSqlHeaders("duckdb", job.code);
  const args = readArguments(job.argsJson);
  const bound = bindParameters(headers, args, ["database"]);
  const statements = splitStatements("duckdb", job.code);
  for (const statement of statements) checkDeclared(statement, bound);
  const instance = await openInstance(databasePath(args));
  const connection = await instance.connect();
  const interrupt = (): void => connection.interrupt();
  context.signal.addEventListener("abort", interrupt, { once: true });
  try {
    const writer = new ResultWriter(headers.collection, statements.length, job.resultMaxBytes);
    for (const [index, statement] of statements.entries()) {
      context.signal.throwIfAborted();
      writer.begin(index);
      const changed = await runStatement(connection, statement, bound, writer);
      writer.end();
      if (changed > 0) context.say(`statement ${index + 1}: ${changed} row${changed === 1 ? "" : "s"}`);
    }
    return writer.finish();
  } finally {
    context.signal.removeEventListener("abort", interrupt);
    connection.closeSync();
    instance.closeSync();
  }
}

async function openInstance(path: string): Promise<DuckDBInstance> {
  const tmp = process.env[HELPER_TMP] ?? "/tmp";
  const config = {
    memory_limit: MEMORY,
    threads: THREADS,
    temp_directory: `${tmp}/.duckdb`,
    home_directory: tmp,
    // There is no network to fetch them from.
    autoinstall_known_extensions: "false",
    allow_community_extensions: "false",
  };
  try {
    return await DuckDBInstance.create(path, config);
  } catch (error) {
    throw new QueryError("ConnectionError", `the database cannot be opened: ${firstLine(messageOf(error))}`, { code: "open_failed" });
  }
}

/** @returns how many rows were changed; 0 for a statement that gives rows */
async function runStatement(connection: DuckDBConnection, statement: Statement, bound: readonly BoundParameter[], writer: ResultWriter): Promise<number> {
  try {
    const prepared = await connection.prepare(statement.text);
    for (let index = 1; index <= prepared.parameterCount; index++) {
      const parameter = bound.find(({ name }) => name === prepared.parameterName(index));
      if (parameter === undefined) throw undeclared(statement, 0, `a parameter \`${prepared.parameterName(index)}\``);
      bindDuckdb(prepared, index, parameter);
    }
    const result = await prepared.stream();
    const types = result.columnTypes();
    writer.columns(result.columnNames());
    for (let chunk = await result.fetchChunk(); chunk !== null && chunk.rowCount > 0; chunk = await result.fetchChunk()) {
      if (!writer.keeps) continue;
      chunk.visitRows((row) => {
        if (writer.keeps) writer.row(row.map((value, at) => jsonOfDuckdb(value, types[at])));
      });
    }
    prepared.destroySync();
    return result.rowsChanged;
  } catch (error) {
    throw error instanceof QueryError ? error : refused(messageOf(error), statement);
  }
}

function checkDeclared(statement: Statement, bound: readonly BoundParameter[]): void {
  for (const { name, offset } of statement.placeholders) {
    if (!bound.some((parameter) => parameter.name.toLowerCase() === name.toLowerCase())) throw undeclared(statement, offset, `\`$${name}\``);
  }
}

/** "Parser Error: … LINE 2: select frm x\n ^": counted in the statement, wanted in the script. */
function refused(text: string, statement: Statement): QueryError {
  const inside = Number(/^LINE ([0-9]+):/m.exec(text)?.[1] ?? 1);
  const line = statement.line + inside - 1;
  const kind = /^([A-Z][A-Za-z ]*?) Error:/.exec(text)?.[1];
  if (kind === "Out of Memory") return new QueryError("OutOfMemory", "the query needed more memory than a query may have");
  return new QueryError("QueryError", `line ${line}: ${firstLine(text)}`, { line, ...(kind === undefined ? {} : { code: `${kind} Error` }) });
}

function firstLine(text: string): string {
  return text.split("\n", 1)[0] ?? "";
}
