import { ANY, type JsonValue, type Parameter, type SignatureReading } from "./model.ts";
import { unionOf } from "./parameter-types.ts";
import { SourcePositions } from "./source-position.ts";
import { databaseOf, declarationOf, type SqlDeclaration, sqlType } from "./sql-header.ts";
import { type SqlLanguage, sqlTokens } from "./sql-tokens.ts";

/** How a placeholder of the statement gets its value. */
interface SqlBinding {
  /** As it stands in the statement. */
  readonly placeholder: string;
  /** The argument of the job. */
  readonly name: string;
  /** The declared type as written, in lower case; empty when there is none. */
  readonly type: string;
  /** The default, for an argument that is not given; undefined when it must be given. */
  readonly default?: JsonValue;
}

/** What the runtime of a SQL language needs to know of a script. */
export interface SqlScript {
  /** Path of the resource that the header names (`-- database f/x/y`); undefined: the argument `database` tells. */
  readonly database: string | undefined;
  /** In the order of the values: by number for `$1`, by appearance for the others. Several `?` are several bindings. */
  readonly bindings: readonly SqlBinding[];
}

interface Placeholder {
  readonly text: string;
  cast: string | undefined;
  declaration: SqlDeclaration | undefined;
}

/** Placeholders that one script may have; PostgreSQL takes no more than 65,535. */
const MAX_PLACEHOLDERS = 1000;

interface SqlOutline {
  readonly database: string | undefined;
  readonly placeholders: readonly Placeholder[];
}

function outlineOf(language: SqlLanguage, code: string): { outline: SqlOutline; problems: SignatureReading["problems"] } {
  const { tokens, problem } = sqlTokens(language, code);
  const declared: SqlDeclaration[] = [];
  const used: { text: string; cast: string | undefined }[] = [];
  let database: string | undefined;
  for (const token of tokens) {
    if (token.kind === "placeholder") used.push(token);
    else {
      database ??= databaseOf(token.text);
      const declaration = declarationOf(token.text);
      if (declaration !== undefined) declared.push(declaration);
    }
  }
  const placeholders = combine(declared.slice(0, MAX_PLACEHOLDERS), used.slice(0, MAX_PLACEHOLDERS));
  const problems = problem === undefined ? [] : [new SourcePositions(code).problemAt(problem.offset, problem.message)];
  return { outline: { database, placeholders }, problems };
}

/** `?` are told apart by their order, all others by their text. A declared placeholder that the statement does not use is kept as well. */
function combine(declared: readonly SqlDeclaration[], used: readonly { text: string; cast: string | undefined }[]): Placeholder[] {
  const byKey = new Map<string, Placeholder>();
  let declaredMarks = 0;
  for (const declaration of declared) {
    const { placeholder } = declaration;
    const key = placeholder === "?" ? `?#${++declaredMarks}` : placeholder;
    if (!byKey.has(key)) byKey.set(key, { text: placeholder, cast: undefined, declaration });
  }
  let usedMarks = 0;
  for (const { text, cast } of used) {
    const key = text === "?" ? `?#${++usedMarks}` : text;
    const known = byKey.get(key);
    if (known === undefined) byKey.set(key, { text, cast, declaration: undefined });
    else known.cast ??= cast;
  }
  const all = [...byKey.values()];
  const isNumbered = all.every(({ text }) => /^[$?]\d+$/.test(text));
  return isNumbered ? all.sort((a, b) => Number(a.text.slice(1)) - Number(b.text.slice(1))) : all;
}

/** The argument that fills a placeholder: its declared name, its own name, or `arg1` for a number or a `?`. */
function nameOf(placeholder: Placeholder, index: number): string {
  if (placeholder.declaration?.name !== undefined) return placeholder.declaration.name;
  const own = placeholder.text.slice(1);
  if (own === "") return `arg${index + 1}`;
  return /^\d+$/.test(own) ? `arg${own}` : own;
}

/** Which argument fills which placeholder of a statement. Never throws. */
export function readSqlScript(language: SqlLanguage, code: string): SqlScript {
  const { database, placeholders } = outlineOf(language, code).outline;
  const bindings = placeholders.map((placeholder, index) => {
    const fallback = placeholder.declaration?.default;
    const binding = { placeholder: placeholder.text, name: nameOf(placeholder, index), type: placeholder.declaration?.typeText ?? "" };
    return fallback === undefined ? binding : { ...binding, default: fallback };
  });
  return { database, bindings };
}

/**
 * Reads the arguments of a SQL script: those that its comments declare and its placeholders name, and `database`, which may be left out when
 * the header names one. Strings, quoted names and comments that never end are problems; the rest of the grammar is the database's own.
 */
export function readSql(language: SqlLanguage, code: string): SignatureReading {
  const { outline, problems } = outlineOf(language, code);
  const parameters = new Map<string, Parameter>();
  parameters.set("database", databaseParameter(language, outline.database !== undefined));
  outline.placeholders.forEach((placeholder, index) => {
    const name = nameOf(placeholder, index);
    if (!parameters.has(name)) parameters.set(name, parameterOf(name, placeholder));
  });
  return { signature: { parameters: [...parameters.values()], hasMain: true, variadic: false }, problems };
}

function parameterOf(name: string, { cast, declaration }: Placeholder): Parameter {
  const type = declaration?.type ?? (cast === undefined ? undefined : sqlType(cast)) ?? ANY;
  const fallback = declaration?.default;
  return fallback === undefined ? { name, type, required: true } : { name, type, required: false, default: fallback };
}

/** A server is named by a resource or a URL; one in the header may still be replaced. SQLite and DuckDB take a path, and work in memory when nothing is said. */
function databaseParameter(language: SqlLanguage, isNamed: boolean): Parameter {
  const name = "database";
  if (language === "sqlite" || language === "duckdb") {
    const parameter: Parameter = { name, type: { kind: "string" }, required: false };
    return isNamed ? parameter : { ...parameter, default: ":memory:" };
  }
  return { name, type: unionOf([{ kind: "resource", name: language }, { kind: "string" }]), required: !isNamed };
}
