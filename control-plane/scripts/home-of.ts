import { placeOf } from "../access/policy-core.ts";

/**
 * The path in whose place a version is at home. One of before a move to another place has none: those of the old place do not decide any more who runs
 * it, and those of the new one never decided about its code.
 */
export function homeOf(deployed: string | undefined, now: string | undefined): string | undefined {
  return deployed !== undefined && now !== undefined && placeOf(deployed) === placeOf(now) ? deployed : undefined;
}
