import { AppError } from "../../kernel/app-error.ts";

/** What a writer says about the current version of a path. `absent`: there is none in use. */
export type ExpectedVersion = { readonly kind: "any" } | { readonly kind: "absent" } | { readonly kind: "hash"; readonly hash: string };

/** Of headers: the ETag of a script or flow is its hash. Errors: invalid_argument for what is no ETag of ours. */
export function expectedVersion(condition: { readonly "if-match"?: string | undefined; readonly "if-none-match"?: string | undefined }): ExpectedVersion {
  if (condition["if-none-match"] !== undefined) return { kind: "absent" };
  const text = condition["if-match"];
  if (text === undefined) return { kind: "any" };
  const [, hash] = /^(?:W\/)?"([0-9a-f]{64})"$/.exec(text) ?? [];
  if (hash === undefined) throw new AppError("invalid_argument", "If-Match must be an ETag as it came, with its quotes");
  return { kind: "hash", hash };
}

/** For statements: whether there must be none, and the hash that must be current, if one must. */
export function expectedColumns(expected: ExpectedVersion): [boolean, string | null] {
  return [expected.kind === "absent", expected.kind === "hash" ? expected.hash : null];
}

/** What is told to a writer when it is not as it was expected: aborted; failed_precondition to one who expected nothing and met somebody else. */
export function notAsExpected(kind: "script" | "flow", path: string, expected: ExpectedVersion): AppError {
  if (expected.kind === "absent") return new AppError("aborted", `there is a ${kind} at ${path} already`);
  const message = `${kind} ${path} has changed meanwhile, or is gone`;
  if (expected.kind === "any") return new AppError("failed_precondition", message, { hint: "send it again" });
  return new AppError("aborted", message, { hint: "read it again and send the new ETag" });
}
