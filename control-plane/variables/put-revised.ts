import { AppError } from "../../kernel/app-error.ts";
import { type Condition, checkCondition } from "./revision.ts";

/** How one thing with a revision is found and written. */
interface Revised<Stored> {
  /** As errors call it: `trigger f/a/b`. */
  readonly what: string;
  readonly condition: Condition;
  /** Said when there is no room for another: `the workspace has 10 triggers already`. */
  readonly full: string;
  find(): Promise<Stored | undefined>;
  /** Makes it, or changes what is there. @returns undefined when somebody else was quicker */
  write(before: Stored | undefined): Promise<Stored | "full" | undefined>;
}

/** Somebody else writes at the same moment: then it is looked at again. */
const TRIES = 5;

/** Makes or changes a thing that has a revision. Errors: aborted, failed_precondition, resource_exhausted; those of `find` and `write`. */
export async function putRevised<Stored extends { readonly revision: number }>(thing: Revised<Stored>): Promise<{ created: boolean; stored: Stored }> {
  const { what, condition, full } = thing;
  for (let attempt = 0; attempt < TRIES; attempt++) {
    const before = await thing.find();
    checkCondition(condition, what, before?.revision);
    const stored = await thing.write(before);
    if (stored === "full") throw new AppError("resource_exhausted", full, { hint: "delete some that nobody needs" });
    if (stored !== undefined) return { created: before === undefined, stored };
  }
  // Whoever gave a revision was told above.
  throw new AppError("failed_precondition", `others change ${what} all the time`, { hint: "send it again" });
}
