import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { AccountView, NewAccountBody } from "../control-plane/identity/contract.ts";
import { connectionError } from "./api-client.ts";
import { decodeObject, decodeProblem } from "./api-codec.ts";
import { isJsonObject } from "./exact-json.ts";
import { type ConnectionFlags, PROJECT_ROOT, resolveSettings } from "./settings.ts";

/** What only administrators of an instance may do. All methods throw AppError. */
export interface AdminApi {
  readonly workspace: string;
  createAccount(account: NewAccountBody): Promise<AccountView>;
  accounts(prefix: string, cursor?: string): Promise<{ readonly accounts: readonly AccountView[]; readonly next_cursor?: string }>;
  changeAccount(id: string, change: { readonly password?: string; readonly disabled?: boolean }): Promise<AccountView>;
}

const TIMEOUT_MS = 40_000;

/** With the token that is given, else with the administrator's token of the server of this checkout. Errors: invalid_argument */
export function connectAsAdmin(flags: ConnectionFlags, env: NodeJS.ProcessEnv = process.env): AdminApi {
  const settings = resolveSettings({ flags, env, projectRoot: PROJECT_ROOT });
  const isGiven = flags.tokenFile !== undefined || (env["MILLRACE_TOKEN"] ?? "") !== "";
  const token = isGiven ? settings.token : (adminTokenOf(settings.url, env) ?? settings.token);

  async function call<T extends object>(method: string, path: string, body?: object): Promise<T> {
    const headers = { accept: "application/json", ...(token !== undefined && { authorization: `Bearer ${token}` }) };
    let status: number;
    let text: string;
    try {
      const response = await fetch(`${settings.url}/api/v1${path}`, {
        method,
        headers: { ...headers, ...(body !== undefined && { "content-type": "application/json" }) },
        redirect: "error",
        signal: AbortSignal.timeout(TIMEOUT_MS),
        ...(body !== undefined && { body: JSON.stringify(body) }),
      });
      status = response.status;
      text = await response.text();
    } catch (error) {
      throw connectionError(error, settings.url);
    }
    if (status >= 400) throw decodeProblem(status, text);
    return decodeObject<T>(text, `${method} ${path}`);
  }

  return {
    workspace: settings.workspace,
    createAccount: (account) => call("POST", "/accounts", account),
    accounts: (prefix, cursor) => call("GET", `/accounts?${new URLSearchParams({ prefix, ...(cursor !== undefined && { cursor }) })}`),
    changeAccount: (id, change) => call("PATCH", `/accounts/${encodeURIComponent(id)}`, change),
  };
}

/** Of the server of this checkout, if that is the one that is meant. */
function adminTokenOf(url: string, env: NodeJS.ProcessEnv): string | undefined {
  const stateDir = env["MILLRACE_STATE_DIR"] ?? "";
  const path = join(stateDir === "" ? join(PROJECT_ROOT, ".millrace") : stateDir, "credentials.json");
  const value: unknown = existsSync(path) ? JSON.parse(readFileSync(path, "utf8")) : undefined;
  if (!isJsonObject(value)) return undefined;
  const { url: its, admin_token: token } = value;
  const isSame = typeof its === "string" && URL.canParse(its) && new URL(its).origin === new URL(url).origin;
  return isSame && typeof token === "string" ? token : undefined;
}
