import { messageOf } from "../../kernel/app-error.ts";
import { arrivalTimesMs } from "../load/arrivals.ts";
import { Latencies } from "../load/latencies.ts";
import { monotonicUs, pause, untilUs } from "../load/monotonic.ts";
import { seededRandom } from "../load/random.ts";
import { Tally } from "../load/tally.ts";
import type { PeerJob, PeerProducer } from "./driver.ts";
import { DRIVERS } from "./drivers.ts";
import type { FromPeer, ToPeer } from "./peer-messages.ts";

/** A process that adds jobs to a peer, or works on them. */
const PROGRESS_MS = 20;
const say = (message: FromPeer): void => void process.send?.(message);

let producer: PeerProducer | undefined;
let endedElsewhere = 0;
let next = 0;

const latencies = new Latencies();
const starts = new Tally();
const seen = { started: 0, ended: 0, again: 0, firstStartUs: 0, lastEndUs: 0 };

const events = {
  onStart(job: PeerJob): void {
    const nowUs = monotonicUs();
    if (seen.firstStartUs === 0) seen.firstStartUs = nowUs;
    seen.started += 1;
    if (starts.get(job.n) > 0) seen.again += 1;
    starts.increment(job.n);
    if (job.at > 0) latencies.recordUs(nowUs - job.at);
  },
  onEnd(jobs: number): void {
    seen.ended += jobs;
    seen.lastEndUs = monotonicUs();
  },
};

function jobs(count: number): PeerJob[] {
  const at = Math.round(monotonicUs());
  const first = next;
  next += count;
  return Array.from({ length: count }, (_, index) => ({ at, n: first + index }));
}

async function inParallel(callers: number, turn: () => Promise<boolean>): Promise<void> {
  const caller = async (): Promise<void> => {
    while (await turn());
  };
  await Promise.all(Array.from({ length: callers }, caller));
}

async function obey(message: ToPeer): Promise<void> {
  const begunUs = monotonicUs();
  const first = next;
  const produced = (): void => say({ kind: "produced", jobs: next - first, tookMs: (monotonicUs() - begunUs) / 1000 });
  switch (message.kind) {
    case "prepare":
      await DRIVERS[message.peer].prepare(message.url);
      return say({ kind: "ready" });
    case "work":
      await DRIVERS[message.peer].work(message.url, message.purpose, events);
      return say({ kind: "ready" });
    case "produce":
      producer = await DRIVERS[message.peer].produce(message.url);
      return say({ kind: "ready" });
    case "fill":
      await inParallel(message.callers, async () => {
        if (next - first >= message.jobs) return false;
        await producer?.addMany(jobs(Math.min(message.batch, message.jobs - (next - first))));
        return true;
      });
      return produced();
    case "steady": {
      await inParallel(message.callers, async () => {
        if (monotonicUs() - begunUs > message.forMs * 1000) return false;
        if (next - endedElsewhere >= message.backlog) await pause(2);
        else await producer?.addMany(jobs(message.batch));
        return true;
      });
      return produced();
    }
    case "trickle": {
      const random = seededRandom(message.seed);
      let dueUs = begunUs;
      for (const { jobs: most, perS, isMeasured } of message.stretches) {
        const fromUs = dueUs;
        const times = arrivalTimesMs({ kind: "poisson", perS }, Number.POSITIVE_INFINITY, random);
        for (let count = 0; count < most; count++) {
          dueUs = fromUs + (times.next().value ?? 0) * 1000;
          await untilUs(dueUs);
          void producer
            ?.add({ at: isMeasured ? Math.round(dueUs) : 0, n: next++ })
            .catch((error: unknown) => say({ kind: "failed", message: messageOf(error) }));
        }
      }
      return produced();
    }
    case "ended":
      endedElsewhere = message.jobs;
      return;
    case "report":
      return say({ kind: "report", report: { ...seen, latencies: latencies.toText() } });
  }
}

process.on("message", (message: ToPeer) => void obey(message).catch((error: unknown) => say({ kind: "failed", message: messageOf(error) })));
process.on("disconnect", () => process.exit(0));
process.on("SIGINT", () => undefined);
process.on("SIGTERM", () => process.exit(0));
let told = 0;
setInterval(() => {
  if (seen.ended === told) return;
  told = seen.ended;
  say({ kind: "progress", ended: told });
}, PROGRESS_MS);
