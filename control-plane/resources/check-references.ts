import { AppError } from "../../kernel/app-error.ts";
import { type Caller, nothingAt, referencesOf } from "../http/authorize.ts";
import { type Reference, referencesIn, TooDeep } from "./references-core.ts";

/**
 * Whether a caller may have something run later, with these values as arguments. It goes by paths alone: what is there and what is not get one answer.
 * Errors: not_found for a path that the caller may not refer to; invalid_argument for values that are nested too deep.
 * @param runs paths of scripts and flows
 */
export function checkReferences(caller: Pick<Caller, "reach">, runs: readonly (string | undefined)[], values: readonly unknown[]): void {
  const mayRefer = referencesOf(caller);
  if (mayRefer === undefined) return;
  const paths = [...runs, ...found(values).map(({ path }) => path)];
  for (const path of paths) if (path !== undefined && !mayRefer(path)) throw nothingAt(path);
}

function found(values: readonly unknown[]): readonly Reference[] {
  try {
    return referencesIn(values);
  } catch (error) {
    if (error instanceof TooDeep) throw new AppError("invalid_argument", "the arguments are nested too deep");
    throw error;
  }
}
