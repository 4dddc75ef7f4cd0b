import type { Bundle } from "../../proto/gen/millrace/agent/v1/job.ts";
import type { AttemptKey } from "../journal/attempt-key.ts";
import type { AttemptOutcome, AttemptRoom } from "../runner/attempt-types.ts";

/** Decides which of the attempts that have come may start; see packing/packer.ts. Without one all may. */
export interface StartGate {
  /** Called once for each. */
  arrive(key: AttemptKey, bundle: Bundle): void;
  /** From then on until it leaves the answer stays true. */
  mayStart(key: AttemptKey): boolean;
  /** It starts now. */
  roomOf(key: AttemptKey): AttemptRoom;
  /** Its processes are gone, or it will never start. Others may start now. @param outcome of one that was started */
  leave(key: AttemptKey, outcome?: AttemptOutcome): void;
}
