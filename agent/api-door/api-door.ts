import { chmodSync, rmSync } from "node:fs";
import { createServer, type IncomingMessage, request as requestHttp, type Server, type ServerResponse } from "node:http";
import { request as requestHttps } from "node:https";
import type { Duplex } from "node:stream";
import { ChurnMap, ChurnSet } from "../../kernel/churn-map.ts";
import { asAgentKey, type JobId, type Token } from "../../kernel/ids.ts";
import { mintJobToken } from "../../kernel/job-token.ts";
import { SECRETS_AHEAD, SECRETS_AHEAD_HEADER } from "../../kernel/secrets-ahead.ts";
import { passOnAfterSecrets } from "./after-secrets.ts";

/** What the control plane says at the welcome. */
export interface ApiAccess {
  readonly issuer: string;
  readonly key: Uint8Array;
  /** Without a path: `https://millrace.example.com`. */
  readonly apiUrl: string;
}

export interface ApiDoorOptions {
  /** Of the Unix socket, on the host; its folder is made by the caller. At most 100 bytes: the kernel takes no more. */
  readonly socketPath: string;
  /** Certificates to trust for the API, PEM; the system's by default. */
  readonly ca?: string;
  /** Requests of one attempt at the same time; default 16. */
  readonly maxPerAttempt?: number;
  /** Of all jobs together; default 1000. */
  readonly maxConnections?: number;
}

/** What the door tells the attempt that it let in. */
export interface GuestHost {
  /** Secrets that an answer holds, before the job gets it. */
  onSecrets(secrets: readonly string[]): void;
  /** A piece of what the job streams as its result. The promise, if any, resolves when there is room for more. */
  onResult(data: Buffer): Promise<void> | undefined;
}

/** What the door tells the attempt that it let in. */
export interface GuestHost {
  /** Secrets that an answer holds, before the job gets it. */
  onSecrets(secrets: readonly string[]): void;
  /** A piece of what the job streams as its result. The promise, if any, resolves when there is room for more. */
  onResult(data: Buffer): Promise<void> | undefined;
}

interface Guest {
  readonly host: GuestHost;
  /** Requests under way. */
  readonly open: Set<IncomingMessage>;
}

interface Onward {
  readonly api: URL;
  readonly path: string;
  readonly host: GuestHost;
}

/** For the agent itself: what a job streams as its result becomes a part of its output. */
const RESULT_PATH = "/stream";
const MAX_PER_ATTEMPT = 16;
const MAX_CONNECTIONS = 1000;
const TIMEOUTS = { headersTimeout: 10_000, connectionsCheckingInterval: 5_000, requestTimeout: 0, keepAliveTimeout: 60_000 };
const PASSED_ON = [
  "accept",
  "authorization",
  "content-length",
  "content-type",
  "idempotency-key",
  "if-match",
  "last-event-id",
  "transfer-encoding",
  "user-agent",
];
const HOP_BY_HOP = new Set(["connection", "keep-alive", "proxy-authenticate", "te", "trailer", "transfer-encoding", "upgrade"]);

/**
 * The way of jobs to the API, also of those without a network: a Unix socket that speaks HTTP. A job shows the token that the agent made for it,
 * and its requests go on to the control plane, to nothing else and as long as the attempt runs. The socket is the same for all jobs, the token
 * tells them apart; the control plane checks it again.
 */
export class ApiDoor {
  readonly socketPath: string;
  readonly #options: ApiDoorOptions;
  readonly #server: Server;
  readonly #guests = new ChurnMap<string, Guest>();
  readonly #connections = new ChurnSet<Duplex>();
  /** Connections without a request, the one that has waited longest first. */
  readonly #resting = new ChurnSet<Duplex>();
  #access: ApiAccess | undefined;

  private constructor(options: ApiDoorOptions) {
    this.socketPath = options.socketPath;
    this.#options = options;
    this.#server = createServer(TIMEOUTS, (request, response) => this.#serve(request, response));
    this.#server.on("connection", (socket: Duplex) => this.#greet(socket));
    // One that could not be accepted, for want of descriptors say, is the trouble of whoever made it.
    this.#server.on("error", () => undefined);
  }

  /** Listens. A socket that an earlier run has left is removed. Errors: those of the operating system. */
  static async open(options: ApiDoorOptions): Promise<ApiDoor> {
    const door = new ApiDoor(options);
    rmSync(options.socketPath, { force: true });
    await new Promise<void>((resolve, reject) => {
      door.#server.once("error", reject);
      door.#server.listen(options.socketPath, resolve);
    });
    // Job users have to write to it.
    chmodSync(options.socketPath, 0o666);
    return door;
  }

  /** What the last welcome said; until the first one jobs get no token. */
  use(access: ApiAccess): void {
    this.#access = access;
  }

  /** Where the API is, for jobs with a network of their own; empty when unknown. */
  get apiUrl(): string {
    return this.#access?.apiUrl ?? "";
  }

