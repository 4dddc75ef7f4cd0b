import { AppError } from "../../kernel/app-error.ts";
import type { JobId } from "../../kernel/ids.ts";
import { type Caller, mayUse, nothingAt } from "../http/authorize.ts";
import type { RunJobRequest } from "./contract.ts";
import type { JobRecord } from "./job-store.ts";
import { stepOf } from "./policy-codec.ts";

/** Of those who look at jobs. */
export type Looker = Pick<Caller, "workspace"> & Partial<Pick<Caller, "principal" | "reach">>;

/** Whether somebody sees a job: all jobs, or those of scripts and flows in reach and those that one has started oneself. */
export function seesJob({ reach, principal }: Looker, record: Pick<JobRecord, "createdBy" | "scriptPath" | "flowPath">): boolean {
  if (reach?.bounds === undefined) return true;
  // A token for some paths sees nothing else of its owner's.
  if (reach.bounds.patterns === undefined && record.createdBy === principal?.label) return true;
  return [record.scriptPath, record.flowPath].some((path) => path !== undefined && reach.mayUse(path));
}

/** The run by which a step is judged, when it is not seen by itself: the outermost one around it. */
export function rootOfStep({ kind, policyText }: Pick<JobRecord, "kind" | "policyText">): JobId | undefined {
  return kind === "step" && policyText !== undefined ? stepOf(policyText)?.root : undefined;
}

/** Errors: not_found for a path out of reach, as for one with nothing there; permission_denied for code that only developers bring. */
export function checkWanted(
  caller: Pick<Caller, "reach">,
  request: Pick<RunJobRequest, "script" | "flow"> & Partial<Pick<RunJobRequest, "code" | "document" | "yaml">>,
): void {
  const path = request.script ?? request.flow;
  if (path !== undefined && !mayUse(caller, path)) throw nothingAt(path);
  const bringsCode = (request.code ?? request.document ?? request.yaml) !== undefined;
  if (bringsCode && caller.reach?.may("jobs:inline") === false)
    throw new AppError("permission_denied", "the caller may run what is deployed, and nothing that it brings itself", {
      hint: "this needs jobs:inline, which developers have: docs/access.md",
    });
}
