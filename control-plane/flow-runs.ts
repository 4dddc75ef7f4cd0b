import type { FastifyInstance } from "fastify";
import { realClock } from "../kernel/clock.ts";
import { createJobIdGenerator } from "../kernel/ids.ts";
import type { Pool } from "./db/pools.ts";
import type { FlowEngines } from "./flows/engine/flow-engines.ts";
import type { Flows } from "./flows/open-flows.ts";
import { addApprovalRoutes } from "./flows/runs/approval-routes.ts";
import { Approvals } from "./flows/runs/approvals.ts";
import { createFormAnswers } from "./flows/runs/form-answers.ts";
import { addRestartRoutes } from "./flows/runs/restart-routes.ts";
import { Restarts } from "./flows/runs/restarts.ts";
import { addRunRoutes } from "./flows/runs/run-routes.ts";
import { StepTests } from "./flows/runs/step-tests.ts";
import type { JobEvents } from "./jobs/job-events.ts";
import type { JobService } from "./jobs/job-service.ts";
import { createSchemaCheck } from "./resources/schema-check.ts";
import type { Log } from "./telemetry/log.ts";
import type { Workspaces } from "./workspaces/workspace-store.ts";

interface FlowRunParts {
  readonly pool: Pool;
  readonly engines: FlowEngines;
  readonly flows: Flows;
  readonly jobs: JobService;
  readonly workspaces: Workspaces;
  readonly changes: JobEvents;
  readonly log: Log;
  /** Of the cluster. */
  readonly secret: Buffer;
  readonly resultMaxBytes: number;
  readonly publicUrl: () => string;
  /** Somebody has answered for a step that waits for people. */
  readonly answered: () => void;
}

/** What people do with runs of flows: they look, answer, and make new ones of them. A part of the composition root. */
export function addFlowRuns(app: FastifyInstance, parts: FlowRunParts): Approvals {
  const { pool, engines, flows, jobs, workspaces, changes, log, secret, resultMaxBytes, publicUrl, answered } = parts;
  const { reader, store } = engines;
  const record = jobs.record.bind(jobs);
  addRunRoutes(app, { reader, jobs, changes, log });
  const people = {
    secret: () => Promise.resolve(secret),
    publicUrl,
    answered,
    record,
    // Not the one of resources: neither keeps the other waiting.
    fillForm: createFormAnswers(createSchemaCheck()),
    workspaceName: (id: Parameters<Workspaces["loadName"]>[0]) => workspaces.loadName(id),
  };
  const approvals = new Approvals({ pool, reader, ...people });
  addApprovalRoutes(app, approvals);
  const wallMs = (): number => realClock.wallMs();
  const made = { pool, store, wanted: flows.wanted, record, accept: jobs.accept.bind(jobs), wallMs };
  addRestartRoutes(app, new Restarts({ ...made, newJobId: createJobIdGenerator(wallMs) }), new StepTests({ ...made, resultMaxBytes }));
  return approvals;
}
