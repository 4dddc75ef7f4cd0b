import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import type { FlowEngineMetrics } from "../flows/engine/flow-engine-metrics.ts";
import type { ClusterMetrics } from "../scheduler/cluster/peers.ts";
import { createHousekeepingMetrics, type HousekeepingMetrics } from "./housekeeping-metrics.ts";
import type { OwnerMetrics } from "./owner-metrics.ts";
import { createScheduleMetrics, type ScheduleMetrics } from "./schedule-metrics.ts";

const FAST_BUCKETS = [0.0005, 0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.125, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300];

/** What gauges are read from at the moment of a scrape. */
interface MetricSources {
  waiting(): number;
  waitingByReason(): Readonly<Record<string, number>>;
  running(): number;
  agents(): number;
  agentStates(): Readonly<Record<string, number>>;
  slots(): { total: number; used: number };
  flushQueue(): number;
  payloadBytes(): number;
  shardsOwned(): number;
  shardsMissing(): number;
  peerLinks(): number;
  changesUnseenS(): number;
}

export interface Metrics {
  readonly registry: Registry;
  readonly owner: OwnerMetrics;
  readonly cluster: ClusterMetrics;
  readonly housekeeping: HousekeepingMetrics;
  readonly flows: FlowEngineMetrics;
  readonly schedules: ScheduleMetrics;
  flushed(size: number, tookMs: number): void;
  logsWritten(chunks: number, bytes: number, tookMs: number): void;
  request(route: string, status: number, tookMs: number): void;
  accepted(jobs: number): void;
  /** Connects the gauges; before that they read 0. */
  observe(sources: MetricSources): void;
}

/** The process's Prometheus metrics. Labels take values from closed sets only: never ids, tags or workspaces. */
export function createMetrics(): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const registers = [registry];
  let sources: MetricSources | undefined;
  const gauge = (name: string, help: string, read: (from: MetricSources) => number): void => {
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(sources === undefined ? 0 : read(sources));
      },
    });
  };
  gauge("millrace_jobs_waiting", "Jobs that wait, on all routes of this owner", (from) => from.waiting());
  new Gauge({
    name: "millrace_jobs_waiting_on",
    help: "Jobs that wait, by what they wait for",
    labelNames: ["reason"],
    registers,
    collect() {
      this.reset();
      for (const [reason, count] of Object.entries(sources?.waitingByReason() ?? {})) this.set({ reason }, count);
    },
  });
  gauge("millrace_jobs_running", "Attempts that run or are being started or ended", (from) => from.running());
  gauge("millrace_agents_connected", "Live agent sessions on this replica", (from) => from.agents());
  new Gauge({
    name: "millrace_agents_by_state",
    help: "Live agent sessions on this replica, by whether they take jobs",
    labelNames: ["state"],
    registers,
    collect() {
      for (const [state, count] of Object.entries(sources?.agentStates() ?? {})) this.set({ state }, count);
    },
  });
  gauge("millrace_slots", "Slots of connected agents", (from) => from.slots().total);
  gauge("millrace_slots_used", "Slots in use", (from) => from.slots().used);
  gauge("millrace_flush_queue_rows", "Operations that wait for a flush", (from) => from.flushQueue());
  gauge("millrace_payload_cache_bytes", "Payloads of waiting jobs held in memory", (from) => from.payloadBytes());

  gauge("millrace_shards_owned", "Shards that this replica schedules", (from) => from.shardsOwned());
  gauge("millrace_shards_missing", "Shards without an owner, as far as this replica knows", (from) => from.shardsMissing());
  gauge("millrace_peer_links", "Other replicas that this one is linked to", (from) => from.peerLinks());
  gauge("millrace_changes_unseen_seconds", "For how long this replica has not known what others change", (from) => from.changesUnseenS());

  const handOverSeconds = new Histogram({
    name: "millrace_hand_over_seconds",
    help: "From the freeze of shards until they were given to another replica",
    buckets: FAST_BUCKETS,
    registers,
  });
  const gainSeconds = new Histogram({ name: "millrace_shard_load_seconds", help: "Time to load shards that were gained", buckets: FAST_BUCKETS, registers });
  const takenOver = new Counter({ name: "millrace_shards_taken_over_total", help: "Shards of dead replicas that were given to the living", registers });
  const acceptedJobs = new Counter({ name: "millrace_jobs_accepted_total", help: "Jobs acknowledged to their callers", registers });
  const ended = new Counter({ name: "millrace_jobs_ended_total", help: "Jobs that ended", labelNames: ["outcome", "reason"], registers });
  const lost = new Counter({ name: "millrace_attempts_lost_total", help: "Attempts whose agent went away", registers });
  const dispatchSeconds = new Histogram({
    name: "millrace_dispatch_seconds",
    help: "From due to the hand-over to an agent's stream",
    buckets: FAST_BUCKETS,
    registers,
  });
  const waitSeconds = new Histogram({ name: "millrace_job_wait_seconds", help: "From due to the start of the process", buckets: FAST_BUCKETS, registers });
  const flushSeconds = new Histogram({ name: "millrace_flush_seconds", help: "Time of one group commit", buckets: FAST_BUCKETS, registers });
  const flushRows = new Histogram({
    name: "millrace_flush_rows",
    help: "Operations in one group commit",
    buckets: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000],
    registers,
  });
  const logBytes = new Counter({ name: "millrace_log_bytes_total", help: "Compressed bytes of output stored", registers });
  const logChunks = new Counter({ name: "millrace_log_chunks_total", help: "Chunks of output stored", registers });
  const logSeconds = new Histogram({ name: "millrace_log_write_seconds", help: "Time to store one batch of chunks", buckets: FAST_BUCKETS, registers });
  const requests = new Histogram({
    name: "millrace_http_request_seconds",
    help: "Time of one request",
    labelNames: ["route", "status"],
    buckets: FAST_BUCKETS,
    registers,
  });

  const flowEvents = new Counter({ name: "millrace_flow_events_total", help: "Events of flows that were stored", registers });
  const flowTransitions = new Counter({
    name: "millrace_flow_transitions_total",
    help: "Transitions of flows, of one or more events, that were stored",
    registers,
  });

  return {
    registry,
    flows: {
      transition(events) {
        flowEvents.inc(events);
        flowTransitions.inc();
      },
    },
    housekeeping: createHousekeepingMetrics(registry),
    schedules: createScheduleMetrics(registry),
    owner: {
      dispatched: (ms) => dispatchSeconds.observe(Math.max(0, ms) / 1000),
      started: (ms) => waitSeconds.observe(Math.max(0, ms) / 1000),
      ended: (outcome, reason) => ended.inc({ outcome, reason }),
      lost: () => lost.inc(),
    },
    cluster: {
      handedOver: (_shards, tookMs) => handOverSeconds.observe(tookMs / 1000),
      gained: (_shards, tookMs) => gainSeconds.observe(tookMs / 1000),
      tookOver: (shards) => takenOver.inc(shards),
    },
    flushed(size, tookMs) {
      flushRows.observe(size);
      flushSeconds.observe(tookMs / 1000);
    },
    logsWritten(chunks, bytes, tookMs) {
      logChunks.inc(chunks);
      logBytes.inc(bytes);
      logSeconds.observe(tookMs / 1000);
    },
    request: (route, status, tookMs) => requests.observe({ route, status: `${Math.floor(status / 100)}xx` }, tookMs / 1000),
    accepted: (jobs) => acceptedJobs.inc(jobs),
    observe(from) {
      sources = from;
    },
  };
}
