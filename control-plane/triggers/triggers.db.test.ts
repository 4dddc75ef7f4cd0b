import { createHmac, randomBytes } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { JobView } from "../jobs/contract.ts";
import type { ActivityView, TriggerView } from "./contract.ts";
import { type InProcess, startInProcess, untilTrue } from "./testing/in-process.ts";

let world: InProcess;

beforeAll(async () => {
  world = await startInProcess();
  // Flows of these steps need no agent: the first gives back its arguments, the second says how it is answered, the third fails.
  await deploy("f/t/echo", [{ id: "a", value: { type: "identity", input_transforms: { got: js("flow_input") } } }]);
  const schema = { type: "object", properties: { n: { type: "integer" } }, required: ["n"] };
  await deploy("f/t/strict", [{ id: "a", value: { type: "identity" } }], schema);
  const said = Object.fromEntries(["status", "content_type", "body", "headers"].map((name) => [`millrace_${name}`, js(`flow_input.${name}`)]));
  await deploy("f/t/says", [{ id: "a", value: { type: "identity", input_transforms: said } }]);
  await deploy("f/t/fails", [{ id: "a", value: { type: "identity" }, stop_after_if: { expr: "true", error_message: "no such order" } }]);
}, 60_000);
afterAll(() => world.close());

const js = (expr: string) => ({ type: "javascript", expr });
async function deploy(path: string, modules: unknown[], schema?: unknown): Promise<void> {
  const { status, body } = await world.api("POST", "/flows", { path, document: { summary: "", ...(schema !== undefined && { schema }), value: { modules } } });
  expect(status, JSON.stringify(body)).toBeLessThan(300);
}

let made = 0;
/** Makes a trigger with a secret. @returns its path, and the secret */
async function trigger(settings: Record<string, unknown>, secretText?: string): Promise<{ path: string; secret: string }> {
  made += 1;
  const path = `f/t/trigger${made}`;
  const { status, body } = await world.api<TriggerView>("PUT", `/triggers/by-path?path=${path}`, {
    kind: "webhook",
    flow: "f/t/echo",
    auth: { kind: "token" },
    ...settings,
  });
  expect(status, JSON.stringify(body)).toBe(201);
  if (body.auth.kind === "none") return { path, secret: "" };
  const given = secretText === undefined ? {} : { secret: secretText };
  const secret = await world.api<{ secret: string }>("POST", `/triggers/secrets?path=${path}`, given);
  expect(secret.status, JSON.stringify(secret.body)).toBe(201);
  return { path, secret: secret.body.secret };
}

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  json<T>(): T;
}

async function send(method: string, address: string, headers: Record<string, string>, body?: string | Buffer): Promise<Answer> {
  const response = await fetch(`${world.controlPlane.httpUrl}${address}`, { method, headers, ...(body !== undefined && { body }) });
  const text = await response.text();
  return { status: response.status, headers: response.headers, text, json: <T>() => JSON.parse(text) as T };
}
const hook = (path: string, headers: Record<string, string>, body?: string | Buffer): Promise<Answer> =>
  send("POST", `/api/v1/w/main/webhooks/${path}`, { "content-type": "application/json", ...headers }, body);
const bearer = (secret: string): Record<string, string> => ({ authorization: `Bearer ${secret}` });
const argsOf = async (job: string): Promise<unknown> => (await world.api("GET", `/jobs/${job}/args`)).body;
const activity = async (path: string): Promise<ActivityView> => (await world.api<ActivityView>("GET", `/triggers/calls?path=${path}`)).body;

/** As a sender of Standard Webhooks would. */
function signed(secret: string, id: string, body: string, atS = Math.floor(Date.now() / 1000)): Record<string, string> {
  const key = Buffer.from(secret.replace("whsec_", ""), "base64");
  const signature = createHmac("sha256", key).update(`${id}.${atS}.${body}`).digest("base64");
  return { "webhook-id": id, "webhook-timestamp": String(atS), "webhook-signature": `v1,${signature}` };
}

