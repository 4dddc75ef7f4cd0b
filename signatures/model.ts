/** Anything that JSON can say. */
export type JsonValue = null | boolean | number | string | readonly JsonValue[] | { readonly [key: string]: JsonValue };

export type JsonScalar = null | boolean | number | string;

/** String formats that the schema may ask for. Dates and times follow ISO 8601; a time zone is not demanded. */
type StringFormat = "date-time" | "date" | "time" | "uuid" | "email";

/** A named member of an object type. */
export interface Property {
  readonly name: string;
  readonly type: ParameterType;
  readonly required: boolean;
  readonly default?: JsonValue;
}

/** What a parameter accepts, in words that all languages share. */
export type ParameterType =
  | { readonly kind: "any" }
  | { readonly kind: "null" }
  | { readonly kind: "boolean" }
  | { readonly kind: "integer" }
  | { readonly kind: "number" }
  | { readonly kind: "string"; readonly format?: StringFormat }
  /** Binary data; travels as base64 text. */
  | { readonly kind: "bytes" }
  | { readonly kind: "array"; readonly items: ParameterType }
  /** Members that are not listed are allowed; `values` is their type when it is known. */
  | { readonly kind: "object"; readonly properties: readonly Property[]; readonly values?: ParameterType }
  | { readonly kind: "enum"; readonly values: readonly JsonScalar[] }
  | { readonly kind: "union"; readonly options: readonly ParameterType[] }
  /** A stored resource (database, API account …) of the named type, in lower snake case. */
  | { readonly kind: "resource"; readonly name: string };

export type Parameter = Property;

/**
 * What a script takes. A job's arguments are one JSON object whose members are named like the parameters.
 * When `main` of a TypeScript or JavaScript file takes nothing but one destructured object, the members of that
 * object are the parameters.
 */
export interface Signature {
  /** In the order in which the source declares them. */
  readonly parameters: readonly Parameter[];
  /** False when no callable `main` was found; a Bash script counts as its own `main`. */
  readonly hasMain: boolean;
  /** True when arguments beyond `parameters` are welcome (`**kwargs`, an open object) or when `main` cannot be seen into. */
  readonly variadic: boolean;
}

/** A place where the source breaks the grammar of its language. Lines and columns (in UTF-16 units) count from 1. */
export interface SyntaxProblem {
  readonly message: string;
  readonly line: number;
  readonly column: number;
  /** The source line, cut at 200 characters. */
  readonly text: string;
}

export interface SignatureReading {
  readonly signature: Signature;
  /** At most 20, by position. The signature holds what could be read in spite of them. */
  readonly problems: readonly SyntaxProblem[];
  /** True when the code certainly needs no package beyond the standard library of its language; absent where that was not looked for. */
  readonly standardOnly?: boolean;
}

export const NO_MAIN: Signature = { parameters: [], hasMain: false, variadic: false };
/** `main` exists, but what it takes cannot be read from this file. */
export const OPAQUE_MAIN: Signature = { parameters: [], hasMain: true, variadic: true };

export const ANY: ParameterType = { kind: "any" };
export const OPEN_OBJECT: ParameterType = { kind: "object", properties: [] };
