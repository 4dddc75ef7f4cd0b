import { Logger, makeWorkerUtils, run } from "graphile-worker";
import type { PeerDriver, PeerJob } from "./driver.ts";

const TASK = "noop";
const CONCURRENCY = 24;
const POOL = 10;
const LOCAL_QUEUE = 500;
const COMPLETE_DELAY_MS = 0;

const logger = new Logger(() => () => undefined);

/**
 * For throughput its documentation has batching: a local queue that fetches many jobs at once, and completions gathered into one
 * statement. For latency both are off, so that LISTEN wakes a worker which takes the one job.
 */
export const graphile: PeerDriver = driver({
  tuned: true,
  settings: {
    local_queue_size: LOCAL_QUEUE,
    complete_job_batch_delay_ms: COMPLETE_DELAY_MS,
    beyond_defaults: "concurrency (1), local_queue_size (no local queue), complete_job_batch_delay_ms (no batches)",
    for_latency: "no local queue and no batches: the same as graphile-worker-defaults",
  },
});

/** As it comes, with as many jobs at a time and as many connections: each job is fetched and completed by a statement of its own. */
export const graphileDefaults: PeerDriver = driver({ tuned: false, settings: { beyond_defaults: "concurrency (1)" } });

function driver({ tuned, settings }: Pick<PeerDriver, "tuned" | "settings">): PeerDriver {
  return {
    package: "graphile-worker",
    tuned,
    settings: {
      concurrency: CONCURRENCY,
      max_pool_size: POOL,
      ...settings,
      insert: "addJobs in batches",
      results: "not kept: a job is deleted when it is done",
      postgres: "embedded, durable commits, the product's settings",
    },
    async prepare(url) {
      const utils = await makeWorkerUtils({ connectionString: url, logger });
      await utils.migrate();
      await utils.release();
    },
    async produce(url) {
      const utils = await makeWorkerUtils({ connectionString: url, maxPoolSize: POOL, logger });
      return {
        add: async (job) => void (await utils.addJob(TASK, job)),
        addMany: async (jobs) => void (await utils.addJobs(jobs.map((payload) => ({ identifier: TASK, payload })))),
        close: async () => utils.release(),
      };
    },
    async work(url, purpose, events) {
      const batching = { worker: { localQueue: { size: LOCAL_QUEUE }, completeJobBatchDelay: COMPLETE_DELAY_MS } };
      const runner = await run({
        connectionString: url,
        concurrency: CONCURRENCY,
        maxPoolSize: POOL,
        logger,
        noHandleSignals: true,
        taskList: { [TASK]: async (payload) => events.onStart(payload as PeerJob) },
        ...(tuned && purpose === "throughput" && { preset: batching }),
      });
      runner.events.on("job:complete", () => events.onEnd(1));
      return () => runner.stop();
    },
  };
}
