import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createTcpServer } from "node:net";
import { buffer } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Network } from "../../../proto/gen/millrace/agent/v1/job.ts";
import { runScript } from "../../runner/attempt-harness.ts";
import type { AllowEntry } from "../../sandbox/network/allow-list.ts";
import type { NetworkPolicy } from "../../sandbox/sandbox.ts";
import { helpersOf, openQueries } from "./test-queries.ts";

const queries = await openQueries();
const { run, start } = queries;
const server = createServer((request, response) => void answer(request, response));
const other = createServer((request, response) => void answer(request, response));
let base = "";
let otherBase = "";
/** Open answers of `/slow`. */
const slow = new Set<ServerResponse>();
/** How often `/metadata` was asked for. */
let metadata = 0;

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = new URL(request.url ?? "/", "http://localhost");
  const json = (status: number, text: string): void => void response.writeHead(status, { "content-type": "application/json; charset=utf-8" }).end(text);
  const body = (await buffer(request)).toString("utf8");
  switch (url.pathname) {
    case "/echo": {
      const { authorization = null, cookie = null, "x-one": one = null, "content-type": type = null } = request.headers;
      return json(200, JSON.stringify({ method: request.method, url: request.url, body, authorization, cookie, one, type }));
    }
    case "/digits":
      return json(200, '{"big": 12345678901234567890, "exact": 1.10}');
    case "/bytes":
      return void response.writeHead(200, { "content-type": "application/octet-stream", "set-cookie": ["a=1", "b=2"] }).end(Buffer.from([0, 255]));
    case "/status":
      return json(Number(url.searchParams.get("code")), '{"why":"because"}');
    case "/redirect":
      return void response.writeHead(Number(url.searchParams.get("code") ?? 302), { location: url.searchParams.get("to") ?? "" }).end("moved");
    case "/endless": {
      const more = (): void => void (response.destroyed || response.write("x".repeat(10_000), () => setImmediate(more)));
      return more();
    }
    case "/slow":
      slow.add(response);
      return void response.on("close", () => slow.delete(response));
    case "/metadata":
      metadata += 1;
      return json(200, '"credentials"');
    case "/graphql":
      return graphql(json, request, body);
    default:
      return json(404, "{}");
  }
}

/** Knows three documents. */
function graphql(json: (status: number, text: string) => void, request: IncomingMessage, body: string): void {
  const { query, variables } = JSON.parse(body);
  const auth = JSON.stringify(request.headers.authorization ?? null);
  if (String(query).includes("teapot")) json(418, '{"data":{"teapot":true}}');
  else if (!String(query).includes("broken"))
    json(200, `{"data":{"auth":${auth},"variables":${JSON.stringify(variables)},"raw":${JSON.stringify(body)},"n":1.10}}`);
  else json(200, '{"errors":[{"message":"Cannot query field \\"broken\\"","locations":[{"line":2,"column":3}]},{"message":"second"}],"data":null}');
}

beforeAll(async () => {
  for (const one of [server, other]) await new Promise<void>((resolve) => one.listen(0, "127.0.0.1", resolve));
  const portOf = (one: typeof server): number => {
    const address = one.address();
    return typeof address === "object" && address !== null ? address.port : 0;
  };
  base = `http://127.0.0.1:${portOf(server)}`;
  otherBase = `http://127.0.0.1:${portOf(other)}`;
});
afterAll(() => {
  queries.dispose();
  for (const one of [server, other]) {
    one.closeAllConnections();
    one.close();
  }
});

const http = (code: object, args: object | string = {}, options: Parameters<typeof run>[3] = {}) => run("http", JSON.stringify(code), args, options);
const echoed = async (code: object, args: object | string = {}): Promise<Record<string, unknown>> => {
  const { exit, resultJson } = await http(code, args);
  expect({ exit, resultJson }).toMatchObject({ exit: { reason: "succeeded" } });
  return JSON.parse(resultJson).body;
};

