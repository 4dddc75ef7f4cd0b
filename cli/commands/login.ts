import { hostname } from "node:os";
import { z } from "zod";
import { AppError } from "../../kernel/app-error.ts";
import { connectionError } from "../api-client.ts";
import { decodeProblem } from "../api-codec.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { readTextFile } from "../job-args.ts";
import { type Login, readLogins, writeLogins } from "../logins.ts";
import { print, printJson, say } from "../output.ts";
import { ask, askHidden, canAsk } from "../prompt.ts";
import { plainText } from "../sanitise.ts";
import { type ConnectionFlags, normaliseUrl, PROJECT_ROOT, resolveSettings } from "../settings.ts";
import { readAnswer } from "../sync/kinds/answers.ts";

export interface LoginOptions {
  readonly workspace?: string;
  readonly email?: string;
  readonly passwordStdin?: boolean;
  readonly tokenStdin?: boolean;
  readonly json?: boolean;
}

const meShape = z.looseObject({
  kind: z.string(),
  label: z.string(),
  account: z.looseObject({ email: z.string(), name: z.string() }).optional(),
  workspaces: z.array(z.looseObject({ name: z.string(), role: z.string() })),
});
type Me = z.infer<typeof meShape>;
const madeToken = z.looseObject({ id: z.string(), token: z.string() });
const TIMEOUT_MS = 40_000;

/** `millrace login`: asks for what is not given, and keeps a token that only this machine has. */
export async function loginCommand(given: string | undefined, options: LoginOptions): Promise<ExitCode> {
  const url = normaliseUrl(given ?? (await askUrl()));
  const login = options.tokenStdin === true ? await withToken(url, options) : await withPassword(url, options);
  const { servers } = readLogins(process.env);
  writeLogins(process.env, { current: url, servers: { ...servers, [url]: login } });
  const { label, workspace } = login;
  if (options.json === true) printJson({ url, workspace, label });
  else say(`logged in to ${url} as ${plainText(label)}, workspace ${plainText(workspace)}`);
  return EXIT.ok;
}

/** `millrace logout`: the token ends on the server, too, if that can be reached. */
export async function logoutCommand(given: string | undefined): Promise<ExitCode> {
  const logins = readLogins(process.env);
  const url = given === undefined ? logins.current : normaliseUrl(given);
  const login = url === undefined ? undefined : logins.servers[url];
  if (url === undefined || login === undefined)
    throw new AppError("not_found", url === undefined ? "you are not logged in" : `you are not logged in to ${url}`);
  const { [url]: _gone, ...servers } = logins.servers;
  writeLogins(process.env, { servers, ...(logins.current !== undefined && logins.current !== url && { current: logins.current }) });
  if (login.token_id !== undefined) {
    const path = `/api/v1/w/${encodeURIComponent(login.workspace)}/tokens/${encodeURIComponent(login.token_id)}`;
    try {
      await request(url, "DELETE", path, { authorization: `Bearer ${login.token}` });
    } catch (error) {
      say(`the token is forgotten here, and may still be valid on the server: ${AppError.from(error).message}`);
      return EXIT.ok;
    }
  }
  say(`logged out of ${url}`);
  return EXIT.ok;
}

/** `millrace whoami`. */
export async function whoamiCommand(options: ConnectionFlags & { readonly json?: boolean }): Promise<ExitCode> {
  const { url, token, workspace } = resolveSettings({ flags: options, env: process.env, projectRoot: PROJECT_ROOT });
  const me = await whoIs(url, token === undefined ? {} : { authorization: `Bearer ${token}` });
  if (options.json === true) {
    printJson({ url, workspace, ...me });
    return EXIT.ok;
  }
  print(`${plainText(me.label)} at ${url}`);
  for (const { name, role } of me.workspaces) print(`${name === workspace ? "*" : " "} ${plainText(name)} (${plainText(role)})`);
  return EXIT.ok;
}

