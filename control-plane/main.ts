import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { messageOf } from "../kernel/app-error.ts";
import { realClock } from "../kernel/clock.ts";
import { createJobIdGenerator, type JobId } from "../kernel/ids.ts";
import { type JobTokenClaims, jobTokenKey } from "../kernel/job-token.ts";
import { VERSION } from "../kernel/protocol.ts";
import type { Service } from "../kernel/service.ts";
import { PeerLinkService } from "../proto/gen/millrace/peer/v1/peer.ts";
import { grpcTlsFiles } from "./agent-settings.ts";
import { AgentDoor } from "./agents/agent-door.ts";
import { AgentHome } from "./agents/agent-home.ts";
import { addAgentRoutes, agentsOf } from "./agents/routes.ts";
import type { SessionServer } from "./agents/session-server.ts";
import type { BlobStore } from "./blobs/blob-store.ts";
import { openBlobs } from "./blobs/open-blobs.ts";
import { type Config, loadConfig } from "./config.ts";
import { ChangeWatch } from "./db/change-watch.ts";
import { createPools, type Pools } from "./db/pools.ts";
import { createQueryBuilder } from "./db/query-builder.ts";
import { resolveStateDir } from "./db/state-dir.ts";
import { openEntrance } from "./entrance.ts";
import { addFlowRuns } from "./flow-runs.ts";
import { flowEngines } from "./flows/engine/flow-engines.ts";
import { openFlows } from "./flows/open-flows.ts";
import { openGovernance } from "./governance.ts";
import { PartitionMaker } from "./housekeeping/partitions.ts";
import { BodyTurns } from "./http/body-turns.ts";
import { addOperationsRoutes } from "./http/operations-routes.ts";
import { createHttpServer, listen } from "./http/server.ts";
import { createAuthenticator } from "./identity/authenticate.ts";
import { type Credentials, ensureFirstTokens } from "./identity/first-start.ts";
import { workspaceOfRunning } from "./jobs/attempt-store.ts";
import { createDependencyJobs } from "./jobs/dependency-jobs.ts";
import { FlushWriter } from "./jobs/flush-writer.ts";
import { JobEnds } from "./jobs/job-ends.ts";
import { type Change, JobEvents } from "./jobs/job-events.ts";
import { JobService } from "./jobs/job-service.ts";
import { addJobRoutes } from "./jobs/routes.ts";
import { LogIngest } from "./logs/ingest.ts";
import { LiveLogs } from "./logs/live-logs.ts";
import { createLogReader } from "./logs/log-reader.ts";
import { PackReader } from "./logs/pack-reader.ts";
import { addLogRoutes } from "./logs/routes.ts";
import { openDatabase } from "./open-database.ts";
import { openHousekeeping } from "./open-housekeeping.ts";
import { type OpenTriggers, openTriggers } from "./open-triggers.ts";
import { peerDialler } from "./peer/dial-peer.ts";
import { PeerNetwork } from "./peer/peer-network.ts";
import { peerAddress } from "./peer-address.ts";
import { publicUrl } from "./public-url.ts";
import { instanceLimits } from "./quota-settings.ts";
import { createClusterTables } from "./scheduler/cluster/cluster-tables.ts";
import { OwnerDirectory } from "./scheduler/cluster/owner-directory.ts";
import { LEASE_TTL_S, readClusterSecret } from "./scheduler/lease-store.ts";
import type { OwnerDeps } from "./scheduler/owner-deps.ts";
import { Ownership } from "./scheduler/ownership.ts";
import { openSchedules } from "./schedules/open-schedules.ts";
import { createArgsValidator } from "./scripts/args-schema.ts";
import { bundleSource } from "./scripts/bundle-source.ts";
import { ScriptLocks } from "./scripts/locks.ts";
import { addScriptRoutes } from "./scripts/routes.ts";
import { createScriptCache, type ScriptCache } from "./scripts/script-cache.ts";
import { observe, readiness } from "./self-view.ts";
import { blobSettings } from "./storage-settings.ts";
import type { Log } from "./telemetry/log.ts";
import { createMetrics, type Metrics } from "./telemetry/metrics.ts";
import { openThings, type Things } from "./things.ts";
import { openWindmill } from "./windmill/open-windmill.ts";
import { addWorkflowRoutes } from "./workflows/routes.ts";
import { Workflows } from "./workflows/workflows.ts";
import { addWorkspaceRoutes } from "./workspaces/routes.ts";
import { createWorkspaces, type Workspaces } from "./workspaces/workspace-store.ts";