describe("http", () => {
  it("fills arguments into every part of a request", async () => {
    const code = {
      method: "post",
      url: `${base}/echo?fixed=1&part={part}`,
      query: { q: "{q}", list: ["a", "{q}"] },
      headers: { "X-One": "n={n}" },
      body: { whole: "{n}", text: "n is {n}", deep: [{ tags: "{tags}" }], "{n}": true, kept: "{{n}}", nothing: "{nothing}" },
    };
    const args = '{"part":"a/b?c&d=é#","q":"{n} & more","n":12345678901234567890.50,"tags":["x",{"y":1.10}],"nothing":null}';
    expect(await echoed(code, args)).toEqual({
      method: "POST",
      url: "/echo?fixed=1&part=a%2Fb%3Fc%26d%3D%C3%A9%23&q=%7Bn%7D+%26+more&list=a&list=%7Bn%7D+%26+more",
      body: '{"whole":12345678901234567890.50,"text":"n is 12345678901234567890.50","deep":[{"tags":["x",{"y":1.10}]}],"{n}":true,"kept":"{n}","nothing":null}',
      authorization: null,
      cookie: null,
      one: "n=12345678901234567890.50",
      type: "application/json",
    });
    expect(await echoed({ url: `${base}/echo`, method: "PUT", body: "plain {a}", headers: { "content-type": "text/csv" } }, { a: "x\ny" })).toMatchObject({
      body: "plain x\ny",
      type: "text/csv",
    });
    expect(await echoed({ url: "{url}" }, { url: `${base}/echo?a=b/c` })).toMatchObject({ method: "GET", url: "/echo?a=b/c" });
  });

  it("passes JSON on with its digits, text as text and the rest as base64", async () => {
    expect((await http({ url: `${base}/digits` })).resultJson).toContain('"body":{"big": 12345678901234567890, "exact": 1.10}}');
    const bytes = JSON.parse((await http({ url: `${base}/bytes` })).resultJson);
    expect(bytes).toMatchObject({ status: 200, body: "AP8=", encoding: "base64", headers: { "set-cookie": ["a=1", "b=2"] } });
  });

  it("fails for a status that is not expected, with the answer in the error", async () => {
    const { exit, resultJson } = await http({ url: `${base}/status?code=404&key=secret` });
    expect(exit).toMatchObject({ reason: "exit_code", message: `HttpStatus: GET ${base}/status was answered with 404` });
    expect(JSON.parse(resultJson)).toMatchObject({ error: { name: "HttpStatus", code: "404", response: { status: 404, body: { why: "because" } } } });
    expect((await http({ url: `${base}/status?code=404`, expect_status: [200, 404] })).exit.reason).toBe("succeeded");
    expect((await http({ url: `${base}/status?code=200`, expect_status: 201 })).exit.reason).toBe("exit_code");
    expect((await http({ url: "http://127.0.0.1:1/x?key=secret" })).exit.message).toMatch(/^ConnectionError: the request to http:\/\/127\.0\.0\.1:1\/x failed/);
  });

  it("says what is wrong with the code or the arguments", async () => {
    expect((await run("http", '{\n  "url": "x",\n}')).exit).toMatchObject({ reason: "syntax_error", message: expect.stringMatching(/^SyntaxError: line 3: /) });
    expect((await run("http", '{"uri": "x"}')).exit).toMatchObject({ reason: "syntax_error" });
    expect((await http({ url: `${base}/{a}` })).exit.message).toBe("InvalidArgument: the argument `a` is missing");
    expect((await http({ url: base }, { a: 1 })).exit.message).toContain("UnknownArgument");
    expect((await http({ url: "file:///etc/passwd" })).exit.message).toContain("does not begin with http");
    expect((await http({ url: base, headers: { "x-a": "{a}" } }, { a: "1\r\nx-evil: 1" })).exit.message).toContain("a character that headers cannot have");
    expect((await http({ url: base, headers: { "Transfer-Encoding": "chunked" } })).exit.message).toContain("cannot be set");
  });

  it("follows redirects, and gives credentials to the first server only", async () => {
    const headers = { authorization: "Bearer one", cookie: "a=1", "x-one": "1" };
    const to = (target: string, code: number): string => `${base}/redirect?code=${code}&to=${encodeURIComponent(target)}`;
    expect(await echoed({ url: to("/echo", 302), method: "POST", body: { a: 1 }, headers })).toMatchObject({
      method: "GET",
      body: "",
      authorization: "Bearer one",
      type: null,
    });
    expect(await echoed({ url: to("/echo", 307), method: "POST", body: { a: 1 }, headers })).toMatchObject({ method: "POST", body: '{"a":1}' });
    expect(await echoed({ url: to(`${otherBase}/echo`, 307), method: "POST", body: "x", headers })).toMatchObject({
      authorization: null,
      cookie: null,
      one: "1",
    });
    const round = `${base}/redirect?to=${encodeURIComponent("/redirect?to=/echo")}`;
    expect((await http({ url: round.replace("%2Fecho", encodeURIComponent("/echo")) })).exit.reason).toBe("succeeded");
    expect((await http({ url: to("file:///etc/passwd", 302) })).exit.message).toContain("does not begin with http");
  });

  it("stops at five redirects", async () => {
    let url = "/echo";
    for (let hop = 0; hop < 6; hop++) url = `/redirect?to=${encodeURIComponent(url)}`;
    expect((await http({ url: `${base}${url}` })).exit.message).toContain("more than 5 redirects");
  });

  it("does not reach metadata addresses, however they are written (S-50)", async () => {
    const hosts = [
      "169.254.169.254",
      "2852039166",
      "0xa9fea9fe",
      "0251.0376.0251.0376",
      "169.254.43518",
      "[::ffff:169.254.169.254]",
      "[::ffff:a9fe:a9fe]",
      "[fe80::1]",
      "[fd00:ec2::254]",
      "[64:ff9b::a9fe:a9fe]",
      "[2002:a9fe:a9fe::1]",
      "100.100.100.200",
      "１69.254.169.254",
    ];
    for (const host of hosts) {
      const { exit } = await http({ url: `http://${host}/latest/meta-data/` });
      expect({ host, message: exit.message }).toMatchObject({ message: expect.stringContaining("is a link-local or metadata address") });
    }
    expect((await http({ url: "http://169.254.169.254\u0000.example.com/" })).exit.message).toContain("the URL is not valid");
    expect((await http({ url: "http://{host}/" }, { host: "127.0.0.1\u0000.example.com" })).exit.reason).toBe("exit_code");
    const redirect = await http({ url: `${base}/redirect?to=${encodeURIComponent("http://2852039166/latest")}` });
    expect(redirect.exit.message).toContain("is a link-local or metadata address");
    for (const language of ["postgresql", "mysql"]) {
      expect((await run(language, "select 1", { database: { host: "169.254.169.254" } })).exit.message).toContain("is a link-local or metadata address");
    }
    expect((await run("graphql", "{ a }", { api: { base_url: "http://[::ffff:169.254.169.254]/" } })).exit.message).toContain("is a link-local");
    expect(metadata).toBe(0);
  });

  it("reaches what the script's list names and nothing else, also after a redirect, and nothing without a network", async () => {
    const runtime = queries.execution.runtimes.find("http");
    if (runtime?.kind !== "in-process") throw new Error("there is no http");
    const ask = (code: object, network: NetworkPolicy, allow: readonly AllowEntry[] = []) =>
      runtime.run(
        { workspace: "acme", code: JSON.stringify(code), argsJson: "{}", resultMaxBytes: 10_000, network, allow, say: () => undefined },
        new AbortController().signal,
      );
    const allow = [{ kind: "range", family: 4, range: "127.0.0.1", port: Number(new URL(base).port) }] as const;
    expect(await ask({ url: `${base}/digits` }, "allow_list", allow)).toContain('"status":200');
    const refused = { exit: { message: expect.stringContaining("is not among what this script may reach") } };
    expect(await ask({ url: `${otherBase}/digits` }, "full")).toContain('"status":200');
    expect(await ask({ url: `${otherBase}/digits` }, "allow_list", allow)).toMatchObject(refused);
    expect(await ask({ url: `${base}/redirect?to=${encodeURIComponent(`${otherBase}/digits`)}` }, "allow_list", allow)).toMatchObject(refused);
    const none = await runScript(queries.execution, "http", JSON.stringify({ url: `${base}/digits` }), { requirements: { network: Network.NETWORK_NONE } });
    expect(none.exit).toMatchObject({ reason: "exit_code", message: "ConnectionError: this script may not use the network" });
  });

  it("stops reading at the largest result, at the timeout, and when the job is to end", async () => {
    expect((await http({ url: `${base}/endless` }, {}, { limits: { resultMaxBytes: 100_000 } })).exit.reason).toBe("result_too_large");
    expect((await http({ url: `${base}/slow`, timeout_s: 0.2 })).exit.message).toBe(`HttpError: ${base}/slow did not answer within 0.2 s`);
    const waiting = start("http", JSON.stringify({ url: `${base}/slow` }));
    while (slow.size === 0) await new Promise((resolve) => setTimeout(resolve, 2));
    const [open] = slow;
    const closed = new Promise((resolve) => open?.once("close", resolve));
    waiting.cancel("enough");
    expect((await waiting.done).exit).toMatchObject({ reason: "cancelled" });
    await closed;
  });
});

