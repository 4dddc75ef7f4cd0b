import { type ChildProcess, spawn } from "node:child_process";
import { chmodSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { Agent, request } from "node:http";
import { availableParallelism, loadavg, tmpdir, totalmem } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import pg from "pg";
import { startEmbeddedPostgres } from "../control-plane/db/embedded.ts";
import type { Credentials } from "../control-plane/identity/first-start.ts";

/** The system under test as people run it: Postgres with durable commits, control plane and agents in processes of their own. */
export interface BenchWorld {
  readonly credentials: Credentials;
  readonly sql: pg.Client;
  readonly processes: { readonly server: ChildProcess };
  startAgents(count: number, slots: number, extra: NodeJS.ProcessEnv): Promise<ChildProcess>;
  api(method: string, path: string, body?: string): Promise<Response>;
  /** A POST on a kept-alive connection, with as little of a client as possible: for latencies. @returns the body */
  post(path: string, body: string): Promise<string>;
  metric(name: string): Promise<number>;
  close(): Promise<void>;
}

const keptAlive = new Agent({ keepAlive: true, maxSockets: 4 });
const root = fileURLToPath(new URL("..", import.meta.url));
const quiet = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: (fields: object, message: string) => process.stderr.write(`${message} ${JSON.stringify(fields)}\n`),
};

export async function startBenchWorld(): Promise<BenchWorld> {
  const dir = mkdtempSync(join(tmpdir(), "millrace-bench-"));
  chmodSync(dir, 0o755);
  const postgres = await startEmbeddedPostgres({ stateDir: dir, log: quiet });
  const children: ChildProcess[] = [];
  const launch = (script: string, args: string[], env: NodeJS.ProcessEnv): ChildProcess => {
    const child = spawn(process.execPath, [join(root, script), ...args], {
      env: { PATH: process.env["PATH"], HOME: process.env["HOME"], ...env },
      stdio: ["ignore", "ignore", "inherit"],
    });
    children.push(child);
    return child;
  };
  const http = 18_000 + (process.pid % 1000);
  const server = launch("cli/main.ts", ["server"], {
    MILLRACE_DATABASE_URL: postgres.url,
    MILLRACE_STATE_DIR: dir,
    MILLRACE_HTTP_PORT: String(http),
    MILLRACE_GRPC_PORT: String(http + 1000),
    MILLRACE_LOG_LEVEL: "warn",
  });
  const base = `http://127.0.0.1:${http}`;
  await until(async () => (await fetch(`${base}/readyz`)).status === 200);
  const credentials = JSON.parse(readFileSync(join(dir, "credentials.json"), "utf8")) as Credentials;
  const sql = new pg.Client({ connectionString: postgres.url });
  await sql.connect();

  const world: BenchWorld = {
    credentials,
    sql,
    processes: { server },
    async startAgents(count, slots, extra) {
      const child = launch("loadtests/bench-agents.ts", [], {
        MILLRACE_BENCH_AGENTS: String(count),
        MILLRACE_GRPC_ADDRESS: credentials.grpc,
        MILLRACE_AGENT_TOKEN: credentials.agent_token,
        MILLRACE_AGENT_NAME: "bench",
        MILLRACE_AGENT_SLOTS: String(slots),
        MILLRACE_AGENT_DATA_DIR: join(dir, `agents-${children.length}`),
        MILLRACE_LOG_LEVEL: "warn",
        ...extra,
      });
      const before = await world.metric("millrace_agents_connected");
      await until(async () => (await world.metric("millrace_agents_connected")) >= before + count);
      return child;
    },
    api: (method, path, body) =>
      fetch(`${base}/api/v1/w/${credentials.workspace}${path}`, {
        method,
        headers: { authorization: `Bearer ${credentials.token}`, ...(body !== undefined && { "content-type": "application/json" }) },
        ...(body !== undefined && { body }),
      }),
    post: (path, body) =>
      new Promise((resolve, reject) => {
        const headers = { authorization: `Bearer ${credentials.token}`, "content-type": "application/json", "content-length": Buffer.byteLength(body) };
        const outgoing = request(`${base}/api/v1/w/${credentials.workspace}${path}`, { method: "POST", agent: keptAlive, headers }, (response) => {
          let text = "";
          response.setEncoding("utf8");
          response.on("data", (data: string) => {
            text += data;
          });
          response.on("end", () => (response.statusCode === 201 ? resolve(text) : reject(new Error(text))));
        });
        outgoing.on("error", reject);
        outgoing.end(body);
      }),
    async metric(name) {
      const text = await (await fetch(`${base}/metrics`)).text();
      let sum = 0;
      for (const line of text.split("\n")) {
        if (line.startsWith(`${name} `) || line.startsWith(`${name}{`)) sum += Number(line.slice(line.lastIndexOf(" ") + 1));
      }
      return sum;
    },
    async close() {
      await sql.end();
      for (const child of [...children].reverse()) {
        if (child.exitCode !== null || child.signalCode !== null) continue;
        child.kill("SIGTERM");
        await new Promise((resolve) => child.once("exit", resolve));
      }
      await postgres.stop();
      rmSync(dir, { recursive: true, force: true });
    },
  };
  return world;
}

export async function until(check: () => Promise<boolean>, withinMs = 60_000): Promise<void> {
  for (const begun = performance.now(); performance.now() - begun < withinMs; ) {
    if (await check().catch(() => false)) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error("the system did not get there in time");
}

/** The machine that the figures come from. */
export function machine(): Record<string, number | string> {
  return { cores: availableParallelism(), memory_gib: Math.round(totalmem() / 2 ** 30), load_1m: loadavg()[0] ?? 0, node: process.version };
}

/** Seconds of processor time that a process has used, from /proc. */
export function cpuSeconds(pid: number | undefined): number {
  if (pid === undefined) return 0;
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
  return (Number(fields[11]) + Number(fields[12])) / 100;
}
