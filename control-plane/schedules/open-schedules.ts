import type { FastifyInstance } from "fastify";
import type { Clock } from "../../kernel/clock.ts";
import type { Service } from "../../kernel/service.ts";
import type { Pools } from "../db/pools.ts";
import type { JobEvents } from "../jobs/job-events.ts";
import type { JobService } from "../jobs/job-service.ts";
import { createNamedJobs } from "../jobs/named-jobs.ts";
import type { OwnerDirectory } from "../scheduler/cluster/owner-directory.ts";
import type { ScriptCache } from "../scripts/script-cache.ts";
import type { Log } from "../telemetry/log.ts";
import type { ScheduleMetrics } from "../telemetry/schedule-metrics.ts";
import type { Workspaces } from "../workspaces/workspace-store.ts";
import { createTickTables } from "./open-run-store.ts";
import { addScheduleRoutes } from "./routes.ts";
import { RunEndings } from "./run-endings.ts";
import { RunStarter } from "./run-starter.ts";
import { createSchedules, type Schedules } from "./schedules.ts";
import { Sweeper } from "./sweeper.ts";
import { createTickJobs } from "./tick-jobs.ts";
import { Ticker } from "./ticker.ts";

export interface ScheduleParts {
  readonly pools: Pick<Pools, "api" | "console" | "schedules">;
  readonly jobs: Pick<JobService, "make" | "acceptMade">;
  readonly scripts: ScriptCache;
  readonly workspaces: Workspaces;
  readonly events: JobEvents;
  readonly owners: Pick<OwnerDirectory, "ownerOf">;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: ScheduleMetrics;
}

/** Schedules as others use them, and what ticks for them. */
export interface OpenSchedules extends Service {
  readonly schedules: Schedules;
}

/** Puts schedules together and adds their routes to a server. A part of the composition root. */
export function openSchedules(app: FastifyInstance, parts: ScheduleParts): OpenSchedules {
  const { scripts, workspaces, events, owners, clock, log, metrics } = parts;
  const { api: pool } = parts.pools;
  const named = createNamedJobs({ pool, jobs: parts.jobs, scripts, clock });
  const tables = createTickTables(parts.pools.schedules);
  const jobs = createTickJobs({ pool, jobs: named, events, workspaces });
  // The owner of a workspace's shard starts its jobs: it ticks for it, too, and no tick goes over a link.
  const owns = (shard: number): boolean => owners.ownerOf(shard)?.isLocal === true;
  const endings: RunEndings = new RunEndings({ tables, jobs, log, start: (run) => starter.start([run]) });
  const starter = new RunStarter({ tables, jobs, endings, clock, metrics });
  const ticker = new Ticker({ tables, starter, owns, clock, log, metrics });
  const sweeper = new Sweeper({ tables, jobs, starter, endings, owns, log });
  const schedules = createSchedules({
    pool: parts.pools.console,
    jobRows: pool,
    jobs: named,
    workspaces,
    clock,
    start: (run) => starter.start([run]),
    changed: () => ticker.changed(),
  });
  addScheduleRoutes(app, schedules, () => clock.wallMs());
  return {
    schedules,
    async start() {
      await ticker.start();
      await sweeper.start();
    },
    async stop() {
      await sweeper.stop();
      await ticker.stop();
      endings.stop();
    },
  };
}
