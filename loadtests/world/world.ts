import { readFileSync } from "node:fs";
import { join } from "node:path";
import type pg from "pg";
import { AGENT_ENVIRONMENT, AGENT_NODE_FLAGS } from "../../agent/node-flags.ts";
import type { EmbeddedPostgres } from "../../control-plane/db/embedded.ts";
import type { Credentials } from "../../control-plane/identity/first-start.ts";
import { serverNodeFlags } from "../../control-plane/node-flags.ts";
import { Simulator } from "../agents/simulator.ts";
import { type Answer, HttpClient } from "../load/http-client.ts";
import { monotonicUs } from "../load/monotonic.ts";
import { readProcesses, treeSeconds } from "./cpu.ts";
import { Conversation } from "./messages.ts";
import { connect, startPostgres, temporaryFolder } from "./postgres.ts";
import { freePort, type Started, startProgram, until } from "./processes.ts";
import type { Scope } from "./scope.ts";
import { type DatabaseCounters, makeWorkspaces, readCounters } from "./world-store.ts";

export const NOOP_SCRIPT = "f/load/noop";

export interface WorldOptions {
  readonly replicas?: number;
  readonly postgresSettings?: Readonly<Record<string, string>>;
  readonly seed: number;
  /** Settings of the control plane, on top of its own. */
  readonly env?: Readonly<Record<string, string>>;
}

/** One control plane process. */
export interface Replica {
  readonly base: string;
  readonly grpc: string;
  readonly pid: number;
  /** Resolves when it can take jobs, or, as a standby, when it answers. */
  start(as: "owner" | "standby"): Promise<void>;
  stop(signal: NodeJS.Signals): Promise<void>;
  /** True when it says that it can take jobs. */
  isReady(): Promise<boolean>;
}

export interface Counters extends DatabaseCounters {
  readonly atUs: number;
  readonly endedJobs: number;
  readonly controlPlaneS: number;
  readonly postgresS: number;
}

/** The system under test as people run it: Postgres with durable commits, control planes, agents, each in processes of their own. */
export class World {
  readonly scope: Scope;
  readonly folder: string;
  readonly postgres: EmbeddedPostgres;
  readonly replicas: readonly Replica[];
  readonly sql: pg.Client;
  readonly seed: number;
  readonly #outside: pg.Client;
  readonly #countsStatements: boolean;
  readonly #credentials: Credentials;
  readonly #client: HttpClient;
  #agentFolders = 0;

  private constructor(
    parts: Pick<World, "scope" | "folder" | "postgres" | "replicas" | "sql" | "seed"> & {
      outside: pg.Client;
      countsStatements: boolean;
      credentials: Credentials;
    },
  ) {
    ({ scope: this.scope, folder: this.folder, postgres: this.postgres, replicas: this.replicas, sql: this.sql, seed: this.seed } = parts);
    this.#outside = parts.outside;
    this.#countsStatements = parts.countsStatements;
    this.#credentials = parts.credentials;
    this.#client = new HttpClient(parts.credentials.admin_token, 16);
    this.scope.defer(() => this.#client.close());
  }

  static async start(scope: Scope, options: WorldOptions): Promise<World> {
    const folder = temporaryFolder(scope);
    const postgres = await startPostgres(scope, folder, options.postgresSettings);
    const replicas: Replica[] = [];
    for (let number = 0; number < (options.replicas ?? 1); number++)
      replicas.push(await makeReplica(scope, { number, folder, url: postgres.url, env: options.env ?? {} }));
    for (const [number, replica] of replicas.entries()) await replica.start(number === 0 ? "owner" : "standby");
    const sql = await connect(scope, postgres.url);
    const outside = await connect(scope, postgres.url, "postgres");
    const countsStatements = options.postgresSettings?.["shared_preload_libraries"]?.includes("pg_stat_statements") === true;
    if (countsStatements) await outside.query("CREATE EXTENSION IF NOT EXISTS pg_stat_statements");
    const credentials = JSON.parse(readFileSync(join(folder, "replica-0", "credentials.json"), "utf8")) as Credentials;
    return new World({ scope, folder, postgres, replicas, sql, seed: options.seed, outside, countsStatements, credentials });
  }

  get bases(): readonly string[] {
    return this.replicas.map((replica) => replica.base);
  }

  /** Opens every workspace. */
  get token(): string {
    return this.#credentials.admin_token;
  }

  /** Makes workspaces and deploys the no-op script in each. */
  async workspaces(names: readonly string[]): Promise<void> {
    await makeWorkspaces(this.sql, names);
    const body = JSON.stringify({ path: NOOP_SCRIPT, language: "noop", content: "" });
    const waiting = [...names];
    const deploy = async (): Promise<void> => {
      for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
        const answer = await this.api("POST", name, "/scripts", body);
        if (answer.status >= 300) throw new Error(`the no-op script was refused: ${answer.status} ${answer.text}`);
      }
    };
    await Promise.all(Array.from({ length: 8 }, deploy));
  }

