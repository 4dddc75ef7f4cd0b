import { randomBytes } from "node:crypto";
import { BlockList, isIPv4 } from "node:net";
import { Metadata, type ServerUnaryCall, type StatusObject, type sendUnaryData } from "@grpc/grpc-js";
import { AGENT_METADATA, agentIdOf, enrolStatement, isSignedBy, NONCE_METADATA, sessionStatement } from "../../kernel/agent-proof.ts";
import { AppError, messageOf } from "../../kernel/app-error.ts";
import type { Clock } from "../../kernel/clock.ts";
import type { AgentKey } from "../../kernel/ids.ts";
import { storable } from "../../kernel/storable-text.ts";
import type { AgentEnrolmentServer, Credential, EnrolRequest, EnrolResponse } from "../../proto/gen/millrace/agent/v1/enrolment.ts";
import type { Hello } from "../../proto/gen/millrace/agent/v1/session.ts";
import type { Pool } from "../db/pools.ts";
import { parseBearer, sameHash } from "../identity/token-format.ts";
import type { Log } from "../telemetry/log.ts";
import { credentialKey, readCredential, writeCredential } from "./credential.ts";
import { type EnrolledRegistration, joinAgent, registerEnrolled, renewCredentials } from "./enrolment-store.ts";
import { FinalRefusal, revokedRefusal, statusOf } from "./final-refusal.ts";
import { findJoinToken, type JoinToken } from "./join-token-store.ts";
import type { AgentStream } from "./outbox.ts";

export interface EnrolmentOptions {
  readonly pool: Pool;
  /** The cluster's: credentials of one replica are good at all. */
  readonly secret: () => Promise<Buffer>;
  readonly clock: Clock;
  readonly log: Log;
  /** How long a credential is good for. */
  readonly credentialMs: number;
}

type Registered = Extract<EnrolledRegistration, { kind: "registered" }>;

/** What a stream has to answer before it is let in. */
export interface Challenge {
  readonly agentId: string;
  readonly nonce: string;
}

/** Who joins, and streams without a good credential, that may be looked up in the database at a time: strangers cannot hold up those who have one. */
const MAX_STRANGERS = 32;
const NONCE_BYTES = 24;
const MAX_TAGS = 100;

/** Agents with a key of their own: how they join, how they show at each stream who they are, and the credentials they get. */
export class Enrolment {
  readonly #options: EnrolmentOptions;
  #key: Promise<Buffer> | undefined;
  #strangers = 0;

  constructor(options: EnrolmentOptions) {
    this.#options = options;
  }

