import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type IncomingHttpHeaders, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import type { Pool } from "../../db/pools.ts";
import { createTestDatabase, openTestPool, type TestDatabase } from "../../db/test-database.ts";
import { type ControlPlane, startControlPlane } from "../../main.ts";

/** A whole control plane in this process on a database of its own. Flows of steps that need no agent run in it. */
export interface InProcess {
  readonly controlPlane: ControlPlane;
  readonly pool: Pool;
  readonly database: TestDatabase;
  api<T>(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<{ status: number; body: T; headers: Headers }>;
  /** Starts it anew on the same database, after `between`. */
  restart(between?: () => Promise<unknown>): Promise<void>;
  close(): Promise<void>;
}

export async function startInProcess(env: NodeJS.ProcessEnv = {}): Promise<InProcess> {
  const database = await createTestDatabase();
  const pool = openTestPool(database.url);
  const stateDir = mkdtempSync(join(tmpdir(), "millrace-triggers-"));
  const start = (): Promise<ControlPlane> =>
    startControlPlane(
      {
        MILLRACE_DATABASE_URL: database.url,
        MILLRACE_STATE_DIR: stateDir,
        MILLRACE_HTTP_PORT: "0",
        MILLRACE_GRPC_PORT: "0",
        MILLRACE_REPLICA_NAME: "test",
        // All tests ask from one address.
        MILLRACE_RATE_ANONYMOUS_PER_S: "0",
        MILLRACE_OUTBOUND_ALLOW: "127.0.0.1",
        ...env,
      },
      { log: pino({ level: "silent" }) },
    );
  let controlPlane = await start();
  await untilReady(controlPlane);
  return {
    get controlPlane() {
      return controlPlane;
    },
    pool,
    database,
    async api<T>(method: string, path: string, body?: unknown, extra: Record<string, string> = {}) {
      const response = await fetch(`${controlPlane.httpUrl}/api/v1/w/main${path}`, {
        method,
        headers: {
          authorization: `Bearer ${controlPlane.credentials.token}`,
          ...(body !== undefined && { "content-type": "application/json" }),
          ...extra,
        },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      });
      const text = await response.text();
      return { status: response.status, body: (text === "" ? null : JSON.parse(text)) as T, headers: response.headers };
    },
    async restart(between) {
      await controlPlane.stop("restart");
      await between?.();
      controlPlane = await start();
      await untilReady(controlPlane);
    },
    async close() {
      await controlPlane.stop("end");
      await pool.end();
      await database.drop();
      rmSync(stateDir, { recursive: true });
    },
  };
}

async function untilReady({ httpUrl }: ControlPlane): Promise<void> {
  await untilTrue("the control plane is ready", async () => (await fetch(`${httpUrl}/readyz`)).status === 200);
}

/** Looks until it is true; the limit fails the test. */
export async function untilTrue(what: string, check: () => Promise<boolean> | boolean, withinMs = 20_000): Promise<void> {
  for (const begun = performance.now(); performance.now() - begun < withinMs; ) {
    if (await check()) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`not within ${withinMs} ms: ${what}`);
}

export interface Received {
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

interface ReceiverAnswer {
  readonly status: number;
  readonly headers?: Record<string, string>;
}

/** Somebody who takes deliveries. */
export interface Receiving {
  readonly url: string;
  readonly received: Received[];
  /** What is answered, and when. */
  answer: (request: Received) => ReceiverAnswer | Promise<ReceiverAnswer>;
  close(): void;
}

export async function startReceiving(): Promise<Receiving> {
  const received: Received[] = [];
  const server: Server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on("data", (chunk: Buffer) => parts.push(chunk));
    request.on("end", () => {
      const seen = { url: request.url ?? "", headers: request.headers, body: Buffer.concat(parts).toString() };
      received.push(seen);
      void Promise.resolve(receiving.answer(seen)).then(({ status, headers }) => response.writeHead(status, headers).end());
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const receiving: Receiving = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    received,
    answer: () => ({ status: 204 }),
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
  return receiving;
}
