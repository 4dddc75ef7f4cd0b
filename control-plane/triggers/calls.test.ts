import { expect, test } from "vitest";
import { answerOf } from "./answer-core.ts";
import { putTrigger } from "./contract.ts";
import { headersForJobs, type Inbound, isPlace, mapArgs } from "./map-args-core.ts";

const inbound: Inbound = {
  method: "POST",
  path: "/api/r/main/orders/7",
  headers: { "x-kind": "new" },
  query: { page: "2", tag: ["a", "b"] },
  params: { id: "7" },
  body: { order: { lines: [{ sku: "s1" }] }, id: "from the body" },
  raw: "{…}",
};

test("without a mapping the members of the body are the arguments, or the query; parameters of the pattern win", () => {
  expect(mapArgs(undefined, inbound)).toEqual({ order: { lines: [{ sku: "s1" }] }, id: "7" });
  expect(mapArgs(undefined, { ...inbound, body: undefined })).toEqual({ page: "2", tag: ["a", "b"], id: "7" });
  expect(mapArgs(undefined, { ...inbound, body: [1] })).toEqual({ page: "2", tag: ["a", "b"], body: [1], id: "7" });
});

test("a mapping takes what it names, and leaves out what is not there", () => {
  const mapping = {
    all: "body",
    sku: "body.order.lines.0.sku",
    none: "body.order.gone.deep",
    kind: "headers.x-kind",
    tags: "query.tag",
    raw: "raw",
    by: "method",
  };
  expect(mapArgs({ ...mapping, at: "path", q: "query", p: "params.id" }, inbound)).toEqual({
    all: inbound.body,
    sku: "s1",
    kind: "new",
    tags: ["a", "b"],
    raw: "{…}",
    by: "POST",
    at: "/api/r/main/orders/7",
    q: inbound.query,
    p: "7",
  });
  expect(mapArgs({ x: "body.constructor", y: "body.__proto__" }, inbound)).toEqual({});
  for (const place of ["", "cookies", "body.", "raw.x", "headers.a.b", "body a"]) expect(isPlace(place), place).toBe(false);
});

test("a job never sees what says who the caller is", () => {
  const headers = { cookie: "session=1", authorization: "Bearer x", "proxy-authorization": "y", "x-key": "token", "x-other": ["a", "b"], host: "h" };
  expect(headersForJobs(headers, "x-key")).toEqual({ "x-other": "a, b", host: "h" });
});

test("a result may say how it is answered; what is not for it to say is left out", () => {
  const said = {
    millrace_status: 201,
    millrace_headers: { Location: "/x", "Set-Cookie": "a=1", "Content-Security-Policy": "none", "X-Count": 3, "x-bad": "a\r\nb" },
    millrace_content_type: "text/plain",
    millrace_body: "hello",
  };
  expect(answerOf({}, "{}", said)).toEqual({ status: 201, headers: { location: "/x", "x-count": "3", "content-type": "text/plain" }, body: "hello" });
  expect(answerOf({}, "", { millrace_status: 404, error: "gone" })).toMatchObject({ status: 404, body: '{"error":"gone"}' });
  expect(answerOf({}, "", { millrace_status: 99, a: 1 })).toMatchObject({ status: 200, body: '{"a":1}' });
  expect(answerOf({}, "", { millrace_content_type: "text/javascript", millrace_body: "alert(1)" })).toMatchObject({
    headers: { "content-type": "application/json; charset=utf-8" },
    body: '"alert(1)"',
  });
});

test("a result that says nothing is passed on as the script wrote it, with what the trigger says", () => {
  const settings = { status: 202, content_type: "text/csv", headers: { "cache-control": "max-age=5" } };
  expect(answerOf(settings, "12345678901234567890", 1)).toEqual({
    status: 202,
    headers: { "cache-control": "max-age=5", "content-type": "text/csv" },
    body: "12345678901234567890",
  });
  expect(answerOf(settings, '"a,b"', "a,b").body).toBe("a,b");
});

test("settings that contradict each other are refused, each in its place", () => {
  const good = { kind: "webhook", script: "f/a/b", auth: { kind: "token" } };
  expect(putTrigger.safeParse(good).data).toMatchObject({ mode: "async" });
  const table: [Record<string, unknown>, string][] = [
    [{ ...good, flow: "f/a/c" }, "script"],
    [{ ...good, script: undefined }, "script"],
    [{ ...good, auth: { kind: "none" } }, "auth"],
    [{ ...good, auth: { kind: "token", header: "cookie" } }, "auth"],
    [{ ...good, pattern: "/x" }, "pattern"],
    [{ ...good, kind: "route" }, "method"],
    [{ ...good, kind: "route", method: "GET", pattern: "/a//b" }, "pattern"],
    [{ ...good, wait_s: 5 }, "wait_s"],
    [{ ...good, mode: "wait", response: { content_type: "text/javascript" } }, "response"],
    [{ ...good, mode: "wait", response: { headers: { "set-cookie": "a" } } }, "response"],
    [{ ...good, args: { a: "elsewhere" } }, "args"],
    [{ ...good, constants: { a: "x".repeat(70_000) } }, "constants"],
    [{ ...good, workspace_id: 1 }, ""],
  ];
  for (const [body, name] of table) expect([name, putTrigger.safeParse(body).error?.issues[0]?.path[0] ?? ""]).toEqual([name, name]);
});