describe("a webhook", () => {
  test("with a token starts a job with the body as its arguments, under the trigger's name", async () => {
    const { path, secret } = await trigger({});
    expect(secret).toMatch(/^mr_trg_/);
    const answer = await hook(path, bearer(secret), '{"order": 12345678901234567890, "note": "x"}');
    expect(answer.status).toBe(202);
    const { job } = answer.json<{ job: string }>();
    expect((await world.api<JobView>("GET", `/jobs/${job}`)).body).toMatchObject({ flow: "f/t/echo", created_by: `trigger:${path}` });
    const raw = await fetch(`${world.controlPlane.httpUrl}/api/v1/w/main/jobs/${job}/args`, { headers: bearer(world.controlPlane.credentials.token) });
    expect(await raw.text()).toBe('{"order":12345678901234567890,"note":"x"}');
    for (const headers of [{}, bearer("mr_trg_other"), { authorization: secret }]) expect((await hook(path, headers, "{}")).status).toBe(401);
    await untilTrue("the calls are written down", async () => (await activity(path)).refused === 3);
    const known = await activity(path);
    expect(known).toMatchObject({ accepted: 1, repeated: 0 });
    expect(known.calls.map(({ outcome }) => outcome)).toEqual(["refused", "refused", "refused", "accepted"]);
    expect(known.calls.at(-1)?.job).toBe(job);
  });

  test("that is not there, of whatever workspace, is the same 404, before the body is read", async () => {
    const texts = new Set<string>();
    for (const address of [
      "/api/v1/w/main/webhooks/f/t/none",
      "/api/v1/w/none/webhooks/f/t/none",
      "/api/v1/w/main/webhooks/%00",
      "/api/v1/w/main/webhooks/",
      "/api/r/main/none",
      "/api/r/none/none",
      "/api/r/main",
    ]) {
      const answer = await send("POST", address, { "content-type": "application/json" }, "x".repeat(2 * 1024 * 1024));
      expect([address, answer.status]).toEqual([address, 404]);
      texts.add(answer.json<{ detail: string }>().detail.replace(address, ""));
    }
    expect(texts.size).toBe(1);
  });

  test("refuses a body that is too large before it looks at who sends it", async () => {
    const { path } = await trigger({});
    expect((await hook(path, {}, JSON.stringify({ a: "x".repeat(1024 * 1024) }))).status).toBe(413);
  });

  test("checks signatures over the bytes as they came, whatever they look like when they are parsed", async () => {
    const { path, secret } = await trigger({ auth: { kind: "standard" }, args: { body: "body", raw: "raw" } });
    const body = '{ "a" : 1.0,\r\n "b":"\\u00e9é" }';
    const answer = await hook(path, signed(secret, "msg_1", body), body);
    expect(answer.status, answer.text).toBe(202);
    expect(await argsOf(answer.json<{ job: string }>().job)).toEqual({ body: { a: 1, b: "éé" }, raw: body });
    expect((await hook(path, signed(secret, "msg_2", body), JSON.stringify(JSON.parse(body)))).status).toBe(401);
    expect((await hook(path, signed(secret, "msg_3", body, Math.floor(Date.now() / 1000) - 301), body)).status).toBe(401);
  });

  test("that comes again with its id is the job that it was, and runs nothing twice; also when several come at once", async () => {
    const { path, secret } = await trigger({ auth: { kind: "standard" }, args: { body: "body", at: "headers.webhook-timestamp" } });
    const nowS = Math.floor(Date.now() / 1000);
    const again = Array.from({ length: 8 }, (_, at) => hook(path, signed(secret, "msg_same", '{"n":1}', nowS - at), '{"n":1}'));
    const jobs = (await Promise.all(again)).map((answer) => answer.json<{ job: string }>().job);
    expect(new Set(jobs).size).toBe(1);
    const other = await hook(path, signed(secret, "msg_other", '{"n":1}'), '{"n":1}');
    expect(other.json<{ job: string }>().job).not.toBe(jobs[0]);
    // Once a second: what came last may be written later than the rest.
    const written = async (): Promise<number> => {
      const { accepted, repeated, refused } = await activity(path);
      return accepted + repeated + refused;
    };
    await untilTrue("the calls are written down", async () => (await written()) === 9);
    expect(await activity(path)).toMatchObject({ accepted: 2, repeated: 7 });
  });

  test("with a key of the sender's own is once, and a 409 when the key comes with something else", async () => {
    const { path, secret } = await trigger({});
    const one = await hook(path, { ...bearer(secret), "idempotency-key": "k1", "x-request-id": "a" }, '{"n":1}');
    const two = await hook(path, { ...bearer(secret), "idempotency-key": "k1", "x-request-id": "b" }, '{"n":1}');
    expect(two.json()).toEqual(one.json());
    expect((await hook(path, { ...bearer(secret), "idempotency-key": "k1" }, '{"n":2}')).status).toBe(409);
    // The same key at another trigger is another call, and so is one of a plain run.
    const elsewhere = await trigger({});
    expect((await hook(elsewhere.path, { ...bearer(elsewhere.secret), "idempotency-key": "k1" }, '{"n":2}')).status).toBe(202);
    expect((await world.api("POST", "/jobs", { flow: "f/t/echo" }, { "idempotency-key": "k1" })).status).toBe(201);
  });

  test("takes the forms of GitHub, Stripe, Slack and GitLab", async () => {
    const nowS = Math.floor(Date.now() / 1000);
    const body = '{"id":"evt_1","type":"ping"}';
    const hex = (secret: string, text: string): string => createHmac("sha256", secret).update(text).digest("hex");
    const forms: [string, (secret: string) => Record<string, string>][] = [
      ["github", (secret) => ({ "x-hub-signature-256": `sha256=${hex(secret, body)}` })],
      ["stripe", (secret) => ({ "stripe-signature": `t=${nowS},v1=${hex(secret, `${nowS}.${body}`)}` })],
      ["slack", (secret) => ({ "x-slack-request-timestamp": String(nowS), "x-slack-signature": `v0=${hex(secret, `v0:${nowS}:${body}`)}` })],
      ["gitlab", (secret) => ({ "x-gitlab-token": secret })],
    ];
    for (const [kind, headers] of forms) {
      const own = randomBytes(16).toString("hex");
      const { path, secret } = await trigger({ auth: { kind } }, own);
      expect(secret).toBe(own);
      expect([kind, (await hook(path, headers(own), body)).status]).toEqual([kind, 202]);
      expect([kind, (await hook(path, headers(`${own}x`), body)).status]).toEqual([kind, 401]);
    }
    const slack = await trigger({ auth: { kind: "slack" } });
    const challenge = '{"type":"url_verification","challenge":"abc"}';
    const answer = await hook(
      slack.path,
      { "x-slack-request-timestamp": String(nowS), "x-slack-signature": `v0=${hex(slack.secret, `v0:${nowS}:${challenge}`)}` },
      challenge,
    );
    expect([answer.status, answer.text]).toEqual([200, '{"challenge":"abc"}']);
  });

  test("cannot be used to ask for variables and secrets; its constants can", async () => {
    await world.api("PUT", "/variables/by-path?path=f/t/key", { value: "hidden-hidden", is_secret: true });
    const { path, secret } = await trigger({ constants: { key: "$var:f/t/key", n: 7 } });
    for (const body of ['{"a":"$var:f/t/key"}', '{"a":{"b":["$res:f/t/db"]}}', '{"a":"\\u0024var:f/t/key"}']) {
      const answer = await hook(path, bearer(secret), body);
      expect([body, answer.status]).toEqual([body, 400]);
      expect(answer.text).toContain("may not refer to variables");
    }
    const answer = await hook(path, bearer(secret), '{"a":"see $var:f/t/key","n":1}');
    expect(await argsOf(answer.json<{ job: string }>().job)).toEqual({ a: "see $var:f/t/key", n: 7, key: "$var:f/t/key" });
  });

  test("refuses what is not JSON, keys that would change objects, and nesting without end", async () => {
    const { path, secret } = await trigger({});
    for (const body of ["{", '{"__proto__":{"a":1}}', `{"a":${"[".repeat(5000)}${"]".repeat(5000)}}`])
      expect([body.slice(0, 20), (await hook(path, bearer(secret), body)).status]).toEqual([body.slice(0, 20), 400]);
    const form = await hook(path, { ...bearer(secret), "content-type": "application/x-www-form-urlencoded" }, "a=1&b=x+y&a=2");
    expect(await argsOf(form.json<{ job: string }>().job)).toEqual({ a: ["1", "2"], b: "x y" });
  });

  test("that is paused takes nothing, and says so to those alone who may call", async () => {
    const { path, secret } = await trigger({});
    expect((await world.api<TriggerView>("POST", `/triggers/pause?path=${path}`)).body.paused).toBe(true);
    expect((await hook(path, bearer(secret), "{}")).status).toBe(409);
    expect((await hook(path, {}, "{}")).status).toBe(401);
    await world.api("POST", `/triggers/resume?path=${path}`);
    expect((await hook(path, bearer(secret), "{}")).status).toBe(202);
  });

  test("whose flow is gone, or does not take the arguments, says so without its name", async () => {
    const { path, secret } = await trigger({ flow: "f/t/not_there" });
    const answer = await hook(path, bearer(secret), "{}");
    expect([answer.status, answer.text.includes("not_there")]).toEqual([409, false]);
    await untilTrue("its owner can read why", async () => (await activity(path)).calls[0]?.why?.includes("not_there") === true);
    const strict = await trigger({ flow: "f/t/strict" });
    const unfit = await hook(strict.path, bearer(strict.secret), '{"n":"x"}');
    expect([unfit.status, unfit.text.includes("f/t/strict"), unfit.json<{ errors: unknown[] }>().errors.length]).toEqual([400, false, 1]);
  });
});

