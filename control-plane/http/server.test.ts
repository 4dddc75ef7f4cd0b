import { connect } from "node:net";
import type { FastifyInstance } from "fastify";
import { afterAll, beforeAll, expect, test } from "vitest";
import { AppError } from "../../kernel/app-error.ts";
import { BodyTurns } from "./body-turns.ts";
import { createHttpServer } from "./server.ts";
import { openEventStream } from "./sse.ts";

const log = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
let app: FastifyInstance;
let address: string;

beforeAll(async () => {
  app = await createHttpServer(log, new BodyTurns({ hasRoom: () => true, ownerBytes: 1, allBytes: 1 }));
  const open = { config: { permission: "public" as const } };
  app.get("/json", open, async () => ({ one: 1 }));
  app.get("/wrong", open, async () => {
    throw new AppError("failed_precondition", "not now");
  });
  app.get("/past-fastify", open, (_request, reply) => {
    reply.hijack();
    reply.raw.writeHead(200, { "content-type": "text/plain" }).end("log");
  });
  app.get("/events", open, (request, reply) => openEventStream(request, reply).end());
  app.get("/for-everybody", open, async (_request, reply) => reply.header("cache-control", "public, max-age=60").send({}));
  app.get("/by-name/:name", open, async (request) => request.params);
  address = await app.listen({ port: 0, host: "127.0.0.1" });
});

afterAll(async () => {
  await app.close();
});

/** An address as it is: others make it tidier on its way. */
async function headOf(path: string): Promise<string> {
  const { port } = new URL(address);
  const socket = connect(Number(port), "127.0.0.1");
  socket.end(`GET ${path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n`);
  let text = "";
  for await (const piece of socket) text += String(piece);
  return text.slice(0, text.indexOf("\r\n\r\n")).toLowerCase();
}

test("every answer says that it is what it says it is, and is kept by nobody: JSON, text, events, errors, and what is not there", async () => {
  for (const [path, status] of [
    ["/json", 200],
    ["/past-fastify", 200],
    ["/events", 200],
    ["/wrong", 409],
    ["/nowhere", 404],
    ["/%zz", 400],
  ] as const) {
    const head = await headOf(path);
    expect(head, path).toContain(`http/1.1 ${status} `);
    expect(head, path).toContain("\r\nx-content-type-options: nosniff");
    expect(head, path).toContain("\r\ncache-control: no-store");
    expect(head, path).toMatch(/\r\nx-request-id: [0-9a-f-]{36}/);
  }
});

test("an answer that anybody may keep says so in the place of that", async () => {
  const head = await headOf("/for-everybody");
  expect(head.match(/cache-control: .*/g)).toEqual(["cache-control: public, max-age=60"]);
});

test("a part of an address may be as long as the longest link to a step; one that is longer is a mistake of whoever asks", async () => {
  const name = "x".repeat(4000);
  expect(await (await fetch(`${address}/by-name/${name}`)).json()).toEqual({ name });
  expect(await (await fetch(`${address}/by-name/${name}x`)).json()).toMatchObject({ status: 400, code: "invalid_argument" });
});
