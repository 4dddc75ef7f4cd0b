import { readFileSync } from "node:fs";
import { type ChannelCredentials, credentials, Metadata, type ServiceError, status } from "@grpc/grpc-js";
import { AGENT_METADATA, FINAL_METADATA, FINAL_REASONS, NONCE_METADATA } from "../../kernel/agent-proof.ts";
import { AppError, type ErrorCode, messageOf } from "../../kernel/app-error.ts";
import { GRPC_STATUS } from "../../kernel/error-maps.ts";
import { MAX_MESSAGE_BYTES } from "../../kernel/protocol.ts";
import { AgentEnrolmentClient, type EnrolRequest, type EnrolResponse, type KeyProof } from "../../proto/gen/millrace/agent/v1/enrolment.ts";
import { AgentSessionClient, type ServerFrame } from "../../proto/gen/millrace/agent/v1/session.ts";
import type { SessionCall } from "./outbox.ts";
import type { Refusal } from "./session-state.ts";

/** Where and as whom to connect. */
export interface Endpoint {
  /** host:port */
  readonly address: string;
  readonly token: string;
  readonly tls: boolean;
  /** PEM file with the roots to trust; empty for those of the system. */
  readonly caFile: string;
  /** PEM files that we show, for mutual TLS; empty for none. */
  readonly certFile?: string;
  readonly keyFile?: string;
  /** Of an agent with a key: instead of the token. */
  readonly identity?: StreamIdentity;
}

/** Who opens a stream by a key of its own. */
export interface StreamIdentity {
  readonly agentId: string;
  readonly credential: string;
  prove(nonce: string): KeyProof;
}

export interface StreamHandlers {
  onFrame(frame: ServerFrame): void;
  /** The stream is over, whoever ended it; called once, and not after `destroy`. */
  onClosed(reason: string, refusal: Refusal | undefined): void;
}

export interface SessionStream {
  readonly call: SessionCall;
  /** Resolves when the server has asked for it: Hello must carry it. Undefined when none is needed. */
  readonly proof?: Promise<KeyProof>;
  /** Ends the stream politely; `onClosed` follows when the server agrees. */
  end(): void;
  /** Tears the stream down at once; no handler is called any more. */
  destroy(): void;
}

/** Codes that mean "not you, not like this": trying again at once is of no use. */
const REFUSALS: ReadonlySet<number> = new Set([status.UNAUTHENTICATED, status.PERMISSION_DENIED, status.FAILED_PRECONDITION]);
const ENROL_WITHIN_MS = 10_000;
/** The server sends bundles with code and args: room for many of them while the event loop is busy. */
const RECEIVE_WINDOW_BYTES = 4 * 1024 * 1024;

const CHANNEL_OPTIONS = {
  // Retry buffers of a long stream grow without end; reconnecting is our own business.
  "grpc.enable_retries": 0,
  "grpc.keepalive_time_ms": 20_000,
  "grpc.keepalive_timeout_ms": 10_000,
  "grpc.keepalive_permit_without_calls": 1,
  "grpc.max_receive_message_length": MAX_MESSAGE_BYTES,
  "grpc.max_send_message_length": MAX_MESSAGE_BYTES,
  "grpc-node.flow_control_window": RECEIVE_WINDOW_BYTES,
  // A pool shared over attempts would bring its own backoff, on top of ours.
  "grpc.use_local_subchannel_pool": 1,
  "grpc.service_config_disable_resolution": 1,
};

/**
 * Dials and opens the one stream. Never throws for a server that cannot be reached: that is `onClosed`.
 * Errors: failed_precondition for certificates that cannot be read.
 */