describe("secrets of a trigger", () => {
  test("are sealed at rest, shown once, changed without a gap, and sealed anew with the others", async () => {
    const { path, secret } = await trigger({});
    const { rows } = await world.pool.query<{ text: string; sealed: Buffer }>("SELECT s::text AS text, sealed FROM sealed_secret s WHERE owner = $1", [
      `trigger:${path}`,
    ]);
    expect(rows).toHaveLength(1);
    expect(rows.some(({ text, sealed }) => text.includes(secret) || sealed.includes(secret))).toBe(false);
    const second = (await world.api<{ secret: string; id: string }>("POST", `/triggers/secrets?path=${path}`, { others_for_s: 3600 })).body;
    for (const one of [secret, second.secret]) expect((await hook(path, bearer(one), "{}")).status).toBe(202);
    const listed = (await world.api<{ secrets: { id: string; expires_at?: string }[] }>("GET", `/triggers/secrets?path=${path}`)).body.secrets;
    expect(JSON.stringify(listed)).not.toContain("mr_trg_");
    expect(listed.filter(({ expires_at: at }) => at !== undefined)).toHaveLength(1);
    const rotated = await fetch(`${world.controlPlane.httpUrl}/api/v1/w/main/secrets/rotate`, {
      method: "POST",
      headers: bearer(world.controlPlane.credentials.admin_token),
    });
    expect(rotated.status).toBe(202);
    await untilTrue("the old key is gone", async () => (await world.pool.query("SELECT 1 FROM workspace_key")).rows.length === 1);
    expect((await hook(path, bearer(secret), "{}")).status).toBe(202);
    expect((await world.api("DELETE", `/triggers/secrets?path=${path}&id=${second.id}`)).status).toBe(204);
    expect((await hook(path, bearer(second.secret), "{}")).status).toBe(401);
    await world.pool.query("UPDATE sealed_secret SET expires_at = now() WHERE owner = $1", [`trigger:${path}`]);
    await untilTrue("its time is over", async () => (await hook(path, bearer(secret), "{}")).status === 401);
  });

  test("are five at most, and go with the trigger", async () => {
    const { path } = await trigger({});
    const statuses = [];
    for (let more = 0; more < 5; more++) statuses.push((await world.api("POST", `/triggers/secrets?path=${path}`)).status);
    expect(statuses).toEqual([201, 201, 201, 201, 429]);
    expect((await world.api("DELETE", `/triggers/by-path?path=${path}`)).status).toBe(204);
    expect((await world.pool.query("SELECT 1 FROM sealed_secret WHERE owner = $1", [`trigger:${path}`])).rows).toEqual([]);
    expect((await hook(path, {}, "{}")).status).toBe(404);
  });
});