  /** The token of an attempt that begins; empty when the control plane gave no key to make one with. */
  admit(job: JobId, attempt: Token, host: GuestHost): string {
    const access = this.#access;
    if (access === undefined || access.issuer === "" || access.key.length === 0) return "";
    const token = mintJobToken(access.key, { issuer: asAgentKey(access.issuer), job, attempt });
    this.#guests.set(token, { host, open: new Set() });
    return token;
  }

  /** The attempt is over: its requests end. */
  dismiss(token: string): void {
    const guest = this.#guests.get(token);
    this.#guests.delete(token);
    for (const { socket } of guest?.open ?? []) socket.destroy();
  }

  /** Idempotent. */
  close(): void {
    for (const token of [...this.#guests.keys()]) this.dismiss(token);
    this.#server.close();
    this.#server.closeAllConnections();
  }

  /**
   * Requests are bounded for each attempt, connections cannot be: nobody can tell whose one is before it asks for something. So that a job that
   * opens all there may be does not shut out the others, the longest resting one goes.
   */
  #greet(socket: Duplex): void {
    this.#connections.add(socket);
    this.#resting.add(socket);
    socket.once("close", () => {
      this.#connections.delete(socket);
      this.#resting.delete(socket);
    });
    if (this.#connections.size <= (this.#options.maxConnections ?? MAX_CONNECTIONS)) return;
    for (const oldest of this.#resting) {
      this.#resting.delete(oldest);
      oldest.destroy();
      return;
    }
  }

  #serve(request: IncomingMessage, response: ServerResponse): void {
    const guest = this.#guests.get(/^Bearer (\S+)$/.exec(request.headers.authorization ?? "")?.[1] ?? "");
    const path = apiPath(request.url ?? "");
    const api = this.apiUrl;
    const streams = request.method === "POST" && request.url === RESULT_PATH;
    if (guest === undefined) {
      refuse(response, 401, "this needs the token of a job that runs on this agent: MILLRACE_TOKEN");
      return;
    }
    if (path === undefined && !streams) {
      refuse(response, 404, "only paths below /api/ go through here");
      return;
    }
    if (api === "" && !streams) {
      refuse(response, 503, "the agent does not know where the API is: the control plane has no MILLRACE_PUBLIC_URL");
      return;
    }
    if (guest.open.size >= (this.#options.maxPerAttempt ?? MAX_PER_ATTEMPT)) {
      refuse(response, 429, "too many requests of this job at once");
      return;
    }
    const { socket } = request;
    guest.open.add(request);
    this.#resting.delete(socket);
    response.once("close", () => {
      guest.open.delete(request);
      // Behind a request there may be others on the same connection.
      const isBusy = [...guest.open].some((other) => other.socket === socket);
      if (!isBusy && this.#connections.has(socket)) this.#resting.add(socket);
    });
    if (path === undefined) void takeResult(request, response, guest.host);
    else this.#passOn(request, response, { api: new URL(api), path, host: guest.host });
  }

  #passOn(request: IncomingMessage, response: ServerResponse, { api, path, host }: Onward): void {
    const headers: Record<string, string> = { host: api.host, [SECRETS_AHEAD_HEADER]: "1" };
    for (const name of PASSED_ON) {
      const value = request.headers[name];
      if (typeof value === "string") headers[name] = value;
    }
    const send = api.protocol === "https:" ? requestHttps : requestHttp;
    const { ca } = this.#options;
    const onward = send(api, { method: request.method ?? "GET", path, headers, ...(ca !== undefined && { ca }) });
    onward.once("response", (answer) => {
      const kept = Object.fromEntries(Object.entries(answer.headers).filter(([name]) => !HOP_BY_HOP.has(name)));
      answer.once("error", () => response.destroy());
      if (answer.headers["content-type"] === SECRETS_AHEAD) passOnAfterSecrets(answer, response, kept, host);
      else {
        response.writeHead(answer.statusCode ?? 502, kept);
        answer.pipe(response);
      }
    });
    onward.once("error", (error) => {
      if (response.headersSent) response.destroy();
      else refuse(response, 502, `the API cannot be reached: ${error.message}`);
    });
    // The job went away, or its attempt is over.
    response.once("close", () => onward.destroy());
    request.pipe(onward);
  }
}

/**
 * The path as the API will read it, with dots resolved, or undefined. Built from the parsed form only: a request line may hold a whole
 * address, and what is checked must be what is sent.
 */
function apiPath(url: string): string | undefined {
  if (!url.startsWith("/") || !URL.canParse(url, "http://api")) return undefined;
  const { host, pathname, search } = new URL(url, "http://api");
  return host === "api" && pathname.startsWith("/api/") ? pathname + search : undefined;
}

async function takeResult(request: IncomingMessage, response: ServerResponse, host: GuestHost): Promise<void> {
  try {
    for await (const data of request) if (Buffer.isBuffer(data)) await host.onResult(data);
    response.writeHead(204).end();
  } catch {
    // The job went away in the middle: what came is kept.
    response.destroy();
  }
}

function refuse(response: ServerResponse, status: number, detail: string): void {
  if (response.headersSent) return;
  response.writeHead(status, { "content-type": "application/problem+json", connection: "close" });
  response.end(JSON.stringify({ type: "about:blank", status, title: detail, detail }));
}
