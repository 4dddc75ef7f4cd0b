import { createHash } from "node:crypto";
import type { Bundle } from "../../proto/gen/millrace/agent/v1/job.ts";
import type { SandboxSpec } from "../sandbox/sandbox.ts";

const OURS = /^(?:MILLRACE|WM)_/;
/** Of ours, what is the same for all jobs of a script. */
const SHARED = /^(?:MILLRACE|WM)_(?:WORKSPACE|JOB_PATH)$/;

/** Names of variables that belong to one job: a process that stays must not load a script with them. */
export function ownNames(env: ReadonlyMap<string, string>): string[] {
  return [...env.keys()].filter((name) => OURS.test(name) && !SHARED.test(name));
}

/** The environment without them. */
export function sharedEnv(env: ReadonlyMap<string, string>): Map<string, string> {
  const own = new Set(ownNames(env));
  return new Map([...env].filter(([name]) => !own.has(name)));
}

/** Jobs with the same key may be run by the same process: same workspace, script, dependencies, variables and enclosure. */
export function dedicatedKey(bundle: Bundle, spec: SandboxSpec): string {
  const { workspace, scriptPath, language, code, lock, requirements } = bundle;
  const { network, tmpBytes, rlimits, mounts } = spec;
  const env = [...sharedEnv(spec.env)].sort(([a], [b]) => (a < b ? -1 : 1));
  const parts = [workspace, scriptPath, language, code, lock, requirements ?? null, network, tmpBytes, rlimits, mounts, env];
  return createHash("sha256").update(JSON.stringify(parts)).digest("base64");
}