describe("graphql", () => {
  const api = (): object => ({ base_url: `${base}/graphql`, bearer_token: "Tr0ub4dor", headers: { "x-one": "1" } });

  it("sends the document with the arguments as variables", async () => {
    const { resultJson } = await run("graphql", "query q($id: ID!) { thing(id: $id) }", `{"api":${JSON.stringify(api())},"id":12345678901234567890}`);
    expect(resultJson).toContain('"auth":"Bearer Tr0ub4dor"');
    expect(resultJson).toContain('\\"variables\\":{\\"id\\":12345678901234567890}}');
    expect(resultJson).toContain('"n":1.10}');
  });

  it("fails with the first error, its line, and all of them in the result", async () => {
    const { exit, resultJson } = await run("graphql", "{\n  broken\n}", { api: api() });
    expect(exit).toMatchObject({ reason: "exit_code", message: 'GraphqlError: line 2: Cannot query field "broken"' });
    expect(JSON.parse(resultJson)).toMatchObject({
      error: { name: "GraphqlError", line: 2, errors: [{ locations: [{ line: 2, column: 3 }] }, { message: "second" }] },
    });
    expect((await run("graphql", "{ teapot }", { api: api() })).exit.message).toBe(`HttpStatus: POST ${base}/graphql was answered with 418`);
    expect((await run("graphql", "{ a }", { api: `${base}/digits` })).exit.message).toContain("that is no GraphQL answer");
    expect((await run("graphql", "{ a }", { api: { ...api(), headers: { Host: "other" } } })).exit.message).toContain("cannot be set");
    expect((await run("graphql", "{ a }")).exit.message).toContain("the argument `api` is missing");
    expect(JSON.stringify([exit, resultJson])).not.toContain("Tr0ub4dor");
  });
});

it("a server that never answers takes no helper with it when its job is cancelled", async () => {
  const silent = createTcpServer();
  const asked = new Promise<void>((resolve) => silent.once("connection", () => resolve()));
  await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
  const address = silent.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  await run("http", JSON.stringify({ url: `${base}/digits` }));
  const before = helpersOf("network").map(({ pid }) => pid);
  const jobs = ["postgresql", "mysql"].map((language) => start(language, "select 1", { database: { host: "127.0.0.1", port, user: "x", password: "y" } }));
  await asked;
  for (const job of jobs) job.cancel("enough");
  for (const job of jobs) expect((await job.done).exit).toMatchObject({ reason: "cancelled" });
  expect(helpersOf("network").map(({ pid }) => pid)).toEqual(before);
  silent.close();
});
