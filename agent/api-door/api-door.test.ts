import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { asAgentKey, asJobId, asToken } from "../../kernel/ids.ts";
import { isMintedWith, jobTokenKey, readJobToken } from "../../kernel/job-token.ts";
import { ApiDoor, type GuestHost } from "./api-door.ts";

const KEY = jobTokenKey(Buffer.alloc(32, 1), asAgentKey("9"));
const JOB = asJobId("01890000-0000-7000-8000-000000000001");
const OTHER = asJobId("01890000-0000-7000-8000-000000000002");

const HOST: GuestHost = { onSecrets: () => undefined, onResult: () => undefined };

interface Answer {
  readonly status: number;
  readonly body: string;
}

let folder: string;
let api: Server;
let door: ApiDoor;
let handle: (request: IncomingMessage, response: ServerResponse) => void;
const seen: string[] = [];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "millrace-door-"));
  api = createServer((incoming, response) => {
    seen.push(`${incoming.method} ${incoming.url} ${incoming.headers["x-secret"] ?? "-"}`);
    handle(incoming, response);
  });
  await new Promise<void>((resolve) => api.listen(0, "127.0.0.1", resolve));
  writeFileSync(join(folder, "api.sock"), "left by an earlier run");
  door = await ApiDoor.open({ socketPath: join(folder, "api.sock"), maxPerAttempt: 2 });
});

afterAll(async () => {
  door.close();
  api.closeAllConnections();
  await new Promise((resolve) => api.close(resolve));
  rmSync(folder, { recursive: true });
});

function useApi(): void {
  door.use({ issuer: "9", key: KEY, apiUrl: `http://127.0.0.1:${(api.address() as AddressInfo).port}` });
}

function ask(path: string, token: string, body = "", headers: Record<string, string> = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request(
      { socketPath: door.socketPath, path, method: body === "" ? "GET" : "POST", headers: { authorization: `Bearer ${token}`, ...headers }, agent: false },
      (response) => {
        let text = "";
        response.on("data", (data: Buffer) => {
          text += data.toString();
        });
        response.on("end", () => resolve({ status: response.statusCode ?? 0, body: text }));
        response.on("error", reject);
      },
    );
    sent.on("error", reject);
    sent.end(body);
  });
}

const echo = (incoming: IncomingMessage, response: ServerResponse): void => {
  response.writeHead(201, { "x-answer": "yes" });
  incoming.pipe(response);
};

test("nobody gets a token before the control plane has said how to make one", () => {
  expect(door.admit(JOB, asToken("1"), HOST)).toBe("");
});

test("a job's request goes on to the API with its token, and the answer comes back", async () => {
  useApi();
  handle = echo;
  const token = door.admit(JOB, asToken("1"), HOST);
  expect(readJobToken(token)).toEqual({ issuer: "9", job: JOB, attempt: "1" });
  expect(isMintedWith(KEY, token)).toBe(true);
  expect(await ask("/api/v1/w/a/jobs?x=1", token, "hello", { "x-secret": "not passed on" })).toEqual({ status: 201, body: "hello" });
  expect(seen.pop()).toBe("POST /api/v1/w/a/jobs?x=1 -");
  door.dismiss(token);
});

test.each(["/metrics", "/api/../metrics", "/api/%2e%2e/metrics", "//evil/api/x", "http://evil/api/x", "/", "*"])("%s does not go through", async (path) => {
  useApi();
  const token = door.admit(JOB, asToken("2"), HOST);
  const before = seen.length;
  expect((await ask(path, token)).status).toBe(404);
  expect(seen.length).toBe(before);
  door.dismiss(token);
});

test("a token that this agent did not give out, or one of an attempt that is over, opens nothing", async () => {
  useApi();
  const token = door.admit(JOB, asToken("3"), HOST);
  door.dismiss(token);
  const before = seen.length;
  for (const wrong of [token, "", "mr_wks_x"]) expect((await ask("/api/v1/x", wrong)).status).toBe(401);
  expect(seen.length).toBe(before);
});

test("the end of an attempt ends its open requests, those of others go on", async () => {
  useApi();
  const waiting: ServerResponse[] = [];
  const arrived = Promise.withResolvers<void>();
  handle = (_incoming, response) => {
    response.writeHead(200);
    response.write("first ");
    if (waiting.push(response) === 2) arrived.resolve();
  };
  const [one, two] = [door.admit(JOB, asToken("4"), HOST), door.admit(OTHER, asToken("5"), HOST)];
  const asked = [ask("/api/v1/follow", one), ask("/api/v1/follow", two)] as const;
  const failed = expect(asked[0]).rejects.toThrow();
  await arrived.promise;
  door.dismiss(one);
  await failed;
  for (const response of waiting) response.end("last");
  expect(await asked[1]).toEqual({ status: 200, body: "first last" });
  door.dismiss(two);
});