export interface ControlPlane {
  readonly httpUrl: string;
  /** host:port for agents. */
  readonly grpcAddress: string;
  readonly databaseUrl: string;
  readonly credentials: Credentials;
  stop(reason: string): Promise<void>;
}

const PROJECT_ROOT = fileURLToPath(new URL("..", import.meta.url));
const LOG_WINDOW_BYTES = 1024 * 1024;
const LOG_FLUSH_MS = 50;
/** What the owner grants beyond an attempt's own deadline and grace. */
const OWNER_MARGIN_MS = 10_000;
const RESEND_MS = 5000;
/** Large requests wait while this much waits for Postgres: two or three flushes under load. */
const BATCH_ROOM = 1500;
const HOLD_MARGIN_MS = 5000;
/** A replica that is alone keeps its agents through an outage of Postgres of this length. */
const HOLD_ALONE_MS = 5 * 60 * 1000;
/** Other replicas have this long to name their agents. */
const ANSWER_WITHIN_MS = 500;

/**
 * The composition root of a control plane: database, doors, owner, in this order; `stop` goes the other way. Resolves
 * when the doors are open: until the cluster is joined requests are refused.
 * Errors: invalid_argument for the configuration; failed_precondition for ports, folders and the schema; unavailable when
 * Postgres does not answer.
 */