  /** A request to the first replica, or to another one. */
  api(method: string, workspace: string, path: string, body?: string, base = this.bases[0] ?? ""): Promise<Answer> {
    return this.#client.send(method, base, `/api/v1/w/${workspace}${path}`, body);
  }

  simulator(agents: number, slots: number): Promise<Simulator> {
    const addresses = this.replicas.map((replica) => replica.grpc);
    return Simulator.start(this.scope, { addresses, token: this.#credentials.agent_token, agents, slots, tags: ["default"], seed: this.seed });
  }

  /** The agent program itself, several in one process. Resolves when all are connected. @param settings on top of those of a load test */
  async realAgents(agents: number, slots: number | "auto", runtimes: { noop: boolean }, settings: Readonly<Record<string, string>> = {}): Promise<Started> {
    this.#agentFolders += 1;
    const env = {
      ...AGENT_ENVIRONMENT,
      MILLRACE_BENCH_AGENTS: String(agents),
      MILLRACE_GRPC_ADDRESS: this.#credentials.grpc,
      MILLRACE_AGENT_TOKEN: this.#credentials.agent_token,
      MILLRACE_AGENT_NAME: "load",
      MILLRACE_AGENT_SLOTS: String(slots),
      MILLRACE_AGENT_DATA_DIR: join(this.folder, `agents-${this.#agentFolders}`),
      MILLRACE_LOG_LEVEL: "warn",
      ...(runtimes.noop && { MILLRACE_AGENT_RUNTIMES: "noop" }),
      ...settings,
    };
    const started = startProgram(this.scope, "loadtests/agents/real-agents.ts", [], env, true, AGENT_NODE_FLAGS);
    await new Conversation<never, { kind: "connected" }>(started.child, "the agents").hear("connected", 60_000);
    return started;
  }

  /** Has Postgres write and sync what it has changed: what is measured next does not pay for what was written before. */
  async checkpoint(): Promise<void> {
    await this.#outside.query("CHECKPOINT");
  }

  /** A Prometheus metric, summed over its labels and over the replicas that answer. */
  async metric(name: string): Promise<number> {
    const texts = await Promise.all(this.bases.map((base) => this.#client.send("GET", base, "/metrics").catch(() => ({ text: "" }))));
    let sum = 0;
    for (const line of texts.flatMap(({ text }) => text.split("\n"))) {
      if (line.startsWith(`${name} `) || line.startsWith(`${name}{`)) sum += Number(line.slice(line.lastIndexOf(" ") + 1));
    }
    return sum;
  }

  async counters(): Promise<Counters> {
    const endedJobs = await this.metric("millrace_jobs_ended_total");
    const database = await readCounters(this.#outside, this.#countsStatements);
    const processes = readProcesses();
    const controlPlaneS = this.replicas.reduce((sum, replica) => sum + treeSeconds(processes, replica.pid), 0);
    return { ...database, endedJobs, controlPlaneS, postgresS: treeSeconds(processes, this.postgres.pid), atUs: monotonicUs() };
  }
}

async function makeReplica(scope: Scope, options: { number: number; folder: string; url: string; env: Readonly<Record<string, string>> }): Promise<Replica> {
  const [http, grpc] = [await freePort(), await freePort()];
  const base = `http://127.0.0.1:${http}`;
  const env = {
    MILLRACE_DATABASE_URL: options.url,
    MILLRACE_STATE_DIR: join(options.folder, `replica-${options.number}`),
    MILLRACE_REPLICA_NAME: `load-${options.number}`,
    MILLRACE_HTTP_PORT: String(http),
    MILLRACE_GRPC_PORT: String(grpc),
    MILLRACE_LOG_LEVEL: "error",
    ...options.env,
  };
  let started: Started | undefined;
  const answers = async (): Promise<number> => (await fetch(`${base}/readyz`)).status;
  return {
    base,
    grpc: `127.0.0.1:${grpc}`,
    get pid() {
      return started?.pid ?? -1;
    },
    async start(as) {
      started = startProgram(scope, "cli/main.ts", ["server"], env, true, serverNodeFlags());
      const wanted = as === "owner" ? [200] : [200, 503];
      await until("the control plane answers", async () => wanted.includes(await answers()));
    },
    async stop(signal) {
      await started?.stop(signal);
    },
    isReady: () =>
      answers().then(
        (status) => status === 200,
        () => false,
      ),
  };
}