test("one attempt cannot take all connections", async () => {
  useApi();
  const waiting: ServerResponse[] = [];
  const arrived = Promise.withResolvers<void>();
  handle = (_incoming, response) => {
    if (waiting.push(response) === 2) arrived.resolve();
  };
  const token = door.admit(JOB, asToken("6"), HOST);
  const first = [ask("/api/v1/x", token), ask("/api/v1/x", token)];
  await arrived.promise;
  expect((await ask("/api/v1/x", token)).status).toBe(429);
  for (const response of waiting) response.end("done");
  expect((await Promise.all(first)).map(({ status }) => status)).toEqual([200, 200]);
  door.dismiss(token);
});

test("an API that cannot be reached is a clear answer, not a hanging one", async () => {
  door.use({ issuer: "9", key: KEY, apiUrl: "http://127.0.0.1:1" });
  const token = door.admit(JOB, asToken("7"), HOST);
  const { status, body } = await ask("/api/v1/x", token);
  expect([status, body]).toEqual([502, expect.stringContaining("the API cannot be reached")]);
  door.use({ issuer: "9", key: KEY, apiUrl: "" });
  expect((await ask("/api/v1/x", token)).status).toBe(503);
  door.dismiss(token);
});

test("bytes that are no HTTP end the connection and nothing else", async () => {
  useApi();
  handle = echo;
  const socket = connect(door.socketPath);
  const closed = new Promise((resolve) => socket.once("close", resolve));
  socket.write("\0\0\0\0 not http\r\n\r\n");
  socket.resume();
  await closed;
  const token = door.admit(JOB, asToken("8"), HOST);
  expect((await ask("/api/v1/x", token, "still here")).body).toBe("still here");
  door.dismiss(token);
});

test("secrets ahead of an answer are told before the job gets the rest, however they come in pieces", async () => {
  useApi();
  const head = Buffer.from('{"type":"text/plain; charset=utf-8","secrets":["hünter2","zwei"]}\n');
  const whole = Buffer.concat([head, Buffer.from("the value\nis hünter2")]);
  for (const cuts of [[], [10], [head.length - 1], [head.length], [head.length + 3], [5, 9, head.length]]) {
    const told: string[] = [];
    const token = door.admit(JOB, asToken("10"), { onSecrets: (secrets) => told.push(...secrets), onResult: () => undefined });
    handle = (incoming, response) => {
      expect(incoming.headers["millrace-secrets-ahead"]).toBe("1");
      response.writeHead(200, { "content-type": "application/vnd.millrace.secrets-ahead" });
      const ends = [...cuts, whole.length];
      for (const [at, end] of ends.entries()) response.write(whole.subarray(ends[at - 1] ?? 0, end));
      response.end();
    };
    expect(await ask("/api/v1/w/a/variables/value?path=f/a/b", token)).toEqual({ status: 200, body: "the value\nis hünter2" });
    expect(told).toEqual(["hünter2", "zwei"]);
    door.dismiss(token);
  }
});

test("an answer with secrets that cannot be read goes to no job", async () => {
  useApi();
  const token = door.admit(JOB, asToken("11"), HOST);
  for (const body of ["no head at all", '{"type":1}\nhunter2', "\nhunter2"]) {
    handle = (_incoming, response) => response.writeHead(200, { "content-type": "application/vnd.millrace.secrets-ahead" }).end(body);
    await expect(ask("/api/v1/w/a/x", token)).rejects.toThrow();
  }
  door.dismiss(token);
});

test("what a job streams as its result goes to its attempt, also without an API", async () => {
  const taken: string[] = [];
  const token = door.admit(JOB, asToken("12"), { onSecrets: () => undefined, onResult: (data) => void taken.push(data.toString()) });
  expect(await ask("/stream", token, "first")).toEqual({ status: 204, body: "" });
  expect(await ask("/stream", token, "second")).toEqual({ status: 204, body: "" });
  expect(taken).toEqual(["first", "second"]);
  expect((await ask("/stream", token)).status).toBe(404);
  door.dismiss(token);
  expect((await ask("/stream", token, "late")).status).toBe(401);
});