export async function startControlPlane(env: NodeJS.ProcessEnv, options: { log: Log }): Promise<ControlPlane> {
  const config = loadConfig(env);
  const { log } = options;
  const stops: (() => Promise<void>)[] = [];
  const stop = async (): Promise<void> => {
    for (const step of stops.splice(0).reverse())
      await step().catch((error: unknown) => log.error({ event: "stop.failed", error: messageOf(error) }, "a part did not stop cleanly"));
  };
  const run = async <S extends Service>(service: S): Promise<S> => {
    stops.push(() => service.stop("shutdown"));
    await service.start();
    return service;
  };
  try {
    const stateDir = resolveStateDir(PROJECT_ROOT, env);
    const databaseUrl = await openDatabase(config, stateDir, log, stops);
    const pools = createPools(databaseUrl, log);
    stops.push(() => pools.close());
    const maker = await run(new PartitionMaker(pools.api, realClock, log));
    const metrics = createMetrics();
    const blobs = await openBlobs(blobSettings(config, stateDir));
    const workspaces = createWorkspaces(pools.api);
    const scripts = createScriptCache(pools.api, () => realClock.monotonicMs());
    const things = await openThings(pools, log, config.MILLRACE_MASTER_KEY, stateDir);
    const changes = new ChangeWatch(pools, realClock, log);
    const doors = await openDoors({ config, pools, changes, log, metrics, workspaces, scripts, blobs, things, databaseUrl, run, stops });
    const where = { url: doors.httpUrl, grpc: doors.grpcAddress, workspace: config.MILLRACE_WORKSPACE };
    const credentials = await ensureFirstTokens(pools.api, workspaces, join(stateDir, "credentials.json"), where);
    await run(doors.ownership);
    await run(openHousekeeping({ config, pools, log, metrics, blobs, databaseUrl }, maker));
    // In this order at the end: ticks stop, shards go to other replicas, then agents do.
    stops.push(() => doors.sessions.drain());
    stops.push(() => doors.ownership.leave());
    await run(doors.schedules);
    log.info({ event: "control-plane.ready", http: doors.httpUrl, grpc: doors.grpcAddress, version: VERSION }, "control plane ready");
    const { httpUrl, grpcAddress } = doors;
    return { httpUrl, grpcAddress, databaseUrl, credentials, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

interface DoorParts {
  readonly config: Config;
  readonly pools: Pools;
  readonly changes: ChangeWatch;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly workspaces: Workspaces;
  readonly scripts: ScriptCache;
  readonly blobs: BlobStore;
  readonly things: Things;
  readonly databaseUrl: string;
  readonly run: <S extends Service>(service: S) => Promise<S>;
  readonly stops: (() => Promise<void>)[];
}

/** Opens the ports before the lease is taken: a second start on the same ports must not fence the first. */
async function openDoors(
  parts: DoorParts,
): Promise<{ httpUrl: string; grpcAddress: string; ownership: Ownership; sessions: SessionServer; schedules: Service }> {
  const { config, pools, changes, log, metrics, workspaces, scripts, run, stops } = parts;
  const secret = await readClusterSecret(pools.api);
  const jobTokens = { secret, workspaceOf: (claims: JobTokenClaims) => workspaceOfRunning(pools.api, claims) };
  const authenticator = createAuthenticator(pools.api, realClock, jobTokens, config.MILLRACE_SESSION_IDLE_MS);
  const directory = new OwnerDirectory();
  const network: PeerNetwork = new PeerNetwork({
    directory,
    dial: peerDialler(() => door.tls?.dialCredentials()),
    home: (replicaId) => home.homeFor(replicaId),
    secret: () => Promise.resolve(secret),
    clock: realClock,
    log,
    agentsOf: (workspace) => agentsOf(door.sessions, home, workspace),
    onNews: (cancels) => ownership.look(cancels),
    onEvent: (id, change) => {
      if (change.kind === "durable") live.heard(id, change);
      else changed(id, change.kind);
    },
  });
  const events = new JobEvents(network.interest);
  const live = new LiveLogs(network.interest, (id, upTo) => network.happened(id, { kind: "durable", ...upTo }));
  const changed = (id: JobId, change: Change): void => {
    events.emit(id, change);
    live.changed(id);
  };
  const ingest = new LogIngest({
    pool: pools.logs,
    live,
    log,
    running: (source, id, token) => {
      const running = ownership.local?.owner.reports.attemptOf(source.agent, id, token);
      if (running === undefined) return home.attemptOf(source.session, token);
      return { workspace: running.job.workspace, attempt: running.job.attempt + 1 };
    },
    onWritten: (chunks, bytes, tookMs) => metrics.logsWritten(chunks, bytes, tookMs),
  });
  stops.push(() => ingest.stop());
  const door: AgentDoor = new AgentDoor({
    address: `${config.MILLRACE_GRPC_HOST}:${config.MILLRACE_GRPC_PORT}`,
    pool: pools.agents,
    changes,
    console: pools.console,
    authenticator,
    tlsFiles: grpcTlsFiles(config),
    credentialMs: config.MILLRACE_CREDENTIAL_MS,
    secret: () => Promise.resolve(secret),
    ingest,
    clock: realClock,
    log,
    policy: {
      keepaliveMs: config.MILLRACE_KEEPALIVE_MS,
      selfFenceMs: config.MILLRACE_SELF_FENCE_MS,
      logFlushMs: LOG_FLUSH_MS,
      logWindowBytes: LOG_WINDOW_BYTES,
    },
    suspectMs: config.MILLRACE_SUSPECT_MS,
    doors: { tokenKey: (agent) => jobTokenKey(secret, agent), apiUrl: () => publicUrl(config.MILLRACE_PUBLIC_URL, app.server.address()) },
    home: () => home,
    holdsAgents: () => ownership.holdsAgents,
  });
  const { sessions } = door;
  sessions.addService(PeerLinkService, { link: (stream: Parameters<PeerNetwork["accept"]>[0]) => network.accept(stream) });
  const home = new AgentHome({ directory, streams: sessions, clock: realClock, log, fenceMs: config.MILLRACE_SELF_FENCE_MS });
  // The engine is asked for when the cluster is joined: it is there by then.
  const ownership: Ownership = createOwnership(parts, {
    directory,
    network,
    home,
    changed,
    grpcPort: () => sessions.port,
    engine: (host) => engines.make(host),
    notes: (workspace) => triggers.notes(workspace),
  });
  const turns = new BodyTurns({
    hasRoom: () => (ownership.writer?.queued ?? 0) < BATCH_ROOM,
    ownerBytes: 32 * 1024 * 1024,
    allBytes: 128 * 1024 * 1024,
  });
  const app = await createHttpServer(log, turns, config.MILLRACE_TRUSTED_PROXIES?.split(","));
  const governance = openGovernance({ ...parts, limits: instanceLimits(config), clock: realClock, replicas: () => network.linksUp + 1 });
  const ownUrl = (): string => publicUrl(config.MILLRACE_PUBLIC_URL, app.server.address());
  const comesIn = { ...parts, access: parts.things.access, authenticator, clock: realClock, secret, publicUrl: ownUrl };
  const entrance = governance.guard(app, () => openEntrance(app, comesIn));
  const validator = createArgsValidator();
  const flows = await run(openFlows(app, pools.console));
  const engines = flowEngines({
    pools,
    flows,
    scripts,
    workspaces,
    resultMaxBytes: config.MILLRACE_RESULT_MAX_BYTES,
    metrics: metrics.flows,
    values: parts.things.values,
  });
  const jobs = new JobService({
    pool: pools.api,
    db: createQueryBuilder(pools.api),
    scripts,
    events,
    clock: realClock,
    newJobId: createJobIdGenerator(() => realClock.wallMs()),
    checkArgs: (version, args, prefix) => validator.validate(version.hash, version.schema, args, prefix),
    wantedFlow: flows.wanted,
    earlyAnswer: engines.reader.early,
    admit: governance.admit,
    onAccepted: (count) => metrics.accepted(count),
    owners: directory,
  });
  const locks = new ScriptLocks({
    pool: pools.api,
    scripts,
    jobs: createDependencyJobs({ pool: pools.api, owners: directory, clock: realClock, newJobId: createJobIdGenerator(() => realClock.wallMs()), events }),
    log,
    changes,
  });
  addScriptRoutes(app, pools.console, scripts, locks);
  addJobRoutes(app, jobs);
  governance.addRoutes(app, jobs);
  addLogRoutes(
    app,
    createLogReader(pools.api, new PackReader(parts.blobs), () => realClock.wallMs()),
    jobs,
    live,
    log,
  );
  const runs = { engines, flows, jobs, workspaces, changes: events, log, secret, publicUrl: ownUrl, resultMaxBytes: config.MILLRACE_RESULT_MAX_BYTES };
  const approvals = addFlowRuns(app, { ...runs, pool: pools.api, answered: () => ownership.local?.owner.lookForAnswers() });
  const ofCalls = { pool: pools.api, console: pools.console, secrets: parts.things.secrets, workspaces, jobs, events, changes, reader: engines.reader, log };
  const triggers = await run(openTriggers(app, { ...ofCalls, publicUrl: ownUrl, allow: config.MILLRACE_OUTBOUND_ALLOW }));
  addWorkflowRoutes(app, new Workflows({ pool: pools.api, jobs, clock: realClock }), new JobEnds(pools.api, events));
  const onProgress = (id: JobId): void => {
    changed(id, "running");
    network.happened(id, { kind: "running" });
  };
  parts.things.addRoutes(app, onProgress);
  addWorkspaceRoutes(app, pools.console);
  entrance.addRoutes(app);
  const schedules = openSchedules(app, { ...parts, jobs, events, owners: directory, clock: realClock, metrics: metrics.schedules });
  const written = { ...parts.things.stores, scripts, locks, flows: flows.deployer, schedules: schedules.schedules, triggers: triggers.triggers };
  openWindmill(app, { ...written, pools, jobs, runs: engines.reader, approvals, onProgress });
  addAgentRoutes(app, async (workspace) => agentsOf(sessions, home, workspace).concat(await network.agentsElsewhere(workspace, ANSWER_WITHIN_MS)));
  door.addRoutes(app);
  addOperationsRoutes(app, metrics, () => readiness(config.replicaName, pools, ownership, directory, network));
  observe(metrics, ownership, sessions, { directory, network, home, changes });

  const httpUrl = await listen(app, { host: config.MILLRACE_HTTP_HOST, port: config.MILLRACE_HTTP_PORT, log });
  stops.push(() => app.close());
  await run(governance);
  await run(network);
  await run(door);
  await run(locks);
  await run(parts.things.rotation);
  await run(changes);
  home.start();
  stops.push(async () => home.stop());
  return { httpUrl, grpcAddress: `${config.MILLRACE_GRPC_HOST}:${sessions.port}`, ownership, sessions, schedules };
}

interface Cluster {
  readonly directory: OwnerDirectory;
  readonly network: PeerNetwork;
  readonly home: AgentHome;
  readonly changed: (id: JobId, change: Change) => void;
  /** Known when the port is open. */
  readonly grpcPort: () => number;
  readonly engine: OwnerDeps["flows"] & object;
  readonly notes: OpenTriggers["notes"];
}

function createOwnership(parts: DoorParts, cluster: Cluster): Ownership {
  const { config, pools, log, metrics, workspaces, scripts, databaseUrl } = parts;
  const { directory, network, home, changed, grpcPort, engine, notes } = cluster;
  return new Ownership({
    tables: createClusterTables(pools.owner, pools.lease),
    writer: (lease, hooks) =>
      new FlushWriter({ url: databaseUrl, ...lease, ...hooks, notes, eager: true, connections: config.MILLRACE_HOT_CONNECTIONS, log, metrics }),
    replica: () => ({ name: config.replicaName, address: peerAddress(config, grpcPort()), version: VERSION }),
    hotLimit: config.MILLRACE_HOT_JOBS,
    times: {
      // Another replica gives attempts away a lease and a reclaim time after our last renewal; agents need the self-fence time to end them.
      holdMs: LEASE_TTL_S * 1000 + config.MILLRACE_RECLAIM_MS - config.MILLRACE_SELF_FENCE_MS - HOLD_MARGIN_MS,
      holdAloneMs: HOLD_ALONE_MS,
      fencedWithinMs: config.MILLRACE_SELF_FENCE_MS + HOLD_MARGIN_MS,
    },
    metrics: metrics.cluster,
    directory,
    peers: network,
    home: (replicaId) => home.homeFor(replicaId),
    deps: {
      flows: engine,
      changes: parts.changes,
      source: bundleSource(workspaces, scripts, parts.things.resolve),
      clock: realClock,
      random: Math.random,
      log,
      metrics: metrics.owner,
      limits: {
        timeoutMs: config.MILLRACE_JOB_TIMEOUT_MS,
        cancelGraceMs: config.MILLRACE_CANCEL_GRACE_MS,
        resultMaxBytes: config.MILLRACE_RESULT_MAX_BYTES,
        logMaxBytes: config.MILLRACE_LOG_MAX_BYTES,
      },
      times: { reclaimMs: config.MILLRACE_RECLAIM_MS, homeFenceMs: config.MILLRACE_SELF_FENCE_MS, resendMs: RESEND_MS, marginMs: OWNER_MARGIN_MS },
      onChange: (_workspace, id, change) => {
        changed(id, change);
        network.happened(id, { kind: change });
      },
    },
  });
}
