import type { FastifyInstance } from "fastify";
import type { Service } from "../../kernel/service.ts";
import type { Changes } from "../db/change-watch.ts";
import type { Pool } from "../db/pools.ts";
import { addConductRoutes } from "./conduct-routes.ts";
import { Enrolment } from "./enrolment.ts";
import { GrpcTls, type GrpcTlsFiles } from "./grpc-tls.ts";
import { addJoinTokenRoutes } from "./join-token-routes.ts";
import { watchOrders } from "./order-watch.ts";
import { SessionServer, type SessionServerOptions } from "./session-server.ts";

export interface AgentDoorOptions extends Omit<SessionServerOptions, "enrolment" | "tls"> {
  /** Undefined: no TLS. */
  readonly tlsFiles: GrpcTlsFiles | undefined;
  readonly credentialMs: number;
  /** Tells of orders that were given at other replicas. */
  readonly changes: Changes;
  /** For routes about tokens. */
  readonly console: Pool;
  /** The cluster's secret. */
  readonly secret: () => Promise<Buffer>;
}

/** The listener for agents with all that decides who comes in, and what is ordered of those who are. */
export class AgentDoor implements Service {
  readonly sessions: SessionServer;
  readonly tls: GrpcTls | undefined;
  readonly #pool: Pool;
  readonly #console: Pool;

  /** Errors: invalid_argument for certificates that cannot be used. */
  constructor({ tlsFiles, credentialMs, changes, console, secret, ...options }: AgentDoorOptions) {
    const { pool, clock, log } = options;
    this.#pool = pool;
    this.#console = console;
    this.tls = tlsFiles === undefined ? undefined : new GrpcTls(tlsFiles, log);
    const enrolment = new Enrolment({ pool, secret, clock, log, credentialMs });
    this.sessions = new SessionServer({ ...options, enrolment, tls: this.tls });
    changes.watch(watchOrders(pool, (orders) => this.sessions.obey(orders)));
  }

  addRoutes(app: FastifyInstance): void {
    addConductRoutes(app, this.#pool, (orders) => this.sessions.obey(orders));
    addJoinTokenRoutes(app, this.#console);
  }

  async start(): Promise<void> {
    await this.sessions.start();
    this.tls?.watch();
  }

  async stop(): Promise<void> {
    this.tls?.close();
    await this.sessions.stop();
  }
}
