import { type ChildProcess, spawn } from "node:child_process";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { join } from "node:path";
import type { JobView } from "../control-plane/jobs/contract.ts";
import { PROJECT_ROOT } from "./settings.ts";

/** What came in, with the body as text. */
export interface Request {
  readonly method: string;
  /** Path below the workspace, with the query. */
  readonly path: string;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
}
type Answer = (response: ServerResponse, request: Request) => void;

export const JOB_ID = "01a2000c-5c41-7000-92f2-ed0c5a100103";

export function jobView(fields: Partial<JobView> = {}): JobView {
  return {
    id: JOB_ID,
    workspace: "main",
    kind: "inline",
    language: "python3",
    tag: "default",
    priority: 5,
    status: "queued",
    attempt: 0,
    created_by: "test",
    created_at: "2026-01-01T00:00:00.000Z",
    ...fields,
  };
}

/** A server that answers what a test tells it to; several answers to one route are given in turn, the last one for ever. */
export class ScriptedApi {
  readonly requests: Request[] = [];
  readonly #routes = new Map<string, Answer[]>();
  readonly #server: Server;
  #port = 0;
  #waiting: { matches: (request: Request) => boolean; resolve: () => void }[] = [];

  constructor() {
    this.#server = createServer((message, response) => {
      const chunks: Buffer[] = [];
      message.on("data", (chunk: Buffer) => chunks.push(chunk));
      message.on("end", () => this.#answer(message, response, Buffer.concat(chunks).toString()));
    });
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  async open(port = 0): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(port, "127.0.0.1", resolve));
    const address = this.#server.address();
    if (typeof address === "object" && address !== null) this.#port = address.port;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  /** @param route method and path below the workspace, without query: "GET /jobs" */
  on(route: string, ...answers: Answer[]): this {
    this.#routes.set(route, answers);
    return this;
  }

  /** Requests to a route so far. */
  to(route: string): Request[] {
    return this.requests.filter((request) => `${request.method} ${request.path.split("?")[0] ?? ""}` === route);
  }

  /** Resolves when a request to the route comes. */
  async next(route: string): Promise<void> {
    if (this.to(route).length > 0) return;
    await new Promise<void>((resolve) =>
      this.#waiting.push({ matches: (request) => `${request.method} ${request.path.split("?")[0] ?? ""}` === route, resolve }),
    );
  }

  #answer(message: IncomingMessage, response: ServerResponse, body: string): void {
    const path = (message.url ?? "").replace("/api/v1/w/main", "");
    const request = { method: message.method ?? "", path, headers: message.headers, body };
    this.requests.push(request);
    const answers = this.#routes.get(`${request.method} ${path.split("?")[0] ?? ""}`) ?? [
      problem(404, "not_found", `nothing scripted for ${request.method} ${path}`),
    ];
    const answer = answers.length > 1 ? answers.shift() : answers[0];
    answer?.(response, request);
    for (const waiter of this.#waiting.filter((entry) => entry.matches(request))) waiter.resolve();
    this.#waiting = this.#waiting.filter((entry) => !entry.matches(request));
  }
}

export const json = (status: number, body: unknown): Answer => text(status, JSON.stringify(body), "application/json");
export const text =
  (status: number, body: string, type = "text/plain"): Answer =>
  (response) =>
    void response.writeHead(status, { "content-type": type }).end(body);
export const problem = (status: number, code: string, detail: string, more: object = {}): Answer =>
  text(status, JSON.stringify({ type: "t", title: "T", status, detail, code, request_id: "req-1", ...more }), "application/problem+json");

/** One event as the server writes it. */
export const event = (name: string, data: unknown, id?: string): string =>
  `${id === undefined ? "" : `id: ${id}\n`}event: ${name}\ndata: ${JSON.stringify(data)}\n\n`;
export const logEvent = (id: string, line: string, stream = "stdout"): string =>
  event("log", { attempt: 1, stream, at: "2026-01-01T00:00:00.000Z", text: line }, id);

/** An event stream that sends this and then ends, breaks off, or stays open. */
export const stream =
  (body: string, then: "end" | "break" | "stay" = "end"): Answer =>
  (response) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.write(body, () => {
      if (then === "end") response.end();
      if (then === "break") response.destroy();
    });
  };

export interface Finished {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunningCli {
  readonly child: ChildProcess;
  readonly finished: Promise<Finished>;
  /** Resolves when stderr holds this. */
  saw(part: string): Promise<void>;
}

/** Starts the real command line against a server, without a terminal. */
export function startCli(url: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): RunningCli {
  const child = spawn(process.execPath, [join(PROJECT_ROOT, "cli/main.ts"), ...args], {
    stdio: ["ignore", "pipe", "pipe"],
    env: {
      PATH: process.env["PATH"],
      NODE_COMPILE_CACHE: process.env["NODE_COMPILE_CACHE"],
      HOME: "/nonexistent",
      MILLRACE_STATE_DIR: "/nonexistent",
      MILLRACE_URL: url,
      MILLRACE_TOKEN: "secret-token",
      MILLRACE_WORKSPACE: "main",
      ...env,
    },
  });
  let stdout = "";
  let stderr = "";
  const waiting: { part: string; resolve: () => void }[] = [];
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
    stdout += chunk;
  });
  child.stderr.setEncoding("utf8").on("data", (chunk: string) => {
    stderr += chunk;
    for (const { part, resolve } of waiting) if (stderr.includes(part)) resolve();
  });
  return {
    child,
    finished: new Promise((resolve) => child.once("close", (code) => resolve({ code, stdout, stderr }))),
    saw: (part) => new Promise((resolve) => (stderr.includes(part) ? resolve() : waiting.push({ part, resolve }))),
  };
}
