import { type ChildProcess, spawn } from "node:child_process";
import { chmodSync, closeSync, mkdtempSync, openSync, readFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { inject, type TestContext } from "vitest";
import { openCgroups } from "../agent/sandbox/cgroup/open.ts";
import { databaseUrl as addressOf } from "../control-plane/db/embedded-messages.ts";
import { createTestDatabase, type TestDatabase } from "../control-plane/db/test-database.ts";
import type { Credentials } from "../control-plane/identity/first-start.ts";
import type { JobView, JobWithResult } from "../control-plane/jobs/contract.ts";
import { freePort } from "../loadtests/world/processes.ts";

/** Of each process of a test that failed. */
const SAID_CHARS = 4_000;
/** For agents of tests whose scripts are not in Bash alone: each language is tried in a sandbox at every start of an agent. */
export const SCRIPTS = { MILLRACE_AGENT_LANGUAGES: "bash,python3,typescript" } as const;
/** Boots the real processes (`millrace server`, `millrace agent`) on a database of their own, and can kill any of them. */
const MAIN = fileURLToPath(new URL("../cli/main.ts", import.meta.url));

export interface Process {
  readonly child: ChildProcess;
  readonly logFile: string;
  kill(signal: NodeJS.Signals): Promise<void>;
}

export interface World {
  readonly dir: string;
  readonly databaseUrl: string;
  readonly httpPort: number;
  readonly grpcPort: number;
  readonly credentials: Credentials;
  server: Process;
  /** @param env beside what the world was made with, for this start */
  startServer(env?: NodeJS.ProcessEnv): Promise<void>;
  /** One that has Bash, and what the environment says. */
  startAgent(name: string, env?: NodeJS.ProcessEnv): Promise<Process>;
  api<T>(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<{ status: number; body: T }>;
  close(): Promise<void>;
}

export interface WorldOptions {
  readonly env?: NodeJS.ProcessEnv;
  /** An existing database instead of a copy of the template; `close` leaves it alone. */
  readonly databaseUrl?: string;
  /** A real embedded Postgres of the server's own, with durable commits, instead of the shared one of the tests. */
  readonly embedded?: boolean;
  /** The server is not expected to become the owner now. */
  readonly standby?: boolean;
  /** Port that agents use, when it is not the server's own: a proxy. */
  readonly agentsUse?: string;
  /** The test that it is for; worlds without one are for all tests of the file. */
  readonly testId?: string | undefined;
}

/** Worlds that are open, with what `lastWords` says of them. */
const openWorlds = new Map<World, { readonly testId: string | undefined; readonly processes: readonly Process[] }>();

/** What the processes of a test's worlds said at the end: nobody can look into their files later. */
export function lastWords(testId: string): string {
  const those = [...openWorlds.values()].filter((of) => of.testId === undefined || of.testId === testId);
  const said = those.flatMap(({ processes }) => processes.map(({ logFile }) => `--- ${basename(logFile)}\n${endOf(logFile)}`));
  return said.join("\n");
}

function endOf(logFile: string): string {
  return readFileSync(logFile, "utf8").slice(-SAID_CHARS);
}

/** Like one on which a server has started before, without anything in it. */
export function createWorldDatabase(): Promise<TestDatabase> {
  return createTestDatabase(inject("worldDatabase"));
}

export async function startWorld(options: WorldOptions = {}): Promise<World> {
  const dir = mkdtempSync(join(tmpdir(), "millrace-e2e-"));
  // Sandboxes run under other users and bind folders below this one.
  chmodSync(dir, 0o755);
  const database = options.databaseUrl === undefined && options.embedded !== true ? await createWorldDatabase() : undefined;
  let databaseUrl = options.databaseUrl ?? database?.url ?? "";
  const httpPort = await freePort();
  const grpcPort = await freePort();
  const processes: Process[] = [];
  const agentFolders = new Set<string>();

  const serverEnv = {
    ...(options.embedded !== true && { MILLRACE_DATABASE_URL: databaseUrl }),
    MILLRACE_STATE_DIR: join(dir, "server"),
    MILLRACE_HTTP_PORT: String(httpPort),
    MILLRACE_GRPC_PORT: String(grpcPort),
    MILLRACE_REPLICA_NAME: "e2e",
    MILLRACE_LOG_LEVEL: "debug",
    ...options.env,
  };
  const base = `http://127.0.0.1:${httpPort}`;
  const credentials = (): Credentials => JSON.parse(readFileSync(join(dir, "server", "credentials.json"), "utf8")) as Credentials;

  const world: World = {
    dir,
    get databaseUrl() {
      return databaseUrl;
    },
    httpPort,
    grpcPort,
    get credentials() {
      return credentials();
    },
    server: undefined as unknown as Process,
    async startServer(env = {}) {
      world.server = launch(["server"], { ...serverEnv, ...env }, join(dir, `server-${processes.length}.log`));
      const { child } = world.server;
      processes.push(world.server);
      const hasEnded = () => child.exitCode !== null || child.signalCode !== null;
      await until("the server is ready", async () => {
        if (hasEnded()) return true;
        const status = (await fetch(`${base}/readyz`).catch(() => undefined))?.status;
        return options.standby === true ? status !== undefined : status === 200;
      });
      if (hasEnded()) throw new Error("the server ended before it was ready");
    },
    async startAgent(name, env = {}) {
      const folder = env["MILLRACE_AGENT_DATA_DIR"] ?? join(dir, `agent-${name}`);
      agentFolders.add(folder);
      const agent = launch(
        ["agent"],
        {
          MILLRACE_GRPC_ADDRESS: options.agentsUse ?? `127.0.0.1:${grpcPort}`,
          MILLRACE_AGENT_TOKEN: credentials().agent_token,
          MILLRACE_AGENT_NAME: name,
          MILLRACE_AGENT_DATA_DIR: folder,
          MILLRACE_AGENT_SLOTS: "4",
          MILLRACE_AGENT_LANGUAGES: "bash",
          ...env,
        },
        join(dir, `agent-${name}-${processes.length}.log`),
      );
      processes.push(agent);
      await until(`agent ${name} is connected`, async () => {
        const { body } = await world.api<{ agents?: { name: string }[] }>("GET", "/agents");
        return body.agents?.some((entry) => entry.name === name) === true;
      });
      return agent;
    },
    async api<T>(method: string, path: string, body?: unknown, extra: Record<string, string> = {}) {
      const response = await fetch(`${base}/api/v1/w/main${path}`, {
        method,
        headers: { authorization: `Bearer ${credentials().token}`, ...(body !== undefined && { "content-type": "application/json" }), ...extra },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      });
      const text = await response.text();
      const json = (response.headers.get("content-type") ?? "").includes("json");
      return { status: response.status, body: (json ? JSON.parse(text) : text) as T };
    },
    async close() {
      openWorlds.delete(world);
      await Promise.all(processes.map((process) => process.kill("SIGKILL")));
      // What a killed agent leaves in the kernel goes at its next start: there will be none.
      for (const folder of agentFolders) (await openCgroups(join(folder, "exec"))).close();
      await database?.drop();
      // Jobs without a sandbox outlive a killed agent for a moment.
      await rm(dir, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
    },
  };
  openWorlds.set(world, { testId: options.testId, processes });
  try {
    await world.startServer();
  } catch (error) {
    const said = endOf(world.server.logFile);
    await world.close();
    throw new Error(`the server did not start; it said at the end:\n${said}`, { cause: error });
  }
  if (options.embedded === true) databaseUrl = embeddedUrl(join(dir, "server", "postgres"));
  return world;
}

/** Of tests in a `describe.concurrent` that share a world: one after the other, beside those of other suites. */
export const IN_TURN = { concurrent: false } as const;

/** A world that ends with the test: for tests that run side by side. */
export async function openWorld(context: TestContext, options: WorldOptions = {}): Promise<World> {
  const world = await startWorld({ ...options, testId: context.task.id });
  context.onTestFinished(() => world.close());
  return world;
}

/** Starts a process of ours with nothing in its environment but PATH, where compiled code is kept, and what is given; its output goes to a file. */
export function launch(args: string[], env: NodeJS.ProcessEnv, logFile: string, program = MAIN): Process {
  const log = openSync(logFile, "a");
  const child = spawn(process.execPath, [program, ...args], {
    env: { PATH: process.env["PATH"] ?? "", HOME: process.env["HOME"] ?? "/root", NODE_COMPILE_CACHE: process.env["NODE_COMPILE_CACHE"], ...env },
    stdio: ["ignore", log, log],
  });
  closeSync(log);
  const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  return {
    child,
    logFile,
    async kill(signal) {
      if (child.exitCode === null && child.signalCode === null) child.kill(signal);
      await exited;
    },
  };
}

/** Between two looks: a twentieth of what it has taken so far, so that long waits leave the processors to what they wait for. */
const LOOK_MS = { least: 10, most: 100, part: 1 / 20 };

/** Looks until it is true. The pause is a poll of something that really happens, with a limit that fails the test. */
export async function until(what: string, check: () => Promise<boolean>, withinMs = 60_000): Promise<void> {
  const begun = performance.now();
  let cause: unknown;
  for (let tookMs = 0; tookMs < withinMs; tookMs = performance.now() - begun) {
    const seen = await check().catch((error: unknown) => {
      cause = error;
      return false;
    });
    if (seen) return;
    await new Promise((resolve) => setTimeout(resolve, Math.min(LOOK_MS.most, Math.max(LOOK_MS.least, tookMs * LOOK_MS.part))));
  }
  throw new Error(`not within ${withinMs} ms: ${what}`, { cause });
}

export async function run(world: World, body: Record<string, unknown>, waitS?: number): Promise<JobWithResult> {
  const { status, body: view } = await world.api<JobWithResult>("POST", `/jobs${waitS === undefined ? "" : `?wait=${waitS}`}`, body);
  if (status >= 300) throw new Error(`run failed: ${status} ${JSON.stringify(view)}`);
  return view;
}

export async function job(world: World, id: string): Promise<JobView> {
  return (await world.api<JobView>("GET", `/jobs/${id}`)).body;
}

export async function untilEnded(world: World, id: string, withinMs = 60_000): Promise<JobView> {
  const seen: { view?: JobView } = {};
  const hasEnded = async (): Promise<boolean> => {
    seen.view = await job(world, id);
    return seen.view.finished_at !== undefined;
  };
  await until(`job ${id} has ended`, hasEnded, withinMs).catch((error: unknown) => {
    throw new Error(`the job has not ended: ${JSON.stringify(seen.view)}`, { cause: error });
  });
  return seen.view ?? job(world, id);
}

/** Address of the server's embedded database, from what it keeps in its folder. */
function embeddedUrl(folder: string): string {
  const [port, password] = ["port", "password"].map((name) => readFileSync(join(folder, name), "utf8").trim());
  return addressOf({ port: Number(port), socketFolder: join(folder, "socket") }, password ?? "");
}
