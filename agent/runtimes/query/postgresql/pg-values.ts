import { type BoundParameter, bytesOf, type JsonArgument, readArgument } from "../arguments.ts";
import { jsonBytes, jsonDigits, jsonEmbedded, jsonText, jsonTimestamp } from "../json-values.ts";
import { QueryError } from "../query-error.ts";
import { readPgArray } from "./pg-array.ts";

interface PgType {
  readonly oid: number;
  readonly arrayOid: number;
  /** Names in declarations. */
  readonly names: readonly string[];
  /** JSON text of a value in PostgreSQL's text format. */
  json(text: string): string;
}

const asBoolean = (text: string): string => (text === "t" ? "true" : "false");
const asBytes = (text: string): string => (text.startsWith("\\x") ? jsonBytes(Buffer.from(text.slice(2), "hex")) : jsonText(text));

/** The types that are more than text. Every other type arrives as PostgreSQL writes it. */
const TYPES: readonly PgType[] = [
  { oid: 16, arrayOid: 1000, names: ["bool", "boolean"], json: asBoolean },
  { oid: 21, arrayOid: 1005, names: ["int2", "smallint"], json: jsonDigits },
  { oid: 23, arrayOid: 1007, names: ["int", "int4", "integer", "serial"], json: jsonDigits },
  { oid: 20, arrayOid: 1016, names: ["int8", "bigint", "bigserial"], json: jsonDigits },
  { oid: 26, arrayOid: 1028, names: ["oid"], json: jsonDigits },
  { oid: 700, arrayOid: 1021, names: ["float4", "real"], json: jsonDigits },
  { oid: 701, arrayOid: 1022, names: ["float8", "float", "double precision", "double"], json: jsonDigits },
  { oid: 1700, arrayOid: 1231, names: ["numeric", "decimal"], json: jsonDigits },
  { oid: 25, arrayOid: 1009, names: ["text"], json: jsonText },
  { oid: 1043, arrayOid: 1015, names: ["varchar", "character varying"], json: jsonText },
  { oid: 1042, arrayOid: 1014, names: ["char", "character", "bpchar"], json: jsonText },
  { oid: 19, arrayOid: 1003, names: ["name"], json: jsonText },
  { oid: 2950, arrayOid: 2951, names: ["uuid"], json: jsonText },
  { oid: 1082, arrayOid: 1182, names: ["date"], json: jsonText },
  { oid: 1083, arrayOid: 1183, names: ["time", "time without time zone"], json: jsonText },
  { oid: 1266, arrayOid: 1270, names: ["timetz", "time with time zone"], json: jsonText },
  { oid: 1114, arrayOid: 1115, names: ["timestamp", "timestamp without time zone"], json: jsonTimestamp },
  { oid: 1184, arrayOid: 1185, names: ["timestamptz", "timestamp with time zone"], json: jsonTimestamp },
  { oid: 1186, arrayOid: 1187, names: ["interval"], json: jsonText },
  { oid: 17, arrayOid: 1001, names: ["bytea"], json: asBytes },
  { oid: 114, arrayOid: 199, names: ["json"], json: jsonEmbedded },
  { oid: 3802, arrayOid: 3807, names: ["jsonb"], json: jsonEmbedded },
  { oid: 869, arrayOid: 1041, names: ["inet"], json: jsonText },
];
const BY_OID = new Map(TYPES.map((type) => [type.oid, type]));
const BY_ARRAY_OID = new Map(TYPES.map((type) => [type.arrayOid, type]));
const BY_NAME = new Map(TYPES.flatMap((type) => type.names.map((name) => [name, type] as const)));
/** Lets the server find out. */
const UNKNOWN_OID = 0;
const TEXT_OID = 25;

/** Writes values of a column as JSON text. */
export function pgColumn(oid: number): (text: string | null) => string {
  const type = BY_OID.get(oid);
  if (type !== undefined) return (text) => (text === null ? "null" : type.json(text));
  const item = BY_ARRAY_OID.get(oid);
  if (item !== undefined) return (text) => (text === null ? "null" : (readPgArray(text, item.json) ?? jsonText(text)));
  return (text) => (text === null ? "null" : jsonText(text));
}

export interface PgParameter {
  readonly oid: number;
  /** In text format. */
  readonly text: string | null;
}

/** Stands for a number that a statement skips. */
export const UNUSED: PgParameter = { oid: TEXT_OID, text: null };

/** What is sent for a parameter: the declared type if it is one of ours, and the value as text. @throws QueryError */
export function pgParameter({ name, type, value }: BoundParameter): PgParameter {
  const isArray = /\[[0-9]*\]$/.test(type);
  const base = type
    .replace(/(?:\[[0-9]*\])+$/, "")
    .replace(/ ?\([^()]*\)/, "")
    .trim();
  const known = BY_NAME.get(base);
  const oid = known === undefined ? UNKNOWN_OID : isArray ? known.arrayOid : known.oid;
  const argument = readArgument(value);
  if (argument.kind === "null") return { oid, text: null };
  if (!isArray) return { oid, text: scalarText(name, base, argument, value) };
  if (argument.kind === "string") return { oid, text: argument.text };
  if (argument.kind !== "list") throw new QueryError("InvalidArgument", `the argument \`${name}\` is not a list`);
  return { oid, text: arrayText(name, base, argument.items) };
}

function scalarText(name: string, type: string, argument: JsonArgument, json: string): string {
  if (type === "json" || type === "jsonb") return json;
  switch (argument.kind) {
    case "string":
      return type === "bytea" ? `\\x${bytesOf(name, argument.text).toString("hex")}` : argument.text;
    case "number":
      return argument.digits;
    case "boolean":
      return String(argument.value);
    default:
      return json;
  }
}

/** PostgreSQL's own notation: braces, and every item in quotes. */
function arrayText(name: string, type: string, items: readonly JsonArgument[]): string {
  const texts = items.map((item) => {
    if (item.kind === "null") return "NULL";
    if (item.kind === "list" && type !== "json" && type !== "jsonb") return arrayText(name, type, item.items);
    return `"${scalarText(name, type, item, jsonOf(item)).replace(/["\\]/g, "\\$&")}"`;
  });
  return `{${texts.join(",")}}`;
}

function jsonOf(item: JsonArgument): string {
  if (item.kind === "list" || item.kind === "object") return item.json;
  if (item.kind === "string") return JSON.stringify(item.text);
  return item.kind === "number" ? item.digits : item.kind === "boolean" ? String(item.value) : "null";
}
