/** JSON text of values that JSON has no kind for. Numbers keep their digits: nothing goes through a double that is not one. */
import { findJsonProblem, MAX_JSON_DEPTH } from "../../runner/json-text.ts";

/** The result adds a list and an object around a column. */
const MAX_COLUMN_DEPTH = MAX_JSON_DEPTH - 3;
const JSON_NUMBER = /^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?$/;

export function jsonText(text: string): string {
  return JSON.stringify(text.toWellFormed());
}

/** Digits as a database writes them. What is no number in JSON (NaN, infinities) becomes text, as in PostgreSQL's own `to_json`. */
export function jsonDigits(digits: string): string {
  return JSON_NUMBER.test(digits) ? digits : jsonText(digits);
}

/** A double: the shortest digits that mean it. */
export function jsonDouble(value: number): string {
  return Number.isFinite(value) ? JSON.stringify(value) : jsonText(String(value));
}

/** A 32-bit float: the shortest digits that mean it, where its double would show seventeen. */
export function jsonFloat(value: number): string {
  if (!Number.isFinite(value)) return jsonText(String(value));
  for (let digits = 1; digits < 9; digits++) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === value) return JSON.stringify(short);
  }
  return JSON.stringify(value);
}

export function jsonBytes(bytes: Uint8Array): string {
  return `"${Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64")}"`;
}

/** JSON of a JSON column, as it is; what our readers would refuse (nested too deep) becomes text. */
export function jsonEmbedded(text: string): string {
  return findJsonProblem(text, MAX_COLUMN_DEPTH) === undefined ? text : jsonText(text);
}

/** `2024-01-02 03:04:05.6+00` as ISO 8601. What has another shape (infinity, BC) stays as it is. */
export function jsonTimestamp(text: string): string {
  const match = /^([0-9]{4,6}-[0-9]{2}-[0-9]{2}) ([0-9:.]+)(?:([+-][0-9]{2})(?::?([0-9]{2}))?)?$/.exec(text);
  if (match === null) return jsonText(text);
  const [, date = "", time = "", hours, minutes = "00"] = match;
  const zone = hours === undefined ? "" : hours === "+00" && minutes === "00" ? "Z" : `${hours}:${minutes}`;
  return `"${date}T${time}${zone}"`;
}
