import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { Server, ServerCredentials, type ServerDuplexStream } from "@grpc/grpc-js";
import pg from "pg";
import { messageOf } from "../../kernel/app-error.ts";
import { type Bundle, Purpose } from "../../proto/gen/millrace/agent/v1/job.ts";
import { type AgentFrame, AgentSessionService, type ServerFrame } from "../../proto/gen/millrace/agent/v1/session.ts";
import type { FromBareServer, ToBareServer } from "./bare-messages.ts";

/**
 * The least that a job service can do: a request, one durable row, one message on an open stream, the answer. No queue, no tenants, no checks,
 * no log; one connection to Postgres. What is slow here is slow because of the machine.
 */
const LOOPBACK = "127.0.0.1";
const INSERT = { name: "insert", text: "INSERT INTO bare_job (body) VALUES ($1) RETURNING id::text" };

const say = (message: FromBareServer): void => void process.send?.(message);
let stream: ServerDuplexStream<AgentFrame, ServerFrame> | undefined;

async function start({ url }: ToBareServer): Promise<void> {
  const sql = new pg.Client({ connectionString: url, application_name: "loadtest-bare" });
  await sql.connect();
  await sql.query("CREATE TABLE bare_job (id bigserial PRIMARY KEY, body text NOT NULL)");
  const grpc = await listenForStream();
  const http = createServer((request, response) => takeRequest(sql, request, response));
  await new Promise<void>((resolve) => http.listen(0, LOOPBACK, resolve));
  say({ kind: "ready", base: `http://${LOOPBACK}:${(http.address() as AddressInfo).port}`, grpc: `${LOOPBACK}:${grpc}` });
}

/** @returns the port */
function listenForStream(): Promise<number> {
  const server = new Server();
  server.addService(AgentSessionService, {
    session: (opened: ServerDuplexStream<AgentFrame, ServerFrame>) => {
      opened.resume();
      opened.on("error", () => undefined);
      stream = opened;
      // Tells the receiver that it is there.
      opened.write(frameOf([]));
    },
  });
  return new Promise((resolve, reject) =>
    server.bindAsync(`${LOOPBACK}:0`, ServerCredentials.createInsecure(), (error, port) => (error === null ? resolve(port) : reject(error))),
  );
}

function takeRequest(sql: pg.Client, request: IncomingMessage, response: ServerResponse): void {
  const parts: Buffer[] = [];
  request.on("data", (part: Buffer) => parts.push(part));
  request.on("end", () => {
    takeJob(sql, Buffer.concat(parts).toString()).then(
      (id) => response.writeHead(201, { "content-type": "application/json" }).end(`{"id":"${id}"}`),
      (error: unknown) => response.writeHead(500).end(messageOf(error)),
    );
  });
}

/** The message goes out before the answer, as ours do. @returns the id of its row */
async function takeJob(sql: pg.Client, body: string): Promise<string> {
  const { args } = JSON.parse(body) as { args: unknown };
  const { rows } = await sql.query<{ id: string }>({ ...INSERT, values: [body] });
  const id = rows[0]?.id ?? "";
  stream?.write(frameOf([bundleOf(id, JSON.stringify(args))]));
  return id;
}

function frameOf(assign: Bundle[]): ServerFrame {
  return { assign, finishedAcks: [], logAcks: [], cancel: [], welcome: undefined, drain: undefined, keepalive: undefined, policy: undefined };
}

function bundleOf(jobId: string, argsJson: string): Bundle {
  const script = { scriptPath: "", language: "noop", codeHash: "", code: "" };
  const unused = { purpose: Purpose.PURPOSE_UNSPECIFIED, lock: "", requirements: undefined, secrets: [], createdBy: "" };
  return { jobId, token: jobId, attempt: 1, workspace: "bare", ...script, argsJson, env: [], limits: undefined, tag: "default", ...unused };
}

process.on("message", (message: ToBareServer) => void start(message).catch((error: unknown) => say({ kind: "failed", message: messageOf(error) })));
process.on("disconnect", () => process.exit(0));
// Ctrl-C reaches the whole group: the run decides when this process ends.
process.on("SIGINT", () => undefined);
