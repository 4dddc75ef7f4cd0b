import { AppError } from "../../../kernel/app-error.ts";
import type { JobId } from "../../../kernel/ids.ts";

/** Requests with links are nobody's: so many each second on a replica for the links of one run. Made-up links cost nothing, and count for none. */
const LINKS_PER_S = 50;

/** Errors: not_found for what is no link; resource_exhausted beyond the rate. */
export function linkGate(runOf: (token: string) => Promise<JobId>, nowMs: () => number = () => performance.now()): (token: string) => Promise<void> {
  let second = 0;
  const counts = new Map<JobId, number>();
  return async (token) => {
    const run = await runOf(token);
    const now = Math.floor(nowMs() / 1000);
    if (now !== second) counts.clear();
    second = now;
    const count = (counts.get(run) ?? 0) + 1;
    if (count > LINKS_PER_S) throw new AppError("resource_exhausted", "too many requests with links of this run at the moment", { retryAfterS: 1 });
    counts.set(run, count);
  };
}
