import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { createSecureContext, type SecureContextOptions } from "node:tls";
import { type ChannelCredentials, credentials, ServerCredentials } from "@grpc/grpc-js";
import { AppError, messageOf } from "../../kernel/app-error.ts";
import type { Log } from "../telemetry/log.ts";

/** PEM files of the listener for agents and replicas. */
export interface GrpcTlsFiles {
  readonly certFile: string;
  readonly keyFile: string;
  /** Who signs the certificates that clients must show; undefined: they need none. */
  readonly clientCaFile: string | undefined;
  /** Who signs the certificates of other replicas; undefined: authorities that Node trusts. */
  readonly caFile: string | undefined;
}

const LOOK_MS = 2000;

/**
 * Certificates that are read again when their files change: connections that exist go on, new ones see the new certificate. Files that
 * cannot be read, or do not belong together (half of them was replaced), change nothing.
 */
export class GrpcTls extends ServerCredentials {
  readonly #files: GrpcTlsFiles;
  readonly #log: Log;
  #context: SecureContextOptions;
  #fingerprint: string;
  #timer: NodeJS.Timeout | undefined;

  /** Errors: invalid_argument for files that cannot be used. */
  constructor(files: GrpcTlsFiles, log: Log) {
    const context = readContext(files);
    super({ requestCert: files.clientCaFile !== undefined, rejectUnauthorized: files.clientCaFile !== undefined, minVersion: "TLSv1.2" }, context);
    this.#files = files;
    this.#log = log;
    this.#context = context;
    this.#fingerprint = fingerprintOf(context);
  }

  _equals(other: ServerCredentials): boolean {
    return this === other;
  }

  /** Looks at the files from now on. */
  watch(): void {
    this.#timer = setInterval(() => this.look(), LOOK_MS);
    this.#timer.unref();
  }

  close(): void {
    clearInterval(this.#timer);
  }

  look(): void {
    try {
      const context = readContext(this.#files);
      const fingerprint = fingerprintOf(context);
      if (fingerprint === this.#fingerprint) return;
      this.#fingerprint = fingerprint;
      this.#context = context;
      this.updateSecureContextOptions(context);
      this.#log.info({ event: "tls.reloaded", file: this.#files.certFile }, "certificates reloaded");
    } catch (error) {
      this.#log.warn({ event: "tls.reload_failed", error: messageOf(error) }, "the certificates cannot be read: the old ones stay");
    }
  }

  /** How this replica dials others: it shows its own certificate, and trusts theirs. Their listeners speak TLS too. */
  dialCredentials(): ChannelCredentials {
    const { cert, key } = this.#context;
    const roots = this.#files.caFile === undefined ? null : readFileSync(this.#files.caFile);
    return credentials.createSsl(roots, key as Buffer, cert as Buffer);
  }
}

function readContext(files: GrpcTlsFiles): SecureContextOptions {
  try {
    const context = {
      cert: readFileSync(files.certFile),
      key: readFileSync(files.keyFile),
      ...(files.clientCaFile !== undefined && { ca: readFileSync(files.clientCaFile) }),
    };
    // Throws when they do not fit together.
    createSecureContext(context);
    return context;
  } catch (error) {
    throw new AppError("invalid_argument", `MILLRACE_GRPC_TLS_*: the certificates cannot be used: ${messageOf(error)}`);
  }
}

function fingerprintOf({ cert, key, ca }: SecureContextOptions): string {
  const hash = createHash("sha256");
  for (const part of [cert, key, ca]) hash.update(part instanceof Buffer ? part : "").update("\n");
  return hash.digest("hex");
}