async function askUrl(): Promise<string> {
  const { url } = resolveSettings({ flags: {}, env: process.env, projectRoot: PROJECT_ROOT });
  return canAsk() ? ask("Server", url) : url;
}

async function withToken(url: string, { workspace }: LoginOptions): Promise<Login> {
  const token = readTextFile("-").trim();
  if (!/^[\x21-\x7e]+$/.test(token)) throw new AppError("invalid_argument", "stdin holds no token");
  const me = await whoIs(url, { authorization: `Bearer ${token}` });
  return { workspace: await chooseWorkspace(me, workspace), token, label: me.label };
}

/** The session lives as long as this function: what stays is a token that can be told from others and revoked alone. */
async function withPassword(url: string, options: LoginOptions): Promise<Login> {
  const email = options.email ?? (canAsk() ? await ask("E-mail") : missing("--email"));
  const password =
    options.passwordStdin === true ? readTextFile("-").replace(/\r?\n$/, "") : canAsk() ? await askHidden("Password") : missing("--password-stdin");
  const answer = await request(url, "POST", "/api/v1/login", {}, JSON.stringify({ email, password }));
  const cookie = answer.headers
    .getSetCookie()
    .map((one) => one.split(";")[0] ?? "")
    .join("; ");
  // What a page of the server would send along: it says that no other site made this request.
  const session = { cookie, "x-millrace-csrf": "1", "sec-fetch-site": "same-origin" };
  const me = await whoIs(url, session);
  const workspace = await chooseWorkspace(me, options.workspace);
  const path = `/api/v1/w/${encodeURIComponent(workspace)}/tokens`;
  const made = readAnswer(
    await (await request(url, "POST", path, session, JSON.stringify({ label: `cli on ${hostname()}`.slice(0, 100) }))).text(),
    madeToken,
    `POST ${path}`,
  );
  // It has served its purpose. A session that cannot be ended ends by itself.
  await request(url, "POST", "/api/v1/logout", session).catch(() => undefined);
  return { workspace, token: made.token, token_id: made.id, label: me.label };
}

async function chooseWorkspace({ workspaces, label, kind }: Me, wanted: string | undefined): Promise<string> {
  const names = workspaces.map(({ name }) => name);
  // An administrator of the instance is let in everywhere, and listed nowhere.
  if (wanted !== undefined && (names.includes(wanted) || kind === "admin")) return wanted;
  if (wanted !== undefined) throw new AppError("permission_denied", `${label} is not in the workspace ${wanted}`, { hint: `there are: ${names.join(", ")}` });
  const [only, another] = names;
  if (only !== undefined && another === undefined) return only;
  if (only === undefined && kind !== "admin") throw new AppError("permission_denied", `${label} is in no workspace`, { hint: "somebody has to invite you" });
  if (!canAsk()) throw new AppError("invalid_argument", "which workspace?", { hint: `add --workspace; there are: ${names.join(", ")}` });
  return chooseWorkspace({ workspaces, label, kind }, await ask(`Workspace (${names.join(", ")})`, only));
}

async function whoIs(url: string, headers: Readonly<Record<string, string>>): Promise<Me> {
  return readAnswer(await (await request(url, "GET", "/api/v1/me", headers)).text(), meShape, "GET /api/v1/me");
}

async function request(url: string, method: string, path: string, headers: Readonly<Record<string, string>>, body?: string): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(`${url}${path}`, {
      method,
      headers: { accept: "application/json", ...headers, ...(body !== undefined && { "content-type": "application/json" }) },
      redirect: "error",
      signal: AbortSignal.timeout(TIMEOUT_MS),
      ...(body !== undefined && { body }),
    });
  } catch (error) {
    throw connectionError(error, url);
  }
  if (response.ok) return response;
  throw decodeProblem(response.status, await response.text().catch(() => ""));
}

function missing(option: string): never {
  throw new AppError("invalid_argument", `there is nobody to ask: give ${option}`, {
    hint: "or log in with a token: millrace login URL --token-stdin < token",
  });
}
