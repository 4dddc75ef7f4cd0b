/** As accounts and service accounts are called, see identity/. */
export function isAccount(label: string): boolean {
  return label.includes("@") || label.startsWith("service:");
}

/**
 * Who is said to have made the jobs of a schedule or a trigger: the thing, and the account that wrote it last, for which they act.
 * @param writer a label; where it is no account's (a token of the workspace) the thing stands alone
 */
export function madeBy(thing: `schedule:${string}` | `trigger:${string}`, writer: string): string {
  return isAccount(writer) ? `${thing} by ${writer}` : thing;
}

/** Paths have no spaces, so that the first ` by ` is ours. Labels of tokens have no colon: nobody is called like this. */
const THING_BY = /^(?:schedule|trigger):\S+ by (.+)$/;

/** The label of whoever a job acts for, in what is said to have made it. */
export function starterIn(createdBy: string): string {
  return THING_BY.exec(createdBy)?.[1] ?? createdBy;
}
