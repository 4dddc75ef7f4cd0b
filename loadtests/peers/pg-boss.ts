import { PgBoss } from "pg-boss";
import type { PeerDriver, PeerJob } from "./driver.ts";

const QUEUE = "noop";
const WORKERS = 4;
const BATCH = 500;

/**
 * Its workers fetch and complete in batches; `burstWhenBatchFull` lets them go on without a pause while there is more, and LISTEN/NOTIFY
 * wakes them, so that the half-second poll is only a net. For latency each fetch takes one job. As it comes it would take one job every two
 * seconds: nobody runs it so, and there is no peer of that kind.
 */
export const pgBoss: PeerDriver = {
  package: "pg-boss",
  tuned: true,
  settings: {
    workers: WORKERS,
    batch_size: BATCH,
    burst_when_batch_full: true,
    listen_notify: true,
    polling_interval_s: 0.5,
    beyond_defaults: "workers (1), batch_size (1), burst_when_batch_full (off), listen_notify (off), polling_interval_s (2), a partition for the queue (none)",
    for_latency: "one worker that fetches one job at a time, no burst",
    insert: "insert() in batches",
    results: "kept, as output per job",
    queue: "policy standard, partition of its own",
    postgres: "embedded, durable commits, the product's settings",
  },
  async prepare(url) {
    const boss = await start(url);
    await boss.createQueue(QUEUE, { notify: true, partition: true });
    await boss.stop({ graceful: false });
  },
  async produce(url) {
    const boss = await start(url);
    return {
      add: async (job) => void (await boss.send(QUEUE, job)),
      addMany: async (jobs) =>
        void (await boss.insert(
          QUEUE,
          jobs.map((data) => ({ data })),
        )),
      close: () => boss.stop({ graceful: false }),
    };
  },
  async work(url, purpose, events) {
    const boss = await start(url);
    const latency = purpose === "latency";
    const options = {
      perJobResults: true,
      batchSize: latency ? 1 : BATCH,
      localConcurrency: latency ? 1 : WORKERS,
      burstWhenBatchFull: !latency,
      pollingIntervalSeconds: 0.5,
      notifyPollingIntervalSeconds: 0.5,
    } as const;
    // pg-boss records a batch after its handler has returned and says nothing then: the ends are counted a moment early, in its favour.
    await boss.work<PeerJob>(QUEUE, options, async (jobs) => {
      for (const job of jobs) events.onStart(job.data);
      events.onEnd(jobs.length);
      return jobs.map((job) => ({ id: job.id, status: "completed" as const, output: { value: job.data.n } }));
    });
    return () => boss.stop({ graceful: false });
  },
};

async function start(url: string): Promise<PgBoss> {
  const boss = new PgBoss({ connectionString: url, max: 10, useListenNotify: true });
  boss.on("error", (error) => process.stderr.write(`pg-boss: ${error.message}\n`));
  await boss.start();
  return boss;
}
