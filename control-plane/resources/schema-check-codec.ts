import type { FieldError } from "../../kernel/app-error.ts";
import type { SchemaUse } from "./schema-compiler.ts";

/** What the thread is given. Without a value only the schema is looked at. */
export interface CheckRequest {
  readonly use: SchemaUse;
  readonly schema: object;
  /** JSON text. */
  readonly valueText: string | undefined;
}

/** `ready`: the check begins now. Then one verdict. */
export type CheckAnswer = { readonly kind: "ready" } | CheckVerdict;

export type CheckVerdict =
  /** The value as JSON text, that of an answer with the defaults of its form. */
  | { readonly kind: "fits"; readonly valueText: string }
  /** Pointers begin at the value. */
  | { readonly kind: "wrong"; readonly fields: readonly FieldError[] }
  | { readonly kind: "bad_schema"; readonly message: string };

/** Both ends are ours: what passes between them has the shape that its type says. */
export const decodeCheckRequest = (data: unknown): CheckRequest => data as CheckRequest;
export const decodeCheckAnswer = (data: unknown): CheckAnswer => data as CheckAnswer;
