import type { AddressInfo } from "node:net";

/** Where jobs find the API: without a setting only agents of the same machine can be told. Empty: nobody knows. */
export function publicUrl(setting: string | undefined, address: AddressInfo | string | null): string {
  if (setting !== undefined) return new URL(setting).origin;
  const isLocal = typeof address === "object" && address !== null && (address.address === "127.0.0.1" || address.address === "::1");
  return isLocal ? `http://${address.family === "IPv6" ? "[::1]" : address.address}:${address.port}` : "";
}
