import { readFileSync } from "node:fs";
import pg from "pg";
import { pino } from "pino";
import { expect, test } from "vitest";
import { realClock } from "../../kernel/clock.ts";
import { createJobIdGenerator } from "../../kernel/ids.ts";
import { createQueryBuilder } from "../db/query-builder.ts";
import { ExpressionTiers } from "../flows/expressions/tiers.ts";
import { createFlowCache } from "../flows/flow-cache.ts";
import { createFlowReader } from "../flows/flow-reader.ts";
import { BodyTurns } from "../http/body-turns.ts";
import { createHttpServer } from "../http/server.ts";
import { createDependencyJobs } from "../jobs/dependency-jobs.ts";
import { JobEvents } from "../jobs/job-events.ts";
import { JobService } from "../jobs/job-service.ts";
import { createReferences } from "../resources/references.ts";
import { createResources } from "../resources/resources.ts";
import { createSchemaCheck } from "../resources/schema-check.ts";
import { OwnerDirectory } from "../scheduler/cluster/owner-directory.ts";
import { createSchedules } from "../schedules/schedules.ts";
import { ScriptLocks } from "../scripts/locks.ts";
import { createScriptCache } from "../scripts/script-cache.ts";
import { createKeyRing } from "../secrets/key-ring.ts";
import { createSealedSecrets } from "../secrets/sealed-secrets.ts";
import { createTriggers } from "../triggers/triggers.ts";
import { createVariables } from "../variables/variables.ts";
import { addWindmillFlows } from "./flow-routes.ts";
import { addWindmillJobs } from "./job-routes.ts";
import { addWindmillResources } from "./resource-routes.ts";
import { addWindmillResumes } from "./resume-routes.ts";
import { addWindmillSchedules } from "./schedule-routes.ts";
import { addWindmillScripts } from "./script-routes.ts";
import { addWindmillSync } from "./sync-routes.ts";
import { addWindmillTriggers } from "./trigger-routes.ts";
import { addWindmillTypes } from "./type-routes.ts";
import { addWindmillVariables } from "./variable-routes.ts";

test("docs/windmill.md lists every route of Windmill's that is answered here", async () => {
  // Connects to nothing: nobody asks these routes.
  const pool = new pg.Pool();
  const app = await createHttpServer(pino({ level: "silent" }), new BodyTurns({ hasRoom: () => true, ownerBytes: 1, allBytes: 1 }));
  const found: string[] = [];
  app.addHook("onRoute", ({ method, url }) => {
    for (const one of [method].flat())
      if (one !== "HEAD")
        found.push(
          `${one} ${url
            .replace("/api/w/:workspace", "")
            .replaceAll(/:(\w+)/g, "{$1}")
            .replace("*", "{path}")}`,
        );
  });
  const variables = createVariables(pool, createKeyRing(pool, []));
  const jobs = new JobService({
    pool,
    db: createQueryBuilder(pool),
    scripts: createScriptCache(pool, () => 0),
    events: new JobEvents(),
    clock: realClock,
    newJobId: createJobIdGenerator(() => 0),
    checkArgs: () => [],
    admit: () => undefined,
    onAccepted: () => undefined,
    owners: new OwnerDirectory(),
    wantedFlow: () => Promise.reject(new Error("no flow is run here")),
    earlyAnswer: () => Promise.resolve(undefined),
  });
  addWindmillVariables(app, variables);
  addWindmillResources(app, createResources(pool, createSchemaCheck()), createReferences(pool, variables));
  const runs = { view: () => Promise.reject(new Error("no flow is run here")) };
  addWindmillJobs(app, { pool, jobs, runs, onProgress: () => undefined });
  const scripts = createScriptCache(pool, () => 0);
  const newJobId = createJobIdGenerator(() => 0);
  const lockJobs = createDependencyJobs({ pool, owners: new OwnerDirectory(), clock: realClock, newJobId, events: new JobEvents() });
  addWindmillScripts(app, { pool, scripts, locks: new ScriptLocks({ pool, scripts, jobs: lockJobs, log: pino({ level: "silent" }) }) });
  const expressions = new ExpressionTiers();
  addWindmillFlows(app, { pool, cache: createFlowCache(pool, () => 0), readFlow: createFlowReader({ expressions }) });
  const schemas = createSchemaCheck();
  addWindmillTypes(app, { pool }, schemas);
  const schedules = createSchedules({
    pool,
    jobRows: pool,
    jobs: { check: () => Promise.resolve(), argumentsOf: () => Promise.resolve(undefined) },
    workspaces: { loadName: () => Promise.resolve(undefined) },
    clock: realClock,
    start: () => Promise.resolve(),
    changed: () => undefined,
  });
  const triggers = createTriggers(pool, createSealedSecrets(pool, createKeyRing(pool, []), realClock), () => undefined);
  addWindmillSchedules(app, { pool, schedules, nowMs: () => 0 });
  addWindmillTriggers(app, { pool, triggers });
  addWindmillSync(app, { pool, variables, resources: createResources(pool, schemas), schedules, triggers });
  const nobody = (): Promise<never> => Promise.reject(new Error("nobody is invited here"));
  addWindmillResumes(app, { inviteAhead: nobody, answerLink: nobody, admit: nobody });
  await expressions.stop();
  const page = readFileSync(new URL("../../docs/windmill.md", import.meta.url), "utf8");
  const listed = [...page.matchAll(/^\| `((?:GET|POST|DELETE) \/\S+)`/gm)].map(([, route = ""]) => route);
  expect(listed.sort()).toEqual(found.sort());
  // The tests of the clients go by who is said to call a route, and count answers by its pattern alone.
  const callers = [...page.matchAll(/^\| `(?:GET|POST|DELETE) \/\S+` +\| (?:HTTP|(?:, |Python|TypeScript|command line)+) +\|/gm)];
  expect(callers.length).toBe(listed.length);
  expect(new Set(listed.map((route) => route.replace(/^\S+ /, ""))).size).toBe(listed.length);
  expect(found.length).toBeGreaterThan(20);
});
