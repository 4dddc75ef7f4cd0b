import type { FieldError } from "../../kernel/app-error.ts";

/** What the thread is given. Without a value only the schema is looked at. */
export interface CheckRequest {
  readonly schema: object;
  /** JSON text. */
  readonly valueText: string | undefined;
}

/** `ready`: the check begins now. Then one verdict. */
export type CheckAnswer = { readonly kind: "ready" } | CheckVerdict;

export type CheckVerdict =
  | { readonly kind: "fits" }
  | { readonly kind: "wrong"; readonly fields: readonly FieldError[] }
  | { readonly kind: "bad_schema"; readonly message: string };

/** Both ends are ours: what passes between them has the shape that its type says. */
export const decodeCheckRequest = (data: unknown): CheckRequest => data as CheckRequest;
export const decodeCheckAnswer = (data: unknown): CheckAnswer => data as CheckAnswer;
