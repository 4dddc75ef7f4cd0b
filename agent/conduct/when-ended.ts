import type { Bundle } from "../../proto/gen/millrace/agent/v1/job.ts";
import type { AttemptOutcome } from "../runner/attempt-types.ts";
import type { StartAttempt } from "../session/attempts.ts";

/** The same executor, whose ends go through `judge`; what that returns is what counts. */
export function whenEnded(start: StartAttempt, judge: (outcome: AttemptOutcome, bundle: Bundle) => AttemptOutcome): StartAttempt {
  return (bundle, io) => {
    const running = start(bundle, io);
    return {
      done: running.done.then((outcome) => judge(outcome, bundle)),
      cancel: (reason) => running.cancel(reason),
      fence: (reason) => running.fence(reason),
    };
  };
}
