import type { RunRef } from "./model.ts";

/** Names the job of a run for ever: whoever starts it again after a crash gets the same one. */
export const runKey = ({ id, dueMs }: RunRef): string => `${id}/${dueMs}`;

/** Who is said to have made the jobs of a schedule. */
export const labelOf = (path: string): string => `schedule:${path}`;
