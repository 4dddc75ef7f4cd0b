import { madeBy } from "../access/acting-for.ts";
import type { RunRef, Work } from "./model.ts";

/** Names the job of a run for ever: whoever starts it again after a crash gets the same one. */
export const runKey = ({ id, dueMs }: RunRef): string => `${id}/${dueMs}`;

/** Who is said to have made the jobs of a schedule, of its ticks and its handlers. */
export const labelOf = ({ path, updatedBy }: Pick<Work, "path" | "updatedBy">): string => madeBy(`schedule:${path}`, updatedBy);
