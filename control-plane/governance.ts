import type { FastifyInstance } from "fastify";
import { messageOf } from "../kernel/app-error.ts";
import type { Clock } from "../kernel/clock.ts";
import { createJobIdGenerator } from "../kernel/ids.ts";
import type { Service } from "../kernel/service.ts";
import { makeAuditMonths } from "./audit/audit-store.ts";
import { addDenialAudit } from "./audit/denials.ts";
import { addAuditRoutes } from "./audit/routes.ts";
import { BulkTasks } from "./bulk/bulk-tasks.ts";
import { addBulkRoutes } from "./bulk/routes.ts";
import type { Changes } from "./db/change-watch.ts";
import type { Pools } from "./db/pools.ts";
import { createQueryBuilder } from "./db/query-builder.ts";
import type { JobService, JobServiceDeps } from "./jobs/job-service.ts";
import { addRerunRoutes } from "./jobs/rerun-routes.ts";
import { Buckets } from "./quotas/buckets.ts";
import { JobAdmission } from "./quotas/job-admission.ts";
import { type InstanceLimits, Quotas } from "./quotas/quotas.ts";
import { RequestLimits } from "./quotas/request-limits.ts";
import { addQuotaRoutes } from "./quotas/routes.ts";
import type { Log } from "./telemetry/log.ts";
import type { Workspaces } from "./workspaces/workspace-store.ts";

export interface GovernanceParts {
  readonly pools: Pick<Pools, "api" | "console">;
  readonly changes: Changes;
  readonly limits: InstanceLimits;
  readonly clock: Clock;
  readonly log: Log;
  readonly workspaces: Pick<Workspaces, "byName">;
  /** Replicas that live, this one included: each keeps its share of a limit. */
  readonly replicas: () => number;
}

/** What workspaces may use, and who did what. */
export interface Governance extends Service {
  readonly admit: JobServiceDeps["admit"];
  /** @param authorize adds the authorisation: requests are counted before and after it */
  guard<T>(app: FastifyInstance, authorize: () => T): T;
  addRoutes(app: FastifyInstance, jobs: JobService): void;
}

const AUDIT_MONTHS_AHEAD = 3;
const AUDIT_MONTHS_EVERY_MS = 6 * 60 * 60 * 1000;

/** A part of the composition root. */
export function openGovernance({ pools, changes, limits, clock, log, workspaces, replicas }: GovernanceParts): Governance {
  const pool = pools.api;
  const quotas = new Quotas(pool, limits);
  const buckets = new Buckets(clock, replicas);
  const admission = new JobAdmission({ pool, quotas, buckets, clock });
  const requests = new RequestLimits(quotas, buckets);
  let tasks: BulkTasks | undefined;
  let timer: NodeJS.Timeout | undefined;
  const makeMonths = (): void =>
    void makeAuditMonths(pool, AUDIT_MONTHS_AHEAD).catch((error: unknown) =>
      log.error({ event: "audit.no_months", error: messageOf(error) }, "months of the audit log could not be made: changes fail when those ahead run out"),
    );
  return {
    admit: (workspace, jobs) => admission.admit(workspace, jobs),
    guard(app, authorize) {
      requests.beforeAuthorization(app);
      const authorized = authorize();
      requests.afterAuthorization(app);
      addDenialAudit(app, { pool, workspaces, clock, log });
      return authorized;
    },
    addRoutes(app, jobs) {
      const newId = createJobIdGenerator(() => clock.wallMs());
      tasks = new BulkTasks({ pool, console: pools.console, db: createQueryBuilder(pool), jobs, clock, log, newId });
      addAuditRoutes(app, pools.console);
      addQuotaRoutes(app, pools, quotas, clock);
      addRerunRoutes(app, pool, jobs);
      addBulkRoutes(app, tasks, clock);
    },
    async start() {
      await makeAuditMonths(pool, AUDIT_MONTHS_AHEAD);
      timer = setInterval(makeMonths, AUDIT_MONTHS_EVERY_MS);
      await quotas.read();
      changes.watch(quotas);
    },
    async stop() {
      clearInterval(timer);
      await tasks?.stop();
    },
  };
}
