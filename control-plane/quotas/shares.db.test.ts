// Limits of a workspace over two real replicas on one database: each keeps its share, so that both together keep to the whole.
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { type ControlPlane, startControlPlane } from "../main.ts";
import { openServedPlane, type ServedPlane, type Tenant } from "../served-plane.fixture.ts";

const quiet = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
let first: ServedPlane;
let second: ControlPlane;
let isGone = false;

beforeAll(async () => {
  first = await openServedPlane();
  second = await startControlPlane(
    {
      MILLRACE_DATABASE_URL: first.databaseUrl,
      MILLRACE_STATE_DIR: first.folder,
      MILLRACE_HTTP_PORT: "0",
      MILLRACE_GRPC_PORT: "0",
      MILLRACE_REPLICA_NAME: "second",
    },
    { log: quiet },
  );
  // Shares go by the links between replicas.
  for (const url of [first.server.httpUrl, second.httpUrl])
    await vi.waitFor(async () => expect(await (await fetch(`${url}/metrics`)).text()).toMatch(/^millrace_peer_links 1$/m), 20_000);
}, 60_000);
afterAll(async () => {
  if (!isGone) await second.stop("test");
  await first.close();
});

interface Asked {
  readonly status: number;
  readonly headers: Headers;
}

/** Paths of a workspace, at one replica. */
async function at(url: string, name: string, token: string, method: string, path: string, body?: unknown): Promise<Asked> {
  const response = await fetch(`${url}/api/v1/w/${name}${path}`, {
    method,
    headers: { authorization: `Bearer ${token}`, ...(body !== undefined && { "content-type": "application/json" }) },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  await response.arrayBuffer();
  return { status: response.status, headers: response.headers };
}

/** Quotas are in force a while after they were set; an answer tells by its limit of requests that they are. */
async function limited(tenant: Tenant, name: string, quotas: { requests_per_s: number; jobs_per_minute?: number }): Promise<void> {
  expect((await tenant.admin("PUT", "/quotas", quotas)).status).toBe(200);
  const told = async (url: string): Promise<string | null> => (await at(url, name, tenant.token, "GET", "/limits")).headers.get("ratelimit-limit");
  for (const url of both()) await expect.poll(() => told(url)).toBe(String(quotas.requests_per_s));
}

const both = (): string[] => [first.server.httpUrl, second.httpUrl];
const accepted = (answers: readonly Asked[]): number => answers.filter(({ status }) => status < 300).length;

test("requests per second hold over both together; each lets in its half, and says when it goes on", async () => {
  const tenant = await first.makeTenant("requests");
  const [perS, burst] = [10, 20];
  await limited(tenant, "requests", { requests_per_s: perS });
  // What was asked on the way is refilled: a bucket is full after two seconds.
  await new Promise((resolve) => setTimeout(resolve, 2000));
  const beganMs = performance.now();
  const flood = (url: string) => Promise.all(Array.from({ length: 60 }, () => at(url, "requests", tenant.token, "GET", "/jobs?limit=1")));
  const answers = await Promise.all(both().map(flood));
  const refilled = ((performance.now() - beganMs) / 1000) * perS;
  for (const one of answers) {
    expect(accepted(one)).toBeGreaterThanOrEqual(burst / 2);
    expect(accepted(one)).toBeLessThanOrEqual(burst / 2 + refilled / 2 + 1);
    const refused = one.find(({ status }) => status === 429);
    expect([refused?.headers.get("ratelimit-limit"), refused?.headers.get("ratelimit-reset"), refused?.headers.get("retry-after")]).toEqual(["10", "1", "1"]);
  }
  expect(accepted(answers.flat())).toBeLessThanOrEqual(burst + refilled + 2);
});

test("jobs per minute hold over both together", async () => {
  const tenant = await first.makeTenant("jobs");
  await limited(tenant, "jobs", { requests_per_s: 1000, jobs_per_minute: 20 });
  const beganMs = performance.now();
  const job = { code: { language: "bash", content: "true" }, tag: "nobody-serves-this" };
  const flood = (url: string) => Promise.all(Array.from({ length: 20 }, () => at(url, "jobs", tenant.token, "POST", "/jobs", job)));
  const answers = await Promise.all(both().map(flood));
  const refilled = ((performance.now() - beganMs) / 60_000) * 20;
  expect(accepted(answers.flat())).toBeGreaterThanOrEqual(20);
  expect(accepted(answers.flat())).toBeLessThanOrEqual(20 + refilled + 1);
  const refused = answers[1]?.find(({ status }) => status === 429);
  // Half a minute's share is ten: one comes back in six seconds.
  expect(Number(refused?.headers.get("retry-after"))).toBeGreaterThanOrEqual(1);
  expect(Number(refused?.headers.get("retry-after"))).toBeLessThanOrEqual(6);
  expect(refused?.headers.get("ratelimit-reset")).toBe(refused?.headers.get("retry-after"));
});

test("one replica has the whole when the other has gone", async () => {
  const alone = await first.makeTenant("alone");
  await limited(alone, "alone", { requests_per_s: 10 });
  const left = async (): Promise<number> =>
    Number((await at(first.server.httpUrl, "alone", alone.token, "GET", "/jobs?limit=1")).headers.get("ratelimit-remaining"));
  await expect.poll(left, { timeout: 10_000, interval: 500 }).toBe(9);
  await second.stop("gone");
  isGone = true;
  await expect.poll(left, { timeout: 30_000, interval: 500 }).toBe(19);
});
