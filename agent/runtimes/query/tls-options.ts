import { isIP } from "node:net";
import type { ConnectionOptions } from "node:tls";
import type { ServerAddress } from "./server-address.ts";

/** TLS of a database connection, or undefined for none. As in libpq, only the verify modes look at the certificate, and a given authority turns them on. */
export function tlsOptions(address: ServerAddress): ConnectionOptions | undefined {
  const { sslmode, rootCertificatePem: ca, host } = address;
  if (sslmode === "disable") return undefined;
  const name = isIP(host) === 0 ? { servername: host } : {};
  const trust = ca === "" ? {} : { ca };
  if (sslmode === "verify-full") return { ...name, ...trust, rejectUnauthorized: true };
  if (sslmode === "verify-ca" || (sslmode === "require" && ca !== "")) {
    return { ...name, ...trust, rejectUnauthorized: true, checkServerIdentity: () => undefined };
  }
  return { ...name, rejectUnauthorized: false };
}