describe("a caller that waits", () => {
  test("gets the result as the answer, with what the result says of it, and as something that a browser encloses", async () => {
    const { path, secret } = await trigger({ mode: "wait", wait_s: 20 });
    const plain = await hook(path, bearer(secret), '{"n":1}');
    expect([plain.status, plain.text]).toEqual([200, '{"got":{"n":1}}']);
    const says = await trigger({ mode: "wait", flow: "f/t/says" });
    const said = { status: 201, content_type: "text/html", body: "<b>hi</b>", headers: { "set-cookie": "a=1", "x-a": "b" } };
    const html = await hook(says.path, bearer(says.secret), JSON.stringify(said));
    expect([html.status, html.text, html.headers.get("content-type")]).toEqual([201, "<b>hi</b>", "text/html"]);
    expect([html.headers.get("set-cookie"), html.headers.get("x-a")]).toEqual([null, "b"]);
    expect(html.headers.get("content-security-policy")).toMatch(/^sandbox/);
    expect(html.headers.get("content-security-policy")).not.toContain("allow-same-origin");
    expect(html.headers.get("x-content-type-options")).toBe("nosniff");
    const empty = await hook(says.path, bearer(says.secret), '{"status":204}');
    expect([empty.status, empty.text]).toEqual([204, ""]);
  });

  test("gets a 500 with the error of a run that failed, and the job's id of one that takes too long", async () => {
    const fails = await trigger({ mode: "wait", flow: "f/t/fails" });
    const failed = await hook(fails.path, bearer(fails.secret), "{}");
    expect(failed.status).toBe(500);
    expect(failed.text).toContain("no such order");
    await deploy("f/t/sleeps", [
      { id: "a", value: { type: "identity" }, sleep: { type: "static", value: 60 } },
      { id: "b", value: { type: "identity" } },
    ]);
    const slow = await trigger({ mode: "wait", wait_s: 1, flow: "f/t/sleeps" });
    const answer = await hook(slow.path, bearer(slow.secret), "{}");
    expect(answer.status).toBe(202);
    const { job } = answer.json<{ job: string }>();
    expect((await world.api<JobView>("GET", `/jobs/${job}`)).body.status).toBe("running");
  });

  test("with Server-Sent Events hears of its job until the end", async () => {
    const { path, secret } = await trigger({ mode: "sse" });
    const { text, headers } = await hook(path, bearer(secret), '{"n":1}');
    expect(headers.get("content-type")).toContain("text/event-stream");
    const events = [...text.matchAll(/^event: (\w+)\ndata: (.*)$/gm)].map(([, event, data]) => [event, JSON.parse(data ?? "")]);
    expect(events[0]?.[0]).toBe("job");
    expect(events.at(-1)).toEqual(["end", { job: events[0]?.[1].job, status: "succeeded", result: { got: { n: 1 } } }]);
  });
});

