import { AppError } from "../../../kernel/app-error.ts";
import type { Clock } from "../../../kernel/clock.ts";
import type { OwnerPort } from "../owner-port.ts";
import type { OwnerDirectory } from "./owner-directory.ts";

/** How long a request waits for a shard that changes hands: a planned hand-over takes less, a take-over longer. */
const OWNER_WITHIN_MS = 2500;
const LOOK_EVERY_MS = 100;

/** Asks the shard's owner; while it changes hands, and nothing was done, its next one. Errors: unavailable when there is none for too long. */
export async function askOwner<T>(owners: OwnerDirectory, clock: Clock, shard: number, ask: (owner: OwnerPort) => Promise<T | "moved">): Promise<T> {
  for (const untilMs = clock.monotonicMs() + OWNER_WITHIN_MS; ; ) {
    const owner = owners.ownerOf(shard);
    const answer = owner === undefined ? "moved" : await ask(owner);
    if (answer !== "moved") return answer;
    const restMs = untilMs - clock.monotonicMs();
    if (restMs <= 0) throw new AppError("unavailable", "no owner of this workspace's shard answers at the moment", { retryAfterS: 1 });
    await owners.changed(Math.min(restMs, LOOK_EVERY_MS));
  }
}
