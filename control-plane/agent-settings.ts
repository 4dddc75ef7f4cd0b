import { z } from "zod";

/** Settings of the door for agents; part of SETTINGS. */
export const AGENT_DOOR_SETTINGS = {
  MILLRACE_GRPC_TLS_CERT_FILE: z.string().optional().meta({ description: "PEM file with the certificate chain of the port for agents. Without it: no TLS." }),
  MILLRACE_GRPC_TLS_KEY_FILE: z.string().optional().meta({ description: "PEM file with the private key of the certificate." }),
  MILLRACE_GRPC_TLS_CLIENT_CA_FILE: z
    .string()
    .optional()
    .meta({ description: "PEM file of the authorities that sign the certificates of agents. With it: no agent without one." }),
  MILLRACE_GRPC_TLS_CA_FILE: z.string().optional().meta({ description: "PEM file of the authorities that sign the certificates of other replicas." }),
  MILLRACE_CREDENTIAL_MS: z.coerce
    .number()
    .int()
    .min(1000)
    .max(60 * 60 * 1000)
    .default(60 * 60 * 1000)
    .meta({ description: "How long a credential of an enrolled agent is good for, milliseconds. It gets a new one at half of it." }),
} as const;

/** @returns undefined: no TLS. Errors: invalid_argument for half of a pair */
export function grpcTlsFiles(config: {
  readonly MILLRACE_GRPC_TLS_CERT_FILE?: string | undefined;
  readonly MILLRACE_GRPC_TLS_KEY_FILE?: string | undefined;
  readonly MILLRACE_GRPC_TLS_CLIENT_CA_FILE?: string | undefined;
  readonly MILLRACE_GRPC_TLS_CA_FILE?: string | undefined;
}): { certFile: string; keyFile: string; clientCaFile: string | undefined; caFile: string | undefined } | undefined {
  const { MILLRACE_GRPC_TLS_CERT_FILE: certFile, MILLRACE_GRPC_TLS_KEY_FILE: keyFile } = config;
  const { MILLRACE_GRPC_TLS_CLIENT_CA_FILE: clientCaFile, MILLRACE_GRPC_TLS_CA_FILE: caFile } = config;
  if (certFile !== undefined && keyFile !== undefined) return { certFile, keyFile, clientCaFile, caFile };
  return undefined;
}