export function openStream(endpoint: Endpoint, handlers: StreamHandlers): SessionStream {
  const { identity } = endpoint;
  const client = new AgentSessionClient(endpoint.address, credentialsOf(endpoint), CHANNEL_OPTIONS);
  const metadata = new Metadata();
  metadata.set("authorization", `Bearer ${identity?.credential ?? endpoint.token}`);
  if (identity !== undefined) metadata.set(AGENT_METADATA, identity.agentId);
  const call = client.session(metadata);
  const proof = Promise.withResolvers<KeyProof>();
  call.on("metadata", (answer: Metadata) => {
    const [nonce] = answer.get(NONCE_METADATA);
    if (identity !== undefined && typeof nonce === "string") proof.resolve(identity.prove(nonce));
  });
  let over = false;
  const close = (reason: string, refusal?: Refusal): void => {
    if (over) return;
    over = true;
    client.close();
    handlers.onClosed(reason, refusal);
  };
  call.on("data", (frame: ServerFrame) => {
    if (!over) handlers.onFrame(frame);
  });
  call.on("error", (error: ServiceError) => {
    close(error.message, REFUSALS.has(error.code) ? refusalOf(error) : undefined);
  });
  call.on("status", (final) => {
    if (final.code === status.OK) close("the server ended the stream");
  });
  return {
    call,
    ...(identity !== undefined && { proof: proof.promise }),
    end: () => call.end(),
    destroy: () => {
      over = true;
      call.cancel();
      client.close();
    },
  };
}

/**
 * Asks to join, once. Errors: those of the control plane; unavailable when it does not answer; failed_precondition for one that knows no
 * join tokens, and for certificates that cannot be read.
 */
export async function enrolAt(endpoint: Endpoint, request: EnrolRequest): Promise<EnrolResponse> {
  const client = new AgentEnrolmentClient(endpoint.address, credentialsOf(endpoint), CHANNEL_OPTIONS);
  try {
    return await new Promise((resolve, reject) => {
      client.enrol(request, new Metadata(), { deadline: Date.now() + ENROL_WITHIN_MS }, (error, response) => {
        if (error === null) resolve(response);
        else if (error.code === status.UNIMPLEMENTED) reject(new AppError("failed_precondition", "this control plane knows no join tokens: upgrade it first"));
        else reject(new AppError(codeOf(error.code), error.details));
      });
    });
  } finally {
    client.close();
  }
}

/** Only a few statuses say that trying again is of no use. */
function codeOf(grpcStatus: number): ErrorCode {
  const codes: readonly ErrorCode[] = ["unauthenticated", "permission_denied", "invalid_argument", "failed_precondition"];
  return codes.find((code) => GRPC_STATUS[code] === grpcStatus) ?? "unavailable";
}

function refusalOf(error: ServiceError): Refusal {
  const [said] = error.metadata.get(FINAL_METADATA);
  const final = FINAL_REASONS.find((reason) => reason === said);
  return { code: error.code, message: error.details, ...(final !== undefined && { final }) };
}

/** The last that could be used, by the names of the files. */
const lastUsed = new Map<string, ChannelCredentials>();

/**
 * Certificates may be replaced while the agent runs, one file after the other: while one is missing, or does not fit the others, all are what they were.
 * Errors: failed_precondition when they never could be used.
 */
function credentialsOf({ tls, caFile, certFile = "", keyFile = "" }: Endpoint): ChannelCredentials {
  if (!tls) return credentials.createInsecure();
  const names = JSON.stringify([caFile, certFile, keyFile]);
  try {
    const roots = caFile === "" ? null : readPem(caFile);
    const read = certFile === "" || keyFile === "" ? credentials.createSsl(roots) : credentials.createSsl(roots, readPem(keyFile), readPem(certFile));
    lastUsed.set(names, read);
    return read;
  } catch (error) {
    const before = lastUsed.get(names);
    if (before !== undefined) return before;
    throw error instanceof AppError ? error : new AppError("failed_precondition", `the certificates cannot be used: ${messageOf(error)}`);
  }
}

function readPem(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new AppError("failed_precondition", `the certificate file ${path} cannot be read: ${messageOf(error)}`);
  }
}