  /** The unary service. */
  get handlers(): AgentEnrolmentServer {
    return {
      enrol: (call: ServerUnaryCall<EnrolRequest, EnrolResponse>, answer: sendUnaryData<EnrolResponse>) => {
        this.#inTurn(false, () => this.enrol(call.request, call.getPeer())).then(
          (response) => answer(null, response),
          (error: unknown) => {
            const refusal = AppError.from(error);
            const { code, cause } = refusal;
            this.#options.log.warn(
              { event: "agent.not_enrolled", code, peer: call.getPeer(), error: messageOf(cause ?? refusal) },
              `not enrolled: ${refusal.message}`,
            );
            answer(statusOf(refusal) as StatusObject);
          },
        );
      },
    };
  }

  /**
   * A host joins with a token and a key. The same key by the same token again gets the same answer.
   * Errors: unauthenticated for a token that is wrong in any way; permission_denied for what it does not allow, and for a key that was revoked.
   */
  async enrol(request: EnrolRequest, peer: string): Promise<EnrolResponse> {
    const { pool, log, credentialMs } = this.#options;
    const token = await this.#joinToken(request.joinToken);
    const { publicKey } = request;
    if (!isSignedBy(publicKey, enrolStatement(request.joinToken), request.signature))
      throw new AppError("invalid_argument", "the key is not proven by a signature");
    if (!isAllowedPeer(token.cidrs, peer)) throw new AppError("permission_denied", `the join token does not allow agents from ${hostOf(peer)}`);
    if (request.agentName.length === 0 || request.agentName.length > 128) throw new AppError("invalid_argument", "agent_name must have 1 to 128 characters");
    checkTags(token.tags, request.tags);
    const agentId = agentIdOf(publicKey);
    const { id: tokenId, workspace, workspaceName } = token;
    const name = storable(request.agentName);
    const outcome = await joinAgent(pool, { tokenId, workspace, agentId, publicKey, name, allowedTags: token.tags, ttlMs: credentialMs });
    if (outcome === "spent") throw new AppError("permission_denied", "the join token has been used as often as it may be");
    if (outcome === "elsewhere")
      throw new AppError("permission_denied", "this key belongs to an agent of another workspace: give the agent an empty data folder");
    if (outcome === "revoked") throw new AppError("permission_denied", "this key was revoked: give the agent an empty data folder to make it a new one");
    log.info({ event: "agent.enrolled", agentId, agent: name, workspace: workspaceName, joinToken: tokenId, peer }, "agent enrolled");
    return { agentId, workspace: workspaceName, credential: await this.#credentialOf(agentId) };
  }

  /** Asks a stream that names an agent to prove its key. Undefined for one that does not: it has a long-lived token. */
  challenge(stream: AgentStream): Challenge | undefined {
    const agentId = stream.metadata.get(AGENT_METADATA)[0];
    if (typeof agentId !== "string") return undefined;
    const nonce = randomBytes(NONCE_BYTES).toString("base64url");
    const metadata = new Metadata();
    metadata.set(NONCE_METADATA, nonce);
    stream.sendMetadata(metadata);
    return { agentId, nonce };
  }

  /**
   * Lets the agent in, or not. A good credential and the key; or, when it has lapsed or was lost, the key alone, for a day.
   * Errors: unauthenticated, FinalRefusal, permission_denied for tags, unavailable.
   */
  async admit({ agentId, nonce }: Challenge, header: string | undefined, hello: Hello): Promise<Registered> {
    const proof = hello.proof;
    const order = { start: hello.start ?? 0, dial: hello.dial ?? 0 };
    const isOwn = proof !== undefined && hello.agentId === agentId && agentIdOf(proof.publicKey) === agentId;
    if (!isOwn || !isSignedBy(proof.publicKey, sessionStatement(agentId, nonce), proof.signature))
      throw new AppError("unauthenticated", "the agent has not proven its key");
    if (order.start === 0) throw new AppError("invalid_argument", "an enrolled agent counts its starts");
    const session = { agentId, name: storable(hello.agentName), publicKey: proof.publicKey, order };
    const found = await this.#inTurn(await this.#isGood(header, agentId), () => registerEnrolled(this.#options.pool, session));
    switch (found.kind) {
      case "registered":
        checkTags(found.allowedTags, hello.tags);
        return found;
      case "revoked":
        throw revokedRefusal();
      case "lapsed":
        throw new FinalRefusal("lapsed", "this agent was away for more than a day after its credential had ended: it must join again");
      case "unknown":
        throw new AppError("unauthenticated", "no agent has this key: it must join with a join token");
      case "overtaken":
        throw new AppError("unavailable", "a newer connection of this agent came first");
    }
  }

  /** When an agent should get its next credential: at half the life of the one it has, or at once. */
  renewInMs(leftMs: number): number {
    return Math.max(0, leftMs - this.#options.credentialMs / 2);
  }

  /** New credentials. @returns for whom; a revoked agent gets none */
  async renew(agents: ReadonlyMap<AgentKey, string>): Promise<Map<AgentKey, Credential>> {
    const allowed = await renewCredentials(this.#options.pool, [...agents.keys()], this.#options.credentialMs);
    const credentials = new Map<AgentKey, Credential>();
    for (const key of allowed) credentials.set(key, await this.#credentialOf(agents.get(key) ?? ""));
    return credentials;
  }

  async #joinToken(text: string): Promise<JoinToken> {
    const parsed = parseBearer(text);
    const token = parsed?.kind === "join" ? await findJoinToken(this.#options.pool, parsed.id) : undefined;
    const isGood =
      parsed !== undefined && token !== undefined && sameHash(token.secretHash, parsed.secretHash) && token.revokedAt === undefined && !token.expired;
    if (!isGood) throw new AppError("unauthenticated", "the join token is unknown, expired or revoked");
    return token;
  }

  async #isGood(header: string | undefined, agentId: string): Promise<boolean> {
    if (header?.startsWith("Bearer ") !== true) return false;
    const claims = readCredential(await this.#mac(), header.slice(7).trim());
    return claims?.agentId === agentId && claims.untilMs > this.#options.clock.wallMs();
  }

  async #inTurn<T>(isGood: boolean, work: () => Promise<T>): Promise<T> {
    if (isGood) return work();
    if (this.#strangers >= MAX_STRANGERS) throw new AppError("unavailable", "too many agents join, or renew lapsed credentials, at the moment");
    this.#strangers += 1;
    try {
      return await work();
    } finally {
      this.#strangers -= 1;
    }
  }

  async #credentialOf(agentId: string): Promise<Credential> {
    const { clock, credentialMs } = this.#options;
    const untilMs = Math.round(clock.wallMs() + credentialMs);
    return { text: writeCredential(await this.#mac(), { agentId, untilMs }), validMs: credentialMs };
  }

  /** Never changes while the cluster lives: read once. */
  #mac(): Promise<Buffer> {
    this.#key ??= this.#options.secret().then(credentialKey, (error: unknown) => {
      this.#key = undefined;
      throw error;
    });
    return this.#key;
  }
}

function checkTags(allowed: readonly string[], wanted: readonly string[]): void {
  if (allowed.length === 0) return;
  const excess = wanted.slice(0, MAX_TAGS).filter((tag) => !allowed.includes(tag));
  if (excess.length > 0 || wanted.length > MAX_TAGS) {
    throw new AppError(
      "permission_denied",
      `its join token allows the tags ${allowed.join(", ")} only, not ${excess.map((tag) => JSON.stringify(tag.slice(0, 64))).join(", ")}`,
    );
  }
}

/** "1.2.3.4:5", "[::1]:5" and "::1:5" without the port; an IPv4 address that comes as IPv6 as what it is. */
function hostOf(peer: string): string {
  return peer
    .slice(0, peer.lastIndexOf(":"))
    .replace(/^(ipv[46]:)?\[?/, "")
    .replace(/\]$/, "")
    .replace(/^::ffff:(?=\d+\.)/, "");
}

function isAllowedPeer(cidrs: readonly string[], peer: string): boolean {
  if (cidrs.length === 0) return true;
  const host = hostOf(peer);
  const list = new BlockList();
  for (const cidr of cidrs) {
    const [net = "", bits = ""] = cidr.split("/");
    list.addSubnet(net, Number(bits), isIPv4(net) ? "ipv4" : "ipv6");
  }
  return list.check(host, isIPv4(host) ? "ipv4" : "ipv6");
}
