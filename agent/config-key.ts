import { z } from "zod";

/** What a person needs to know about a setting. `unit` is empty for names and switches. */
export interface ConfigKey {
  readonly key: string;
  readonly unit: string;
  readonly fallback: string;
  readonly meaning: string;
  readonly consequence: string;
}

/** Text of a whole number within bounds. */
export const whole = (low: number, high: number) => z.string().regex(/^\d+$/, "must be a whole number").transform(Number).pipe(z.number().min(low).max(high));
