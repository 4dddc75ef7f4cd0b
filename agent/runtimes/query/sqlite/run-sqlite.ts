import { DatabaseSync, type SQLInputValue, type SQLOutputValue, type StatementSync } from "node:sqlite";
import { messageOf } from "../../../../kernel/app-error.ts";
import { Bindings, type BoundParameter, bytesOf, integerOf, readArgument, readArguments } from "../arguments.ts";
import { databasePath } from "../database-path.ts";
import { jsonBytes, jsonDouble, jsonText } from "../json-values.ts";
import type { QueryJob } from "../messages-codec.ts";
import type { QueryContext } from "../query-context.ts";
import { QueryError } from "../query-error.ts";
import { readCollection } from "../result-collection.ts";
import { ResultWriter } from "../result-writer.ts";
import { type Statement, splitStatements } from "../sql-statements.ts";

const MIN_INTEGER = -(2n ** 63n);
const MAX_INTEGER = 2n ** 63n - 1n;

/**
 * Runs the statements of a script on a database in memory or in the job's own folder. SQLite blocks this process: it is ended from outside
 * when the job is to end.
 */
export async function runSqlite(job: QueryJob, context: QueryContext): Promise<string> {
  const args = readArguments(job.argsJson);
  const collection = readCollection(job.code);
  const split = splitStatements("sqlite", job.code);
  const bindings = new Bindings("sqlite", job.code, args);
  const statements = split.map((statement) => ({ statement, values: valuesOf(statement, bindings) }));
  const database = new DatabaseSync(databasePath(args), { enableForeignKeyConstraints: true });
  try {
    const writer = new ResultWriter(collection, statements.length, job.resultMaxBytes);
    for (const [index, { statement, values }] of statements.entries()) {
      writer.begin(index);
      const changes = runStatement(database, statement, values, writer);
      writer.end();
      if (changes > 0n) context.say(`statement ${index + 1}: ${changes} row${changes === 1n ? "" : "s"}`);
    }
    return writer.finish();
  } finally {
    database.close();
  }
}

/** @returns how many rows were changed; 0 for a statement that gives rows */
function runStatement(database: DatabaseSync, statement: Statement, values: Values, writer: ResultWriter): bigint {
  try {
    const prepared = database.prepare(statement.text);
    prepared.setReadBigInts(true);
    prepared.setReturnArrays(true);
    const columns = prepared.columns();
    if (columns.length === 0) return BigInt(prepared.run(values.named, ...values.marks).changes);
    writer.columns(columns.map(({ name }) => name));
    readRows(prepared, values, writer);
    return 0n;
  } catch (error) {
    throw error instanceof QueryError ? error : refused(error, statement);
  }
}

function readRows(prepared: StatementSync, values: Values, writer: ResultWriter): void {
  for (const row of prepared.iterate(values.named, ...values.marks)) {
    // With arrays switched on a row is one, which its type does not say.
    if (writer.keeps) writer.row(Object.values(row).map(jsonOf));
  }
}

function jsonOf(value: SQLOutputValue): string {
  if (value === null) return "null";
  if (typeof value === "bigint") return String(value);
  if (typeof value === "number") return jsonDouble(value);
  return typeof value === "string" ? jsonText(value) : jsonBytes(value);
}

interface Values {
  /** By name with its sign, as SQLite wants it. */
  readonly named: Record<string, SQLInputValue>;
  /** Of the question marks, in their order. */
  readonly marks: readonly SQLInputValue[];
}

function valuesOf(statement: Statement, bindings: Bindings): Values {
  const all = statement.placeholders.map((placeholder) => ({ ...placeholder, value: sqliteValue(bindings.of(statement, placeholder)) }));
  const named = Object.fromEntries(all.filter(({ mark }) => mark === 0).map(({ text, value }) => [text, value]));
  return { named, marks: all.filter(({ mark }) => mark > 0).map(({ value }) => value) };
}

function sqliteValue({ name, type, value }: BoundParameter): SQLInputValue {
  const argument = readArgument(value);
  switch (argument.kind) {
    case "null":
      return null;
    case "boolean":
      return argument.value ? 1n : 0n;
    case "string":
      return type === "blob" ? bytesOf(name, argument.text) : argument.text;
    case "number": {
      const integer = integerOf(argument.digits);
      if (integer === undefined) return Number(argument.digits);
      if (integer < MIN_INTEGER || integer > MAX_INTEGER) throw new QueryError("InvalidArgument", `the argument \`${name}\` is too large for SQLite`);
      return integer;
    }
    default:
      return argument.json;
  }
}

const NO_MEMORY = 7;

function refused(error: unknown, statement: Statement): QueryError {
  const code: unknown = error instanceof Error && "errcode" in error ? error.errcode : undefined;
  const message = messageOf(error);
  if (code === NO_MEMORY) return new QueryError("OutOfMemory", "the query needed more memory than a query may have");
  const line = lineOf(message, statement);
  return new QueryError("QueryError", `line ${line}: ${message}`, { line, ...(typeof code === "number" ? { code: `SQLITE_${code}` } : {}) });
}

/** SQLite names the word that it stumbled on: its line, if it stands there once; else that of the statement. */
function lineOf(message: string, statement: Statement): number {
  const word = /near "(.+?)": syntax error/.exec(message)?.[1] ?? /no such (?:column|table|function): (\S+)/.exec(message)?.[1];
  const pieces = word === undefined ? [] : statement.text.split(word);
  return statement.line + (pieces.length === 2 ? (pieces[0]?.split("\n").length ?? 1) - 1 : 0);
}
