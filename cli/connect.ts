import { type ApiClient, createApiClient } from "./api-client.ts";
import { type ConnectionFlags, PROJECT_ROOT, resolveSettings } from "./settings.ts";

/** A client for the server that the flags, the environment and the files name. Errors: invalid_argument. */
export function connect(flags: ConnectionFlags): ApiClient {
  return createApiClient(resolveSettings({ flags, env: process.env, projectRoot: PROJECT_ROOT }));
}
