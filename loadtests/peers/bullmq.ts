import { Queue, Worker } from "bullmq";
import type { PeerDriver, PeerJob } from "./driver.ts";

const QUEUE = "noop";
const CONCURRENCY = 100;

/** Redis is not as durable as a Postgres commit: with `everysec` the last second of acknowledged jobs may be lost in a crash. */
export const bullMq: PeerDriver = {
  package: "bullmq",
  tuned: false,
  settings: {
    concurrency: CONCURRENCY,
    beyond_defaults: "concurrency (1)",
    insert: "addBulk in batches",
    results: "kept: completed jobs stay, with their return values",
    redis: "appendonly yes, appendfsync everysec, no snapshots: acknowledged before it is on disk",
  },
  prepare: () => Promise.resolve(),
  async produce(url) {
    const queue = new Queue<PeerJob>(QUEUE, { connection: { url, maxRetriesPerRequest: null } });
    await queue.waitUntilReady();
    return {
      add: async (job) => void (await queue.add("noop", job)),
      addMany: async (jobs) => void (await queue.addBulk(jobs.map((data) => ({ name: "noop", data })))),
      close: () => queue.close(),
    };
  },
  async work(url, _purpose, events) {
    const worker = new Worker<PeerJob, number>(
      QUEUE,
      async (job) => {
        events.onStart(job.data);
        return job.data.n;
      },
      { connection: { url, maxRetriesPerRequest: null }, concurrency: CONCURRENCY },
    );
    worker.on("completed", () => events.onEnd(1));
    worker.on("error", (error) => process.stderr.write(`bullmq: ${error.message}\n`));
    await worker.waitUntilReady();
    return () => worker.close(true);
  },
};
