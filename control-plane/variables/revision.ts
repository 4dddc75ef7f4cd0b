import { AppError } from "../../kernel/app-error.ts";

/** What a writer says about the thing as it knows it. */
export interface Condition {
  readonly "if-match"?: string | undefined;
  readonly "if-none-match"?: "*" | undefined;
}

export const etagOf = (revision: number): string => `"${revision}"`;

/** The revision that a thing must still have; undefined: any. Errors: invalid_argument for what is no ETag of ours. */
export function wantedRevision(condition: Condition): number | undefined {
  const text = condition["if-match"];
  if (text === undefined || text === "*") return undefined;
  const match = /^(?:W\/)?"(\d{1,15})"$/.exec(text);
  if (match === null) throw new AppError("invalid_argument", "If-Match must be an ETag as it came, with its quotes");
  return Number(match[1]);
}

/** Errors: aborted when a thing is not as its writer knows it. @param revision undefined: there is none */
export function checkCondition(condition: Condition, what: string, revision: number | undefined): void {
  if (condition["if-none-match"] !== undefined && revision !== undefined) throw new AppError("aborted", `${what} is there already`);
  const wanted = wantedRevision(condition);
  if (condition["if-match"] === undefined || (revision !== undefined && (wanted === undefined || wanted === revision))) return;
  throw changedMeanwhile(what);
}

export function changedMeanwhile(what: string): AppError {
  return new AppError("aborted", `${what} has changed meanwhile, or is gone`, { hint: "read it again and send the new ETag" });
}