describe("a route", () => {
  const route = (method: string, pattern: string, more: Record<string, unknown> = {}) =>
    trigger({ kind: "route", method, pattern, mode: "wait", auth: { kind: "none" }, ...more });

  test("answers its method and pattern, with parameters as arguments; nothing of the caller's own reaches the job", async () => {
    await route("GET", "/orders/:id", { args: { id: "params.id", page: "query.page", headers: "headers", method: "method" } });
    const answer = await send("GET", "/api/r/main/orders/a%2Fb%20c?page=2", { cookie: "__Host-sid=x", authorization: "Bearer y", "x-own": "z" });
    expect(answer.status, answer.text).toBe(200);
    const { headers, ...rest } = answer.json<{ got: { headers: Record<string, string> } }>().got;
    expect(rest).toEqual({ id: "a/b c", page: "2", method: "GET" });
    expect(headers["x-own"]).toBe("z");
    expect(Object.keys(headers)).not.toEqual(expect.arrayContaining(["cookie"]));
    expect(Object.keys(headers)).not.toEqual(expect.arrayContaining(["authorization"]));
    expect((await send("POST", "/api/r/main/orders/7", {})).status).toBe(404);
    expect((await send("GET", "/api/r/main/orders/7/x", {})).status).toBe(404);
  });

  test("that would answer the same requests as another one is refused, and taken when the other is gone", async () => {
    const first = await route("PUT", "/files/:name/*rest");
    const body = { kind: "route", method: "PUT", pattern: "/files/:other/*more", flow: "f/t/echo", auth: { kind: "none" } };
    const refused = await world.api<{ detail: string }>("PUT", "/triggers/by-path?path=f/t/other", body);
    expect(refused.status).toBe(409);
    expect(refused.body.detail).toContain(first.path);
    expect((await world.api("PUT", "/triggers/by-path?path=f/t/other", { ...body, method: "PATCH" })).status).toBe(201);
    expect((await world.api("PUT", "/triggers/by-path?path=f/t/other", body)).status).toBe(409);
    await world.api("DELETE", `/triggers/by-path?path=${first.path}`);
    expect((await world.api("PUT", "/triggers/by-path?path=f/t/other", body)).status).toBe(200);
  });

  test("with the root as its pattern, and one with a token in a header of its own", async () => {
    await route("DELETE", "/");
    for (const address of ["/api/r/main", "/api/r/main/"]) expect([address, (await send("DELETE", address, {})).status]).toEqual([address, 200]);
    const { secret } = await route("POST", "/guarded", { auth: { kind: "token", header: "x-key" }, args: { headers: "headers" } });
    expect((await send("POST", "/api/r/main/guarded", bearer(secret))).status).toBe(401);
    const answer = await send("POST", "/api/r/main/guarded", { "x-key": secret });
    expect([answer.status, answer.text.includes(secret)]).toEqual([200, false]);
  });
});

