import { readFileSync } from "node:fs";
import { type ChannelCredentials, credentials, Metadata, type ServiceError, status } from "@grpc/grpc-js";
import { MAX_MESSAGE_BYTES } from "../../kernel/protocol.ts";
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
}

export interface StreamHandlers {
  onFrame(frame: ServerFrame): void;
  /** The stream is over, whoever ended it; called once, and not after `destroy`. */
  onClosed(reason: string, refusal: Refusal | undefined): void;
}

export interface SessionStream {
  readonly call: SessionCall;
  /** Ends the stream politely; `onClosed` follows when the server agrees. */
  end(): void;
  /** Tears the stream down at once; no handler is called any more. */
  destroy(): void;
}

/** Codes that mean "not you, not like this": trying again at once is of no use. */
const REFUSALS: ReadonlySet<number> = new Set([status.UNAUTHENTICATED, status.PERMISSION_DENIED, status.FAILED_PRECONDITION]);
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

/** Dials and opens the one stream. Never throws for a server that cannot be reached: that is `onClosed`. */
export function openStream(endpoint: Endpoint, handlers: StreamHandlers): SessionStream {
  const client = new AgentSessionClient(endpoint.address, credentialsOf(endpoint), CHANNEL_OPTIONS);
  const metadata = new Metadata();
  metadata.set("authorization", `Bearer ${endpoint.token}`);
  const call = client.session(metadata);
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
    close(error.message, REFUSALS.has(error.code) ? { code: error.code, message: error.details } : undefined);
  });
  call.on("status", (final) => {
    if (final.code === status.OK) close("the server ended the stream");
  });
  return {
    call,
    end: () => call.end(),
    destroy: () => {
      over = true;
      call.cancel();
      client.close();
    },
  };
}

function credentialsOf(endpoint: Endpoint): ChannelCredentials {
  if (!endpoint.tls) return credentials.createInsecure();
  return credentials.createSsl(endpoint.caFile === "" ? null : readFileSync(endpoint.caFile));
}
