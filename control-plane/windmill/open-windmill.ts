import type { FastifyInstance } from "fastify";
import { realClock } from "../../kernel/clock.ts";
import type { JobId } from "../../kernel/ids.ts";
import type { Pools } from "../db/pools.ts";
import type { FlowDeployer } from "../flows/deploy.ts";
import type { Approvals } from "../flows/runs/approvals.ts";
import type { RunReader } from "../flows/runs/run-reader.ts";
import type { JobService } from "../jobs/job-service.ts";
import type { References } from "../resources/references.ts";
import type { Resources } from "../resources/resources.ts";
import type { SchemaCheck } from "../resources/schema-check.ts";
import type { Schedules } from "../schedules/schedules.ts";
import type { ScriptLocks } from "../scripts/locks.ts";
import type { ScriptCache } from "../scripts/script-cache.ts";
import type { Triggers } from "../triggers/triggers.ts";
import type { Variables } from "../variables/variables.ts";
import { addWindmillFlows } from "./flow-routes.ts";
import { addWindmillJobs } from "./job-routes.ts";
import { addWindmillRest } from "./not-offered.ts";
import { addWindmillResources } from "./resource-routes.ts";
import { addWindmillResumes } from "./resume-routes.ts";
import { addWindmillSchedules } from "./schedule-routes.ts";
import { addWindmillScripts } from "./script-routes.ts";
import { addWindmillSync } from "./sync-routes.ts";
import { addWindmillTriggers } from "./trigger-routes.ts";
import { addWindmillTypes } from "./type-routes.ts";
import { addWindmillVariables } from "./variable-routes.ts";

export interface WindmillParts {
  readonly pools: Pick<Pools, "api" | "console">;
  readonly variables: Variables;
  readonly resources: Resources;
  readonly references: References;
  readonly schemas: SchemaCheck;
  readonly jobs: JobService;
  readonly scripts: ScriptCache;
  readonly locks: ScriptLocks;
  readonly flows: FlowDeployer;
  readonly approvals: Pick<Approvals, "inviteAhead" | "answerLink" | "admit">;
  readonly runs: Pick<RunReader, "view">;
  readonly schedules: Schedules;
  readonly triggers: Triggers;
  readonly onProgress: (id: JobId) => void;
}

/** The routes that Windmill's clients call, and an answer for all others of theirs. A part of the composition root. */
export function openWindmill(app: FastifyInstance, parts: WindmillParts): void {
  const { variables, resources, references, schemas, jobs, runs, scripts, locks, schedules, triggers, onProgress } = parts;
  const pool = parts.pools.console;
  addWindmillVariables(app, variables);
  addWindmillResources(app, resources, references);
  addWindmillJobs(app, { pool: parts.pools.api, jobs, runs, onProgress });
  addWindmillScripts(app, { pool, scripts, locks });
  addWindmillFlows(app, parts.flows);
  addWindmillTypes(app, { pool }, schemas);
  addWindmillSchedules(app, { pool, schedules, nowMs: () => realClock.wallMs() });
  addWindmillTriggers(app, { pool, triggers });
  addWindmillSync(app, { pool, variables, resources, schedules, triggers });
  addWindmillResumes(app, parts.approvals);
  addWindmillRest(app);
}