describe("triggers as things of a workspace", () => {
  test("are listed by page, changed under their ETag, and their address is said", async () => {
    const settings = { kind: "webhook", flow: "f/t/echo", auth: { kind: "token" } };
    const put = (name: string, body: unknown, headers = {}) => world.api<TriggerView>("PUT", `/triggers/by-path?path=f/list/${name}`, body, headers);
    for (const name of ["b", "a"]) expect((await put(name, settings)).status).toBe(201);
    const stored = await world.api<TriggerView>("GET", "/triggers/by-path?path=f/list/a");
    const etag = stored.headers.get("etag") ?? "";
    expect(stored.body).toMatchObject({ mode: "async", paused: false, url: `${world.controlPlane.httpUrl}/api/v1/w/main/webhooks/f/list/a`, revision: 1 });
    expect((await put("a", { ...settings, description: "x" }, { "if-match": etag })).body).toMatchObject({ description: "x", revision: 2 });
    expect((await put("a", settings, { "if-match": etag })).status).toBe(412);
    expect((await put("a", settings, { "if-none-match": "*" })).status).toBe(412);
    const page = (await world.api<{ triggers: TriggerView[]; next_cursor?: string }>("GET", "/triggers?prefix=f/list/&limit=1")).body;
    expect([page.triggers.map(({ path }) => path), page.next_cursor]).toEqual([["f/list/a"], "f/list/a"]);
    expect((await put("c", { ...settings, auth: { kind: "none" } })).status).toBe(400);
  });

  test("of another workspace are not there", async () => {
    const { path } = await trigger({});
    await world.pool.query("INSERT INTO workspace (name) VALUES ('theirs')");
    const theirs = await fetch(`${world.controlPlane.httpUrl}/api/v1/w/theirs/triggers/by-path?path=${path}`, {
      headers: bearer(world.controlPlane.credentials.admin_token),
    });
    expect(theirs.status).toBe(404);
    expect((await send("POST", `/api/v1/w/theirs/webhooks/${path}`, {}, "{}")).status).toBe(404);
  });
});
