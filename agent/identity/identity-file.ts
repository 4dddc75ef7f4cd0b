import { existsSync } from "node:fs";
import { join } from "node:path";

/** Where the data folder keeps who an agent with a key of its own is. */
export function identityPaths(dataDir: string): { readonly folder: string; readonly file: string; readonly key: string } {
  const folder = join(dataDir, "identity");
  return { folder, file: join(folder, "agent.json"), key: join(folder, "key.pem") };
}

/** True when the data folder belongs to an agent that has joined. */
export function hasIdentity(dataDir: string): boolean {
  return existsSync(identityPaths(dataDir).file);
}
