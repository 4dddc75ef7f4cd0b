/**
 * Reads members of an object that somebody else wrote. What is wrong is collected, so that one answer names all of it; what is missing or wrong
 * reads as undefined. Null counts as absent: editors write it for settings that were taken back.
 */
import type { FieldError } from "../../kernel/app-error.ts";
import type { Json } from "../../kernel/json.ts";
import type { ObjectShape } from "./openflow.ts";

export interface Findings {
  readonly problems: FieldError[];
  /** JSON pointers of members that nobody reads. */
  readonly ignored: string[];
}

/** More would be of no use to a reader, and a hostile document could make one for each of its values. */
export const MAX_FINDINGS = 50;

/** An object of the document. */
export interface Fields {
  readonly members: Readonly<Record<string, Json>>;
  /** JSON pointer of the object. */
  readonly pointer: string;
  /** Says in messages where it is: `step a: retry.`; empty for the flow itself. */
  readonly place: string;
  readonly findings: Findings;
}

/** Notes what is wrong with a member, or with the object itself when `name` is empty. */
export function complain({ findings, place, pointer }: Fields, name: string, message: string): void {
  if (findings.problems.length >= MAX_FINDINGS) return;
  const problem =
    name === ""
      ? { pointer, message: `${place.replace(/\.$/, " ")}${message}` }
      : { pointer: `${pointer}/${escapePointer(name)}`, message: `${place}${name} ${message}` };
  findings.problems.push(problem);
}

/** A name as part of a JSON pointer. */
export function escapePointer(name: string): string {
  return name.replaceAll("~", "~0").replaceAll("/", "~1");
}

export function isObject(value: Json | undefined): value is Readonly<Record<string, Json>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isList(value: Json): value is readonly Json[] {
  return Array.isArray(value);
}

/** Notes members that no list names as ignored, and those that ask for what we cannot do as problems. */
export function checkShape(fields: Fields, { known, unsupported }: ObjectShape): void {
  for (const [name, value] of Object.entries(fields.members)) {
    if (known.includes(name)) continue;
    const advice = Object.hasOwn(unsupported, name) ? unsupported[name] : undefined;
    if (advice !== undefined && !asksForNothing(value)) complain(fields, name, `is not supported: ${advice}`);
    else if (fields.findings.ignored.length < MAX_FINDINGS) fields.findings.ignored.push(`${fields.pointer}/${escapePointer(name)}`);
  }
}

function asksForNothing(value: Json): boolean {
  if (value === null || value === false || value === 0 || value === "") return true;
  return typeof value === "object" && Object.keys(value).length === 0;
}

/** The member as it is; undefined when it is absent or null. */
export function member(fields: Fields, name: string): Json | undefined {
  return fields.members[name] ?? undefined;
}

/** Text that is not blank; blank text counts as absent. */
export function textOf(fields: Fields, name: string, maxChars: number): string | undefined {
  const value = member(fields, name);
  if (value === undefined) return undefined;
  if (typeof value !== "string") complain(fields, name, "must be text");
  else if (value.length > maxChars) complain(fields, name, `is longer than ${maxChars} characters`);
  else if (value.trim() !== "") return value;
  return undefined;
}

/** As `textOf`, for a member that must be there. */
export function requiredText(fields: Fields, name: string, maxChars: number): string | undefined {
  const value = member(fields, name);
  if (value === undefined || (typeof value === "string" && value.trim() === "")) complain(fields, name, "is missing");
  return textOf(fields, name, maxChars);
}

export function flagOf(fields: Fields, name: string): boolean | undefined {
  const value = member(fields, name);
  if (value === undefined || typeof value === "boolean") return value;
  complain(fields, name, "must be true or false");
  return undefined;
}

/** A number between two bounds, both included. */
export function numberOf(fields: Fields, name: string, least: number, most: number): number | undefined {
  const value = member(fields, name);
  if (value === undefined) return undefined;
  if (typeof value === "number" && value >= least && value <= most) return value;
  complain(fields, name, `must be a number from ${least} to ${most}`);
  return undefined;
}

/** A whole number between two bounds, both included. */
export function wholeOf(fields: Fields, name: string, least: number, most: number): number | undefined {
  const value = member(fields, name);
  if (value === undefined) return undefined;
  if (typeof value === "number" && Number.isInteger(value) && value >= least && value <= most) return value;
  complain(fields, name, `must be a whole number from ${least} to ${most}`);
  return undefined;
}

/** As `wholeOf`, where zero asks for nothing. */
export function positiveOf(fields: Fields, name: string, most: number): number | undefined {
  const value = wholeOf(fields, name, 0, most);
  return value === 0 ? undefined : value;
}

export function listOf(fields: Fields, name: string, most: number): readonly Json[] | undefined {
  const value = member(fields, name);
  if (value === undefined) return undefined;
  if (!isList(value)) complain(fields, name, "must be a list");
  else if (value.length > most) complain(fields, name, `has ${value.length} items; ${most} are the most`);
  else return value;
  return undefined;
}

/** An object below this one, its members checked against a shape. */
export function objectOf(fields: Fields, name: string, shape?: ObjectShape): Fields | undefined {
  const value = member(fields, name);
  if (value === undefined) return undefined;
  if (!isObject(value)) {
    complain(fields, name, "must be an object");
    return undefined;
  }
  const below = { ...fields, members: value, pointer: `${fields.pointer}/${escapePointer(name)}`, place: `${fields.place}${name}.` };
  if (shape !== undefined) checkShape(below, shape);
  return below;
}

/** An object in a list, its members checked against a shape. */
export function itemOf(fields: Fields, listName: string, index: number, value: Json, shape?: ObjectShape): Fields | undefined {
  const below = { ...fields, members: {}, pointer: `${fields.pointer}/${escapePointer(listName)}/${index}`, place: `${fields.place}${listName}.${index}.` };
  if (!isObject(value)) {
    complain(below, "", "must be an object");
    return undefined;
  }
  const item = { ...below, members: value };
  if (shape !== undefined) checkShape(item, shape);
  return item;
}
