import { realClock } from "../kernel/clock.ts";
import type { BlobStore } from "./blobs/blob-store.ts";
import type { Config } from "./config.ts";
import type { Pools } from "./db/pools.ts";
import { Housekeeping } from "./housekeeping/housekeeping.ts";
import type { PartitionMaker } from "./housekeeping/partitions.ts";
import type { Log } from "./telemetry/log.ts";
import type { Metrics } from "./telemetry/metrics.ts";

export interface HousekeepingParts {
  readonly config: Config;
  readonly pools: Pick<Pools, "api">;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly blobs: BlobStore;
  readonly databaseUrl: string;
}

/** What is done now and then. A part of the composition root. */
export function openHousekeeping({ config, pools, log, metrics, blobs, databaseUrl }: HousekeepingParts, maker: PartitionMaker): Housekeeping {
  return new Housekeeping({
    url: databaseUrl,
    pool: pools.api,
    store: blobs,
    replica: config.replicaName,
    maker,
    clock: realClock,
    log,
    metrics: metrics.housekeeping,
    retentionDays: config.MILLRACE_RETENTION_DAYS,
    archive: config.MILLRACE_ARCHIVE === "on",
    packAfterDays: config.MILLRACE_LOG_PACK_AFTER_DAYS,
  });
}
