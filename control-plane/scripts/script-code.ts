import type { ScriptCode } from "../scheduler/bundles.ts";
import type { ScriptVersion } from "./script-store.ts";

/** What an agent gets of a version. A lock that is not ready is none: the run finds its dependencies itself. */
export function codeOf({ path, content, codeHash, lock, requirements }: ScriptVersion): ScriptCode {
  return { path, code: content, codeHash, lock: lock.state === "ready" ? lock.lock : "", requirements };
}
