import type { FieldPacket, TypedParameterValue } from "mysql2";
import mysql from "mysql2";
import { type BoundParameter, bytesOf, integerOf, readArgument } from "../arguments.ts";
import { jsonBytes, jsonDigits, jsonDouble, jsonEmbedded, jsonFloat, jsonText, jsonTimestamp } from "../json-values.ts";

const { Types, TypedParameter } = mysql;
const BINARY_CHARSET = 63;
const UNSIGNED_MAX = 2n ** 64n - 1n;
const SIGNED_MAX = 2n ** 63n - 1n;
const SIGNED_MIN = -(2n ** 63n);

/** Writes the values of a column, as the driver gives them, as JSON text. */
export function mysqlColumn(field: FieldPacket): (value: unknown) => string {
  const write = writerOf(field.columnType ?? field.type ?? Types.VAR_STRING, field);
  return (value) => (value === null || value === undefined ? "null" : write(value));
}

function writerOf(type: number, field: FieldPacket): (value: unknown) => string {
  switch (type) {
    case Types.TINY:
    case Types.SHORT:
    case Types.LONG:
    case Types.INT24:
    case Types.LONGLONG:
    case Types.YEAR:
    case Types.DECIMAL:
    case Types.NEWDECIMAL:
      return (value) => jsonDigits(String(value));
    case Types.FLOAT:
      return (value) => (typeof value === "number" ? jsonFloat(Math.fround(value)) : jsonDigits(String(value)));
    case Types.DOUBLE:
      return (value) => (typeof value === "number" ? jsonDouble(value) : jsonDigits(String(value)));
    case Types.DATETIME:
    case Types.TIMESTAMP:
      return (value) => jsonTimestamp(String(value));
    case Types.JSON:
      return (value) => jsonEmbedded(String(value));
    case Types.BIT:
      return (value) => (Buffer.isBuffer(value) ? BigInt(`0x${value.toString("hex") || "0"}`).toString() : jsonText(String(value)));
    default:
      return (value) => writeOther(value, field);
  }
}

function writeOther(value: unknown, field: FieldPacket): string {
  if (Buffer.isBuffer(value)) return jsonBytes(value);
  if (typeof value === "string") return field.characterSet === BINARY_CHARSET && isBlob(field) ? jsonBytes(Buffer.from(value, "latin1")) : jsonText(value);
  return JSON.stringify(value) ?? "null";
}

function isBlob(field: FieldPacket): boolean {
  const type = field.columnType ?? field.type;
  return type === Types.BLOB || type === Types.TINY_BLOB || type === Types.MEDIUM_BLOB || type === Types.LONG_BLOB;
}

/** The value of a parameter with the type in which it travels. @throws QueryError */
export function mysqlParameter({ name, type, value }: BoundParameter): TypedParameterValue | string | null {
  const argument = readArgument(value);
  switch (argument.kind) {
    case "null":
      return null;
    case "boolean":
      return TypedParameter.TINY(argument.value ? 1 : 0);
    case "string":
      return /^(?:tiny|medium|long)?blob|^(?:var)?binary/.test(type) ? TypedParameter.BLOB(bytesOf(name, argument.text)) : argument.text;
    case "number": {
      const integer = integerOf(argument.digits);
      if (integer !== undefined && integer >= SIGNED_MIN && integer <= SIGNED_MAX) return TypedParameter.LONGLONG(integer);
      if (integer !== undefined && integer > 0n && integer <= UNSIGNED_MAX) return TypedParameter.LONGLONG.unsigned(integer);
      return /^(?:float|double|real)/.test(type) ? TypedParameter.DOUBLE(Number(argument.digits)) : TypedParameter.NEWDECIMAL(argument.digits);
    }
    default:
      return argument.json;
  }
}
