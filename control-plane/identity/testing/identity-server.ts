import type { FastifyInstance } from "fastify";
import { pino } from "pino";
import { z } from "zod";
import { realClock } from "../../../kernel/clock.ts";
import { createPools, type Pool } from "../../db/pools.ts";
import { createTestDatabase } from "../../db/test-database.ts";
import { openEntrance } from "../../entrance.ts";
import { BodyTurns } from "../../http/body-turns.ts";
import { createHttpServer } from "../../http/server.ts";
import { IDENTITY_SETTINGS } from "../../identity-settings.ts";
import { createWorkspaces } from "../../workspaces/workspace-store.ts";
import { createAuthenticator } from "../authenticate.ts";
import { generateToken } from "../token-format.ts";
import { insertToken } from "../token-store.ts";

/** The identity part of a control plane, over real HTTP and on a database of its own. */
export interface IdentityServer {
  readonly app: FastifyInstance;
  readonly pool: Pool;
  readonly url: string;
  /** Of the kind admin. */
  readonly adminToken: string;
  close(): Promise<void>;
}

export interface ServerSettings {
  /** Environment of the control plane. */
  readonly env?: Record<string, string>;
  /** Default: where the server really is. */
  readonly publicUrl?: string;
}

/** With a workspace `main`. */
export async function startIdentityServer(settings: ServerSettings = {}): Promise<IdentityServer> {
  const database = await createTestDatabase();
  const log = pino({ level: "silent" });
  const pools = createPools(database.url, log);
  const pool = pools.api;
  const secret = Buffer.alloc(32, 7);
  const config = z.object(IDENTITY_SETTINGS).parse(settings.env ?? {});
  const workspaces = createWorkspaces(pool);
  await workspaces.ensure("main");
  const authenticator = createAuthenticator(pool, realClock, { secret, workspaceOf: async () => undefined }, config.MILLRACE_SESSION_IDLE_MS);
  const app = await createHttpServer(log, new BodyTurns({ hasRoom: () => true, ownerBytes: 1e6, allBytes: 1e6 }), config.MILLRACE_TRUSTED_PROXIES?.split(","));
  const where = { url: "" };
  const publicUrl = (): string => settings.publicUrl ?? where.url;
  openEntrance(app, { pools, authenticator, clock: realClock, log, workspaces, secret, config, publicUrl }).addRoutes(app);
  where.url = await app.listen({ host: "127.0.0.1", port: 0 });
  const token = generateToken("admin");
  await insertToken(pool, token, undefined, "test-admin");
  return {
    app,
    pool,
    url: where.url,
    adminToken: token.text,
    async close() {
      await app.close();
      await pools.close();
      await database.drop();
    },
  };
}

/** Members of all answers that tests look into: those of one answer that it does not have are undefined. */
export interface AnswerBody {
  readonly id: string;
  readonly token: string;
  readonly name: string;
  readonly status: string | number;
  readonly detail: string;
  readonly label: string;
  readonly url: string;
  readonly holder: string | null;
  readonly expires_at: string;
  readonly disabled_at: string | null;
  readonly scopes: readonly string[];
  readonly account: { readonly id: string };
  readonly workspaces: readonly { readonly name: string }[];
  readonly accounts: readonly { readonly email: string }[];
  readonly sessions: readonly { readonly id: string }[];
  readonly tokens: readonly { readonly id: string; readonly label: string; readonly status: string; readonly last_used_at: string | null }[];
  readonly invitations: readonly { readonly status: string }[];
  readonly service_accounts: readonly object[];
  readonly next_cursor: string | undefined;
}

export interface Answer {
  readonly status: number;
  readonly body: AnswerBody;
  readonly text: string;
  readonly headers: Headers;
}

/** Keeps cookies and says what browsers say; another header set to undefined is left out. */
export class Browser {
  readonly #url: string;
  readonly cookies = new Map<string, string>();

  constructor(url: string) {
    this.#url = url;
  }

  async ask(method: string, path: string, body?: unknown, headers: Record<string, string | undefined> = {}): Promise<Answer> {
    const said: Record<string, string | undefined> = {
      "sec-fetch-site": "same-origin",
      "x-millrace-csrf": "1",
      cookie: [...this.cookies].map(([name, value]) => `${name}=${value}`).join("; ") || undefined,
      "content-type": body === undefined ? undefined : "application/json",
      ...headers,
    };
    const kept = Object.entries(said).flatMap(([name, value]): [string, string][] => (value === undefined ? [] : [[name, value]]));
    const response = await fetch(path.startsWith("http") ? path : `${this.#url}${path}`, {
      method,
      headers: kept,
      redirect: "manual",
      ...(body !== undefined && { body: typeof body === "string" ? body : JSON.stringify(body) }),
    });
    for (const line of response.headers.getSetCookie()) {
      const [pair = ""] = line.split(";");
      const at = pair.indexOf("=");
      if (/max-age=0/i.test(line)) this.cookies.delete(pair.slice(0, at));
      else this.cookies.set(pair.slice(0, at), pair.slice(at + 1));
    }
    const text = await response.text();
    const isJson = /json/.test(response.headers.get("content-type") ?? "");
    return { status: response.status, body: JSON.parse(isJson && text !== "" ? text : "{}"), text, headers: response.headers };
  }
}

/** What the audit log has of these targets: chain by chain, that of the instance last. */
export async function auditOf(server: Pick<IdentityServer, "pool">, ...targets: readonly string[]): Promise<string[]> {
  const { rows } = await server.pool.query<{ actor: string; action: string; target: string; outcome: string }>(
    "SELECT actor, action, target, outcome FROM audit_event WHERE target LIKE ANY ($1::text[]) ORDER BY workspace_id = 0, workspace_id, seq",
    [targets],
  );
  return rows.map(
    ({ actor, action, target, outcome }) => `${actor}: ${action} ${target.replace(/ [0-9A-Za-z]{12}$/, " …")}${outcome === "done" ? "" : `, ${outcome}`}`,
  );
}

/** The whole of it, as text: what must not be in it is looked for here. */
export async function wholeAudit(server: Pick<IdentityServer, "pool">): Promise<string> {
  const { rows } = await server.pool.query<{ all: string }>("SELECT coalesce(string_agg(e::text, E'\\n'), '') AS all FROM audit_event e");
  return rows[0]?.all ?? "";
}

/** A request by a program with a token. */
export async function askWith(server: Pick<IdentityServer, "url">, token: string | undefined, method: string, path: string, body?: unknown): Promise<Answer> {
  const programs = { "sec-fetch-site": undefined, "x-millrace-csrf": undefined };
  return new Browser(server.url).ask(method, path, body, { ...programs, authorization: token === undefined ? undefined : `Bearer ${token}` });
}
