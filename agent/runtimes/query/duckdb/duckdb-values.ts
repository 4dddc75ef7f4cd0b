import {
  DuckDBArrayValue,
  DuckDBBlobValue,
  DuckDBDecimalValue,
  DuckDBListValue,
  DuckDBMapValue,
  type DuckDBPreparedStatement,
  DuckDBStructValue,
  DuckDBTimestampMillisecondsValue,
  DuckDBTimestampNanosecondsValue,
  DuckDBTimestampSecondsValue,
  DuckDBTimestampTZValue,
  DuckDBTimestampValue,
  type DuckDBType,
  DuckDBTypeId,
  DuckDBUnionValue,
  type DuckDBValue,
} from "@duckdb/node-api";
import { type BoundParameter, bytesOf, integerOf, readArgument } from "../arguments.ts";
import { jsonBytes, jsonDigits, jsonDouble, jsonEmbedded, jsonFloat, jsonText, jsonTimestamp } from "../json-values.ts";

/** JSON text of a value. Lists, structs and maps become arrays and objects; what JSON has no kind for is text, as DuckDB writes it. */
export function jsonOfDuckdb(value: DuckDBValue | undefined, type: DuckDBType | undefined): string {
  if (value === null || value === undefined) return "null";
  switch (typeof value) {
    case "boolean":
      return String(value);
    case "bigint":
      return String(value);
    case "number":
      return type?.typeId === DuckDBTypeId.FLOAT ? jsonFloat(value) : jsonDouble(value);
    case "string":
      return type?.alias === "JSON" ? jsonEmbedded(value) : jsonText(value);
    default:
      return jsonOfObject(value, type);
  }
}

function jsonOfObject(value: object, type: DuckDBType | undefined): string {
  if (value instanceof DuckDBDecimalValue) return jsonDigits(value.toString());
  if (value instanceof DuckDBBlobValue) return jsonBytes(value.bytes);
  if (isTimestamp(value)) return jsonTimestamp(value.toString());
  if (value instanceof DuckDBListValue || value instanceof DuckDBArrayValue)
    return `[${value.items.map((item) => jsonOfDuckdb(item, itemType(type))).join(",")}]`;
  if (value instanceof DuckDBStructValue) return jsonOfStruct(value, type);
  if (value instanceof DuckDBMapValue) return jsonOfMap(value, type);
  if (value instanceof DuckDBUnionValue) return jsonOfDuckdb(value.value, undefined);
  return jsonText(String(value));
}

function isTimestamp(value: object): boolean {
  const kinds = [DuckDBTimestampValue, DuckDBTimestampTZValue, DuckDBTimestampSecondsValue, DuckDBTimestampMillisecondsValue, DuckDBTimestampNanosecondsValue];
  return kinds.some((kind) => value instanceof kind);
}

function jsonOfStruct(value: DuckDBStructValue, type: DuckDBType | undefined): string {
  const types = type?.typeId === DuckDBTypeId.STRUCT && "entryTypes" in type ? type.entryTypes : [];
  const members = Object.entries(value.entries).map(([name, item], at) => `${jsonText(name)}:${jsonOfDuckdb(item, types[at])}`);
  return `{${members.join(",")}}`;
}

/** Keys need not be text: those that are not appear as DuckDB writes them. */
function jsonOfMap(value: DuckDBMapValue, type: DuckDBType | undefined): string {
  const valueType = type?.typeId === DuckDBTypeId.MAP && "valueType" in type ? type.valueType : undefined;
  const byKey = new Map(value.entries.map(({ key, value: item }) => [String(key), item]));
  return `{${[...byKey].map(([key, item]) => `${jsonText(key)}:${jsonOfDuckdb(item, valueType)}`).join(",")}}`;
}

function itemType(type: DuckDBType | undefined): DuckDBType | undefined {
  const holds = type?.typeId === DuckDBTypeId.LIST || type?.typeId === DuckDBTypeId.ARRAY;
  return holds && type !== undefined && "valueType" in type ? type.valueType : undefined;
}

const INT64 = 2n ** 63n;
const INT32 = 2n ** 31n;

/** Hands a value to a prepared statement. Dates and the like travel as text, which DuckDB reads as what the statement expects there. */
export function bindDuckdb(prepared: DuckDBPreparedStatement, index: number, { name, type, value }: BoundParameter): void {
  const argument = readArgument(value);
  if (argument.kind === "null") prepared.bindNull(index);
  else if (argument.kind === "boolean") prepared.bindBoolean(index, argument.value);
  else if (argument.kind === "number") bindNumber(prepared, index, argument.digits, type);
  else if (argument.kind !== "string") prepared.bindVarchar(index, argument.json);
  else if (type === "blob" || type === "bytea") prepared.bindBlob(index, bytesOf(name, argument.text));
  else prepared.bindVarchar(index, argument.text);
}

function bindNumber(prepared: DuckDBPreparedStatement, index: number, digits: string, type: string): void {
  const integer = integerOf(digits);
  if (/^(?:text|varchar|char|string)/.test(type)) prepared.bindVarchar(index, digits);
  else if (integer === undefined && /^(?:decimal|numeric)/.test(type)) prepared.bindVarchar(index, digits);
  else if (integer === undefined) prepared.bindDouble(index, Number(digits));
  else if (integer >= -INT32 && integer < INT32 && !/big|huge/.test(type)) prepared.bindInteger(index, Number(integer));
  else if (integer >= -INT64 && integer < INT64) prepared.bindBigInt(index, integer);
  else prepared.bindHugeInt(index, integer);
}
