import type { FastifyInstance } from "fastify";
import { realClock } from "../kernel/clock.ts";
import type { WorkspaceId } from "../kernel/ids.ts";
import { VERSION } from "../kernel/protocol.ts";
import type { Service } from "../kernel/service.ts";
import type { Changes } from "./db/change-watch.ts";
import type { Pool } from "./db/pools.ts";
import type { RunReader } from "./flows/runs/run-reader.ts";
import type { NotesWantedOf } from "./jobs/event-notes.ts";
import type { JobEvents } from "./jobs/job-events.ts";
import type { JobService } from "./jobs/job-service.ts";
import { Deliverer } from "./notifications/deliverer.ts";
import { addDeliveryRoutes } from "./notifications/delivery-routes.ts";
import { EventPlanner } from "./notifications/event-planner.ts";
import { createHooks } from "./notifications/hooks.ts";
import { Notifications } from "./notifications/notifications.ts";
import { parseAllowedTargets } from "./notifications/outbound/address-rules.ts";
import { createOutboundClient } from "./notifications/outbound/outbound-client.ts";
import { addHookRoutes } from "./notifications/routes.ts";
import { WantedEvents } from "./notifications/wanted-events.ts";
import type { SealedSecrets } from "./secrets/sealed-secrets.ts";
import type { Log } from "./telemetry/log.ts";
import { TriggerJournal } from "./triggers/journal.ts";
import { Receiver } from "./triggers/receiver.ts";
import { addReceivers } from "./triggers/receiver-routes.ts";
import { addTriggerRoutes } from "./triggers/routes.ts";
import { createTriggerTable } from "./triggers/trigger-table.ts";
import { createTriggers, type Triggers } from "./triggers/triggers.ts";
import type { Workspaces } from "./workspaces/workspace-store.ts";

export interface TriggerParts {
  /** For what serves all workspaces: calls, notes, deliveries. */
  readonly pool: Pool;
  /** For requests of members: rows of their workspace. */
  readonly console: Pool;
  readonly secrets: SealedSecrets;
  readonly workspaces: Pick<Workspaces, "byName" | "loadName">;
  readonly jobs: JobService;
  /** Of jobs. */
  readonly events: JobEvents;
  /** Of what others write. */
  readonly changes: Changes;
  readonly reader: Pick<RunReader, "view">;
  /** Of the API as its users reach it; empty when nobody knows. */
  readonly publicUrl: () => string;
  /** MILLRACE_OUTBOUND_ALLOW. */
  readonly allow: string | undefined;
  readonly log: Log;
}

/** What owners and others ask. */
export interface OpenTriggers extends Service {
  readonly triggers: Triggers;
  readonly notes: NotesWantedOf;
}

/** Calls that start jobs, and hooks that are told of them: adds their routes to a server. A part of the composition root; to be started with the doors. */
export function openTriggers(app: FastifyInstance, parts: TriggerParts): OpenTriggers {
  const { pool, secrets, log } = parts;
  const clock = realClock;
  const table = createTriggerTable(pool, secrets, clock);
  const triggers = createTriggers(parts.console, secrets, (workspace, path) => table.forget(workspace, path));
  const journal = new TriggerJournal(pool, clock, log);
  const receiver = new Receiver({ jobs: parts.jobs, journal, clock });
  addTriggerRoutes(app, { pool: parts.console, triggers, publicUrl: parts.publicUrl });
  addReceivers(app, { table, receiver, workspaces: parts.workspaces, jobs: parts.jobs, changes: parts.events, log });

  const wanted = new WantedEvents(pool);
  const allowed = parseAllowedTargets(parts.allow ?? "") ?? { hasHost: () => false, hasAddress: () => false };
  const client = createOutboundClient({ allowed, userAgent: `Millrace/${VERSION}` });
  const deliverer = new Deliverer({ pool, secrets, client, clock, random: Math.random, log });
  const planner = new EventPlanner({
    pool,
    clock,
    log,
    workspaceName: (id: WorkspaceId) => parts.workspaces.loadName(id),
    runOf: (workspace, flow) => parts.reader.view(workspace, flow),
  });
  const hooks = createHooks({ pool: parts.console, secrets, deliverer, clock, onChange: () => wanted.read().catch(() => undefined) });
  addHookRoutes(app, hooks);
  addDeliveryRoutes(app, hooks);
  const notifications = new Notifications({ wanted, planner, deliverer, changes: parts.changes, clock, log });
  return {
    triggers,
    notes: notifications.notes,
    async start() {
      await journal.start();
      await notifications.start();
    },
    async stop() {
      await notifications.stop();
      await journal.stop();
    },
  };
}
