import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { Counter, collectDefaultMetrics, Gauge, Registry } from "prom-client";
import type { ExitReason } from "../../kernel/exit.ts";
import type { PackingStatus } from "../packing/packer.ts";

/** What gauges are read from at the moment of a scrape. */
export interface MetricSources {
  slots(): number;
  running(): number;
  connected(): boolean;
  /** Undefined before the first session. */
  contactAgeMs(): number | undefined;
  sandboxesReady(): number;
  unacknowledgedResults(): number;
  /** Undefined for an agent that does not pack its jobs. */
  packing(): PackingStatus | undefined;
  state(): string;
}

const STATES = ["active", "draining", "ending", "quarantined", "disk_pressure"] as const;

/** Metrics of one agent. Labels take values from closed sets only: never names, ids or tags. */
export class AgentMetrics {
  readonly registry = new Registry();
  readonly #ended: Counter;
  readonly #dials: Counter;

  constructor(spoolDir: string, sources: MetricSources) {
    const registers = [this.registry];
    collectDefaultMetrics({ register: this.registry });
    const gauge = (name: string, help: string, read: () => number): void => {
      new Gauge({
        name,
        help,
        registers,
        collect() {
          this.set(read());
        },
      });
    };
    gauge("millrace_agent_slots", "Jobs that the agent takes at once, as things are", () => sources.slots());
    gauge("millrace_agent_jobs_running", "Attempts that run or are about to", () => sources.running());
    gauge("millrace_agent_connected", "1 while there is a session with the control plane", () => Number(sources.connected()));
    gauge("millrace_agent_contact_age_seconds", "Since the control plane last answered a keepalive; -1 before the first session", () => {
      const ageMs = sources.contactAgeMs();
      return ageMs === undefined ? -1 : ageMs / 1000;
    });
    gauge("millrace_agent_sandboxes_ready", "Prepared sandboxes that wait for a job", () => sources.sandboxesReady());
    gauge("millrace_agent_results_unacknowledged", "Results without a verdict of the control plane", () => sources.unacknowledgedResults());
    if (sources.packing() !== undefined) {
      gauge("millrace_agent_jobs_waiting_for_room", "Attempts that came and do not fit yet", () => sources.packing()?.waiting.length ?? 0);
      gauge("millrace_agent_packing_memory_bytes", "What jobs may use together", () => Math.round(sources.packing()?.capacity.memoryBytes ?? 0));
      gauge("millrace_agent_packed_memory_bytes", "What the jobs that run are taken to need", () => sources.packing()?.used.memoryBytes ?? 0);
      gauge("millrace_agent_packing_cpu_millis", "Thousandths of processors that jobs may use together", () => sources.packing()?.capacity.cpuMillis ?? 0);
      gauge("millrace_agent_packed_cpu_millis", "What the jobs that run are taken to need", () => sources.packing()?.used.cpuMillis ?? 0);
    }
    gauge("millrace_agent_spool_bytes", "Results and output on disk that are not acknowledged", () => sizeOf(spoolDir));
    new Gauge({
      name: "millrace_agent_state",
      help: "1 for the state that the agent is in",
      labelNames: ["state"],
      registers,
      collect() {
        for (const state of STATES) this.set({ state }, Number(sources.state() === state));
      },
    });
    this.#ended = new Counter({ name: "millrace_agent_attempts_ended_total", help: "Attempts that ended", labelNames: ["reason"], registers });
    this.#dials = new Counter({ name: "millrace_agent_dials_total", help: "Streams that were opened to the control plane", registers });
  }

  ended(reason: ExitReason): void {
    this.#ended.inc({ reason });
  }

  dialled(): void {
    this.#dials.inc();
  }
}

/** Bytes of the files below a folder. Files come and go meanwhile. */
function sizeOf(folder: string): number {
  let bytes = 0;
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) bytes += statSync(join(entry.parentPath, entry.name), { throwIfNoEntry: false })?.size ?? 0;
  }
  return bytes;
}
