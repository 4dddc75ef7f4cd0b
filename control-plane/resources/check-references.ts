import { AppError } from "../../kernel/app-error.ts";
import { type Caller, nothingAt, referencesOf } from "../http/authorize.ts";
import { mayHoldReferences, type Reference, referencesIn, TooDeep } from "./references-core.ts";

/**
 * Whether a caller may have something run later, with these values as arguments. It goes by paths alone: what is there and what is not get one answer.
 * Errors: not_found for a path that the caller may not refer to; invalid_argument for values that are nested too deep; those of `checkScopes`.
 * @param runs paths of scripts and flows
 */
export function checkReferences(caller: Pick<Caller, "reach">, runs: readonly (string | undefined)[], values: readonly unknown[]): void {
  const mayRefer = referencesOf(caller);
  const references = mayRefer === undefined && caller.reach?.mayRead === undefined ? [] : found(values);
  const paths = [...runs, ...references.map(({ path }) => path)];
  for (const path of paths) if (path !== undefined && mayRefer?.(path) === false) throw nothingAt(path);
  checkScopes(caller, references);
}

/**
 * The same for arguments of a job that is made now, as JSON text, for tokens with scopes: nobody asks for them later, since the job acts for the holder.
 * What the holder may refer to is asked when the job starts. Errors: permission_denied; invalid_argument for what is nested too deep.
 */
export function checkArguments(caller: Pick<Caller, "reach">, argsJson: string): void {
  if (caller.reach?.mayRead !== undefined && mayHoldReferences(argsJson)) checkScopes(caller, found(JSON.parse(argsJson)));
}

/** Whoever holds a limited token must not be given by a job what the token does not show. */
function checkScopes({ reach }: Pick<Caller, "reach">, references: readonly Reference[]): void {
  const closed = references.find(({ kind, path }) => reach?.mayRead?.(kind, path) === false);
  if (closed === undefined) return;
  throw new AppError("permission_denied", `the scopes of the token do not allow ${closed.kind}s:read at ${closed.path}: it may not refer to it`);
}

function found(values: unknown): readonly Reference[] {
  try {
    return referencesIn(values);
  } catch (error) {
    if (error instanceof TooDeep) throw new AppError("invalid_argument", "the arguments are nested too deep");
    throw error;
  }
}
