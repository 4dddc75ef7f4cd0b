import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, test } from "vitest";
import { Generator } from "./generator.ts";
import type { LoadPlan, SourcePlan } from "./generator-messages.ts";
import { Latencies } from "./latencies.ts";
import { monotonicUs } from "./monotonic.ts";
import { FATE, Tally } from "./tally.ts";

interface Seen {
  readonly path: string;
  readonly body: { script: string; args?: Job; jobs?: { args: Job }[] };
}
interface Job {
  readonly at: number;
  readonly n: number;
  readonly s: number;
  readonly sleep_ms: number;
}

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

/** The other end of the wire: answers as a test says. */
async function plane(answer: (seen: Seen, response: ServerResponse) => void, ready = () => true): Promise<{ base: string; requests: Seen[] }> {
  const requests: Seen[] = [];
  const server = createServer((request: IncomingMessage, response: ServerResponse) => {
    if (request.url === "/readyz") return void response.writeHead(ready() ? 200 : 503).end();
    let text = "";
    request.on("data", (part: Buffer) => {
      text += part.toString();
    });
    request.once("end", () => {
      const seen = { path: request.url ?? "", body: JSON.parse(text) as Seen["body"] };
      requests.push(seen);
      answer(seen, response);
    });
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { base: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, requests };
}

function planOf(bases: readonly string[], fields: Partial<SourcePlan>): LoadPlan {
  const startUs = monotonicUs() + 10_000;
  const open = { kind: "open", arrivals: { kind: "constant", perS: 100 } } as const;
  const source = {
    source: 3,
    target: { kind: "one", workspace: "w" },
    script: "f/x",
    batch: 1,
    sleepMs: 0,
    pace: open,
    startUs,
    forMs: 50,
    seed: 1,
    ...fields,
  } as const;
  return { bases, token: "t", connections: 8, measureFromUs: 0, sources: [source] };
}

const accept = (_: Seen, response: ServerResponse): void => void response.writeHead(201).end("{}");

test("an open loop sends every request that is due, each job with its own number and its intended start", async () => {
  const { base, requests } = await plane(accept);
  const plan = planOf([base], { sleepMs: 7 });
  const report = await new Generator(plan).run();
  expect(requests.map(({ path }) => path)).toEqual(new Array(5).fill("/api/v1/w/w/jobs"));
  // Several connections may overtake each other.
  const jobs = requests.map(({ body }) => body.args).sort((a, b) => (a?.n ?? 0) - (b?.n ?? 0));
  const startUs = plan.sources[0]?.startUs ?? 0;
  expect(jobs).toEqual([0, 10, 20, 30, 40].map((ms, n) => ({ at: Math.round(startUs + ms * 1000), n, s: 3, sleep_ms: 7 })));
  expect([...report.fates]).toEqual(new Array(5).fill(FATE.accepted));
  expect(report.sources[3]).toMatchObject({ acceptedJobs: 5, requests: 5, repeatedRequests: 0 });
});

test("a batch is one request of as many jobs", async () => {
  const { base, requests } = await plane(accept);
  const report = await new Generator(planOf([base], { batch: 3, forMs: 20 })).run();
  expect(requests.map(({ path }) => path)).toEqual(["/api/v1/w/w/jobs/batch", "/api/v1/w/w/jobs/batch"]);
  expect(requests.map(({ body }) => body.jobs?.map(({ args }) => args.n).join()).sort()).toEqual(["0,1,2", "3,4,5"]);
  expect(report.acceptedJobs).toBe(6);
});

test("a server that stands still is charged for every request that was due meanwhile", async () => {
  const held: ServerResponse[] = [];
  const { base, requests } = await plane((_, response) => {
    held.push(response);
    // The last of the five lets all of them go, 40 ms after the first was due.
    if (held.length === 5) for (const one of held) one.writeHead(201).end("{}");
  });
  const report = await new Generator(planOf([base], {})).run();
  expect(requests).toHaveLength(5);
  const answers = Latencies.fromText(report.sources[3]?.answers ?? "");
  expect(answers.count).toBe(5);
  expect(answers.maxMs).toBeGreaterThanOrEqual(39.9);
  // Measured from the send with one request at a time, four of the five would look quick.
  expect(answers.percentileMs(40)).toBeGreaterThanOrEqual(9.9);
});

test("a refused request is sent again under new numbers, and the old ones are of unknown fate", async () => {
  let refusals = 2;
  const { base, requests } = await plane((seen, response) => (refusals-- > 0 ? void response.writeHead(503).end() : accept(seen, response)));
  const report = await new Generator(planOf([base], { forMs: 10 })).run();
  expect(requests.map(({ body }) => body.args?.n)).toEqual([0, 1, 2]);
  expect(new Set(requests.map(({ body }) => body.args?.at)).size).toBe(1);
  expect([...report.fates]).toEqual([FATE.unknown, FATE.unknown, FATE.accepted]);
  expect(report.sources[3]).toMatchObject({ acceptedJobs: 1, requests: 1, repeatedRequests: 2 });
});

test("what no repetition can mend fails the run with the server's words", async () => {
  const { base } = await plane((_, response) => void response.writeHead(400).end("there is no script f/x"));
  await expect(new Generator(planOf([base], {})).run()).rejects.toThrow(/answered with 400: there is no script/);
});

test("with several replicas it goes to the one that says it is ready", async () => {
  const standby = await plane(
    (_, response) => void response.writeHead(503).end(),
    () => false,
  );
  const owner = await plane(accept);
  const report = await new Generator(planOf([standby.base, owner.base], {})).run();
  expect(report.acceptedJobs).toBe(5);
  expect(owner.requests).toHaveLength(5);
  expect(standby.requests.length).toBeGreaterThanOrEqual(1);
});

test("a replica that is gone is treated like one that refuses", async () => {
  const owner = await plane(accept);
  const report = await new Generator(planOf(["http://127.0.0.1:1", owner.base], { forMs: 10 })).run();
  expect([...report.fates]).toEqual([FATE.unknown, FATE.accepted]);
});

test("a closed loop never has more jobs open than its backlog, and goes on as they end", async () => {
  let open = 0;
  let most = 0;
  const { base } = await plane((seen, response) => {
    open += seen.body.jobs?.length ?? 0;
    most = Math.max(most, open);
    accept(seen, response);
  });
  const generator = new Generator(planOf([base], { batch: 10, pace: { kind: "closed", requests: 2, backlog: 30 }, forMs: 300 }));
  let ended = 0;
  const ending = setInterval(() => {
    ended += open;
    open = 0;
    generator.endedAre(ended);
  }, 20);
  const report = await generator.run();
  clearInterval(ending);
  // Two requests may pass the look together: each may be one batch over.
  expect(most).toBeLessThanOrEqual(40);
  expect(report.acceptedJobs).toBeGreaterThan(60);
});

test("load by Zipf names the workspace's own class in the jobs", async () => {
  const { base, requests } = await plane(accept);
  const target = { kind: "zipf", workspaces: ["a", "b"], exponent: 1, sources: [0, 9] } as const;
  const report = await new Generator(planOf([base], { target, forMs: 300 })).run();
  for (const { path, body } of requests) expect(body.args?.s).toBe(path.includes("/w/a/") ? 0 : 9);
  expect(new Set(requests.map(({ path }) => path)).size).toBe(2);
  expect(new Tally(report.fates).length).toBe(30);
});
