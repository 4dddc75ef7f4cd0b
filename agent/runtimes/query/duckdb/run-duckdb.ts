import { type DuckDBConnection, DuckDBInstance } from "@duckdb/node-api";
import { messageOf } from "../../../../kernel/app-error.ts";
import { Bindings, type BoundParameter, readArguments } from "../arguments.ts";
import { databasePath, IN_MEMORY } from "../database-path.ts";
import type { QueryJob } from "../messages-codec.ts";
import { HELPER_TMP, type QueryContext } from "../query-context.ts";
import { QueryError } from "../query-error.ts";
import { readCollection } from "../result-collection.ts";
import { ResultWriter } from "../result-writer.ts";
import { type Statement, splitStatements } from "../sql-statements.ts";
import { bindDuckdb, jsonOfDuckdb } from "./duckdb-values.ts";

/** What does not fit goes to the job's folder. The process is ended when it grows well beyond. */
const MEMORY = "512MB";
const THREADS = "2";

/** Runs the statements of a script on a database in memory or in the job's own folder. */
export async function runDuckdb(job: QueryJob, context: QueryContext): Promise<string> {
  const args = readArguments(job.argsJson);
  const collection = readCollection(job.code);
  const split = splitStatements("duckdb", job.code);
  const bindings = new Bindings("duckdb", job.code, args);
  const statements = split.map((statement) => ({ statement, values: valuesOf(statement, bindings) }));
  const instance = await takeInstance(databasePath(args));
  const connection = await instance.connect();
  const interrupt = (): void => connection.interrupt();
  context.signal.addEventListener("abort", interrupt, { once: true });
  try {
    const writer = new ResultWriter(collection, statements.length, job.resultMaxBytes);
    for (const [index, { statement, values }] of statements.entries()) {
      context.signal.throwIfAborted();
      writer.begin(index);
      const changed = await runStatement(connection, statement, values, writer);
      writer.end();
      if (changed > 0) context.say(`statement ${index + 1}: ${changed} row${changed === 1 ? "" : "s"}`);
    }
    return writer.finish();
  } finally {
    context.signal.removeEventListener("abort", interrupt);
    connection.closeSync();
    instance.closeSync();
    spare ??= openInstance(IN_MEMORY);
    spare.catch(() => undefined);
  }
}

/** For the next job that wants one in memory: making it takes ten milliseconds. Used once. */
let spare: Promise<DuckDBInstance> | undefined;

function takeInstance(path: string): Promise<DuckDBInstance> {
  if (path !== IN_MEMORY || spare === undefined) return openInstance(path);
  const taken = spare;
  spare = undefined;
  return taken;
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
async function runStatement(connection: DuckDBConnection, statement: Statement, values: Values, writer: ResultWriter): Promise<number> {
  try {
    const prepared = await connection.prepare(statement.text);
    for (let index = 1; index <= prepared.parameterCount; index++) {
      const name = prepared.parameterName(index);
      const parameter = values.get(name.toLowerCase());
      if (parameter === undefined) throw new QueryError("InvalidArgument", `line ${statement.line}: no argument fills the parameter ${name}`);
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

/** By DuckDB's names for parameters: those of the script, or numbers, also for question marks. */
type Values = ReadonlyMap<string, BoundParameter>;

function valuesOf(statement: Statement, bindings: Bindings): Values {
  let marks = 0;
  return new Map(
    statement.placeholders.map((placeholder) => {
      const name = placeholder.mark > 0 ? String(++marks) : placeholder.text.slice(1).toLowerCase();
      return [name, bindings.of(statement, placeholder)];
    }),
  );
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
