import type { Clock } from "../../../kernel/clock.ts";
import type { Log } from "../../telemetry/log.ts";
import { createMetrics } from "../../telemetry/metrics.ts";
import type { PlannedRun } from "../model.ts";
import { RunEndings } from "../run-endings.ts";
import { RunStarter } from "../run-starter.ts";
import { Sweeper } from "../sweeper.ts";
import type { TickJobs } from "../tick-jobs.ts";
import type { TickTables } from "../tick-tables.ts";
import { Ticker } from "../ticker.ts";

const silent = (): void => undefined;
export const silentLog = { debug: silent, info: silent, warn: silent, error: silent } as unknown as Log;
const metrics = createMetrics().schedules;

export interface Replica {
  readonly ticker: Ticker;
  readonly sweeper: Sweeper;
  readonly start: (run: PlannedRun) => Promise<void>;
}

/** What a replica has of schedules, put together as in open-schedules.ts, without timers: its parts are asked to work. */
export function makeReplica(tables: TickTables, jobs: TickJobs, clock: Clock, owns: (shard: number) => boolean = () => true): Replica {
  const endings: RunEndings = new RunEndings({ tables, jobs, log: silentLog, start: (run) => starter.start([run]) });
  const starter = new RunStarter({ tables, jobs, endings, clock, metrics });
  return {
    ticker: new Ticker({ tables, starter, owns, clock, log: silentLog, metrics }),
    sweeper: new Sweeper({ tables, jobs, starter, endings, owns, log: silentLog }),
    start: (run) => starter.start([run]),
  };
}
