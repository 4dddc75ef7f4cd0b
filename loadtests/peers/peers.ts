import { readFileSync } from "node:fs";
import { Latencies, latencyFigures, round } from "../load/latencies.ts";
import { monotonicUs } from "../load/monotonic.ts";
import type { PeerResult } from "../result/model.ts";
import { Conversation } from "../world/messages.ts";
import { startPostgres, temporaryFolder } from "../world/postgres.ts";
import { type Started, startProgram, until } from "../world/processes.ts";
import { Scope } from "../world/scope.ts";
import { DRIVERS, type PeerName } from "./drivers.ts";
import type { FromPeer, PeerReport, Stretch, ToPeer } from "./peer-messages.ts";
import { redisVersion, startRedis } from "./redis.ts";

/** A peer's process, from the outside. */
class PeerProcess {
  readonly #process: Started;
  readonly talk: Conversation<ToPeer, FromPeer>;
  ended = 0;

  constructor(scope: Scope, name: PeerName, onProgress: (ended: number) => void = () => undefined) {
    this.#process = startProgram(scope, "loadtests/peers/peer-child.ts", [], {}, false);
    this.talk = new Conversation<ToPeer, FromPeer>(this.#process.child, name, (message) => {
      if (message.kind !== "progress") return;
      this.ended = message.ended;
      onProgress(message.ended);
    });
  }

  async ask<Kind extends FromPeer["kind"]>(message: ToPeer, answer: Kind, withinMs = 600_000): Promise<Extract<FromPeer, { kind: Kind }>> {
    const heard = this.talk.hear(answer, withinMs);
    this.talk.say(message);
    return heard;
  }

  async report(): Promise<PeerReport> {
    return (await this.ask({ kind: "report" }, "report")).report;
  }

  stop(): Promise<void> {
    return this.#process.stop("SIGTERM");
  }
}

interface Turn {
  readonly scope: Scope;
  readonly name: PeerName;
  readonly url: string;
}

/**
 * Gives each peer its turn: alone on the machine, on a server of its own that is new, started like the product's own. A peer that cannot
 * be had is skipped by name; one that fails says so.
 */
export async function measurePeers(
  names: readonly PeerName[],
  owner: Scope,
  say: (text: string) => void,
  measure: (turn: Turn) => Promise<Record<string, number>>,
): Promise<Record<string, PeerResult>> {
  const results: Record<string, PeerResult> = {};
  for (const name of names) {
    if (owner.isClosed) break;
    const scope = new Scope();
    owner.defer(() => scope.close());
    say(`${name} …`);
    try {
      const server = name === "bullmq" ? await startRedis(scope) : { url: (await startPostgres(scope, temporaryFolder(scope))).url };
      results[name] =
        "missing" in server
          ? { kind: "skipped", reason: server.missing }
          : { kind: "measured", version: versionOf(name), figures: await measure({ scope, name, url: server.url }), settings: DRIVERS[name].settings };
    } catch (error) {
      results[name] = { kind: "skipped", reason: `it failed: ${error instanceof Error ? error.message : String(error)}` };
    } finally {
      await scope.close();
    }
  }
  return results;
}

function versionOf(name: PeerName): string {
  const { version } = JSON.parse(readFileSync(new URL(`../../node_modules/${DRIVERS[name].package}/package.json`, import.meta.url), "utf8")) as {
    version: string;
  };
  return name === "bullmq" ? `${version}, Redis ${redisVersion()}` : version;
}

/** From add to the start of the worker, one job at a time on an idle system. */
export async function idleLatency(
  { scope, name, url }: Turn,
  options: { readonly stretches: readonly Stretch[]; readonly seed: number },
): Promise<Record<string, number>> {
  const worker = new PeerProcess(scope, name);
  await worker.ask({ kind: "prepare", peer: name, url }, "ready");
  await worker.ask({ kind: "work", peer: name, url, purpose: "latency" }, "ready");
  const producer = new PeerProcess(scope, name);
  await producer.ask({ kind: "produce", peer: name, url }, "ready");
  await producer.ask({ kind: "trickle", ...options }, "produced");
  await until(`${name} has ended its jobs`, () => worker.ended >= options.stretches.reduce((sum, { jobs }) => sum + jobs, 0));
  const report = await worker.report();
  return latencyFigures("idle_add_to_start", Latencies.fromText(report.latencies));
}

/**
 * The whole life of jobs that do nothing, in two ways, of which the better one counts: adding and working at the same time with a bounded
 * backlog, and one after the other.
 */
export async function lifecycle(
  { scope, name, url }: Turn,
  options: { jobs: number; steadyMs: number; batch: number; callers: number; backlog: number },
): Promise<Record<string, number>> {
  const { jobs, steadyMs, batch, callers, backlog } = options;
  const producer = new PeerProcess(scope, name);
  await producer.ask({ kind: "prepare", peer: name, url }, "ready");
  await producer.ask({ kind: "produce", peer: name, url }, "ready");
  const { tookMs: fillMs } = await producer.ask({ kind: "fill", jobs, batch, callers }, "produced");
  const worker = new PeerProcess(scope, name, (ended) => producer.talk.say({ kind: "ended", jobs: ended }));
  await worker.ask({ kind: "work", peer: name, url, purpose: "throughput" }, "ready");
  await until(`${name} has ended its jobs`, () => worker.ended >= jobs, 600_000);
  const drained = await worker.report();
  const drainMs = (drained.lastEndUs - drained.firstStartUs) / 1000;
  const steady = producer.ask({ kind: "steady", forMs: steadyMs, batch, callers, backlog }, "produced");
  const windowJobs = await endedWithin(worker, steadyMs);
  const { jobs: added } = await steady;
  await until(`${name} has ended its jobs`, () => worker.ended >= jobs + added, 600_000);
  const report = await worker.report();
  const steadyPerS = (windowJobs.jobs / (windowJobs.untilUs - windowJobs.fromUs)) * 1e6;
  const inTurnPerS = (jobs / (fillMs + drainMs)) * 1000;
  return {
    lifecycle_jobs_per_s: round(Math.max(steadyPerS, inTurnPerS)),
    steady_jobs_per_s: round(steadyPerS),
    insert_jobs_per_s: round((jobs / fillMs) * 1000),
    drain_jobs_per_s: round((jobs / drainMs) * 1000),
    insert_then_drain_jobs_per_s: round(inTurnPerS),
    lost_jobs: jobs + added - report.ended,
    started_again_jobs: report.again,
  };
}

/** Jobs that ended in the last three quarters of a time: the first quarter warms up. */
async function endedWithin(worker: PeerProcess, forMs: number): Promise<{ jobs: number; fromUs: number; untilUs: number }> {
  await new Promise((resolve) => setTimeout(resolve, forMs / 4));
  const [fromUs, before] = [monotonicUs(), worker.ended];
  await new Promise((resolve) => setTimeout(resolve, (forMs * 3) / 4));
  return { jobs: worker.ended - before, fromUs, untilUs: monotonicUs() };
}
