import { scopedTo } from "./scope-bounds-core.ts";

/** As accounts and service accounts are called, see identity/. */
export function isAccount(label: string): boolean {
  return label.includes("@") || label.startsWith("service:");
}

/** What may bring code with it, or choose which is run later. */
const CODE = ["scripts:deploy", "flows:deploy", "jobs:inline"];
/** Globs have no spaces, labels of tokens no colon: nobody is called like this. */
const WITHIN = /^(.+) within: (\S+(?: \S+)*)$/;

/**
 * Who the jobs that a caller starts act for, and those of what it writes: itself. A token that may write code at some paths alone lends them these paths
 * alone: otherwise its code would reach whatever its holder does. One that only runs what others have deployed lends everything, as its holder does.
 */
export function actsFor({ label, scopes }: { readonly label: string; readonly scopes?: readonly string[] }): string {
  const globs: string[] = [];
  for (const permission of CODE) {
    const scoped = scopedTo(scopes, permission);
    if (scoped.kind === "whole") return label;
    if (scoped.kind === "paths") globs.push(...scoped.globs);
  }
  return globs.length === 0 ? label : `${label} within: ${[...new Set(globs)].join(" ")}`;
}

/** The two parts of it. @returns globs undefined: whatever the one who is called so may use */
export function boundsIn(starter: string): { readonly label: string; readonly globs: readonly string[] | undefined } {
  const [, label = starter, globs] = WITHIN.exec(starter) ?? [];
  return { label, globs: globs?.split(" ") };
}

/**
 * Who is said to have made the jobs of a schedule or a trigger: the thing, and the account that wrote it last, for which they act.
 * @param writer see actsFor; where it is no account's, and has no bounds (a token of the workspace), the thing stands alone
 */
export function madeBy(thing: `schedule:${string}` | `trigger:${string}`, writer: string): string {
  return isAccount(writer) || boundsIn(writer).globs !== undefined ? `${thing} by ${writer}` : thing;
}

/** Paths have no spaces, so that the first ` by ` is ours. Labels of tokens have no colon: nobody is called like this. */
const THING_BY = /^(?:schedule|trigger):\S+ by (.+)$/;

/** Who a job acts for, as actsFor has it, in what is said to have made it. */
export function starterIn(createdBy: string): string {
  return THING_BY.exec(createdBy)?.[1] ?? createdBy;
}
