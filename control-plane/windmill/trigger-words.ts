import { isDeepStrictEqual } from "node:util";
import { z } from "zod";
import { AppError } from "../../kernel/app-error.ts";
import { scriptPath } from "../jobs/contract.ts";
import { type PutTrigger, putTrigger } from "../triggers/contract.ts";
import type { StoredTrigger } from "../triggers/trigger-store.ts";
import { inTheirWords, notHere } from "./refusals.ts";

/** A route of HTTP as Windmill's tools send it. What they say beyond this is kept for them. */
export const theirTrigger = z.looseObject({
  script_path: scriptPath,
  is_flow: z.boolean(),
  route_path: z.string().max(300),
  http_method: z.enum(["get", "post", "put", "delete", "patch"]),
  request_type: z.enum(["sync", "async", "sync_sse"]).nullish(),
  // In files of older releases, instead of the request type.
  is_async: z.boolean().nullish(),
  authentication_method: z.string().default("none"),
  is_static_website: z.boolean().nullish(),
  static_asset_config: z.unknown().optional(),
  workspaced_route: z.boolean().nullish(),
  wrap_body: z.boolean().nullish(),
  raw_string: z.boolean().nullish(),
  allowed_origins: z.array(z.string()).nullish(),
  error_handler_path: z.string().nullish(),
  retry: z.unknown().optional(),
  enabled: z.boolean().nullish(),
  mode: z.enum(["enabled", "disabled", "suspended"]).nullish(),
  description: z.string().nullish(),
  permissioned_as: z.string().nullish(),
  preserve_permissioned_as: z.boolean().nullish(),
});
export type TheirTrigger = z.infer<typeof theirTrigger>;

const NAMES: Readonly<Record<string, string>> = {
  script: "script_path",
  flow: "script_path",
  pattern: "route_path",
  method: "http_method",
  mode: "request_type",
};
const MODES = { sync: "wait", async: "async", sync_sse: "sse" } as const;
const THEIR_MODES = { wait: "sync", async: "async", sse: "sync_sse" } as const;
/** Arguments where the body is not spread over them. */
const WRAPPED = { body: "body" } as const;
const WRAPPED_WITH_RAW = { body: "body", raw_string: "raw" } as const;

/** An error of a trigger of ours, about the members that its writer knows. */
export const triggerError = (thrown: unknown): AppError => inTheirWords(thrown, NAMES);

/**
 * What a route of theirs is here. What only ours can have (`constants`, `response`, `wait_s`, other places of arguments) stays as it was.
 * Errors: unimplemented for what there is nothing for here; invalid_argument. Both name the member.
 */
export function triggerInOurWords(theirs: TheirTrigger, before: StoredTrigger | undefined): PutTrigger {
  refuseWhatIsNotHere(theirs);
  const { constants, response, wait_s: waitS } = before?.settings ?? {};
  const mode = MODES[theirs.request_type ?? (theirs.is_async === true ? "async" : "sync")];
  const args = argsOf(theirs, before);
  const parsed = putTrigger.safeParse({
    kind: "route",
    method: theirs.http_method.toUpperCase(),
    pattern: `/${theirs.route_path}`,
    [theirs.is_flow ? "flow" : "script"]: theirs.script_path,
    mode,
    auth: { kind: "none" },
    ...(args !== undefined && { args }),
    ...(constants !== undefined && { constants }),
    ...(mode === "wait" && { ...(response !== undefined && { response }), ...(waitS !== undefined && { wait_s: waitS }) }),
    ...pausedIn(theirs),
    description: theirs.description ?? "",
  });
  if (parsed.success) return parsed.data;
  const fields = parsed.error.issues.map((issue) => ({ pointer: `/${issue.path.join("/")}`, message: issue.message }));
  throw triggerError(new AppError("invalid_argument", `the trigger is not valid: ${fields[0]?.message ?? ""}`, { fields }));
}

/** Whether their tools have words for it: webhooks have no trigger there, and the secrets of others are not in resources here. */
export const hasTheirWords = ({ place, settings }: StoredTrigger): boolean => place.kind === "route" && settings.auth.kind === "none";

/** A route in their words: as they said it for as long as it means what the route is. @param said what their tools said last */
export function triggerInTheirWords(stored: StoredTrigger, said: TheirTrigger | undefined): Record<string, unknown> {
  const state = said?.mode == null && said?.enabled != null ? { enabled: !stored.paused } : { mode: stored.paused ? "disabled" : "enabled" };
  if (said === undefined) return { ...toldAnew(stored), ...state };
  // Files that do not say whether it is on stay as they are while it is.
  const isSilent = said.mode == null && said.enabled == null && !stored.paused;
  return { ...said, ...(isSame(said, stored) ? {} : toldAnew(stored)), ...(isSilent ? {} : state) };
}

/** What is kept of what they send: not who it is for, which is whoever writes it here. */
export function keptOf({ path: _path, preserve_permissioned_as: _preserve, ...said }: TheirTrigger): object {
  return said;
}

function isSame(said: TheirTrigger, stored: StoredTrigger): boolean {
  try {
    const { paused: _paused, ...ours } = triggerInOurWords(said, stored);
    return isDeepStrictEqual({ ...ours }, putOf(stored));
  } catch {
    return false;
  }
}

/** Without `paused`. */
function putOf({ place, settings, description }: StoredTrigger): object {
  return { kind: place.kind, ...(place.kind === "route" && { method: place.method, pattern: place.pattern }), ...settings, description };
}

function toldAnew({ place, settings, description }: StoredTrigger): Record<string, unknown> {
  const { script, flow, mode, args } = settings;
  const isRaw = isDeepStrictEqual(args, WRAPPED_WITH_RAW);
  return {
    script_path: script ?? flow,
    is_flow: script === undefined,
    route_path: place.kind === "route" ? place.pattern.slice(1) : "",
    http_method: place.kind === "route" ? place.method.toLowerCase() : "post",
    request_type: THEIR_MODES[mode],
    authentication_method: "none",
    is_static_website: false,
    workspaced_route: true,
    wrap_body: isRaw || isDeepStrictEqual(args, WRAPPED),
    raw_string: isRaw,
    description,
  };
}

function argsOf({ wrap_body: wrap, raw_string: raw }: TheirTrigger, before: StoredTrigger | undefined): PutTrigger["args"] {
  if (wrap === true) return raw === true ? WRAPPED_WITH_RAW : WRAPPED;
  const known = before?.settings.args;
  return known === undefined || isDeepStrictEqual(known, WRAPPED) || isDeepStrictEqual(known, WRAPPED_WITH_RAW) ? undefined : known;
}

function pausedIn({ mode, enabled }: TheirTrigger): Pick<PutTrigger, "paused"> {
  if (mode != null) return { paused: mode === "disabled" };
  return enabled == null ? {} : { paused: !enabled };
}

function refuseWhatIsNotHere(theirs: TheirTrigger): void {
  if (theirs.workspaced_route !== true)
    throw notHere("workspaced_route", "routes are below /api/r/{workspace}/ here", "set workspaced_route: true, and tell your callers the address");
  if (theirs.authentication_method !== "none")
    throw notHere("authentication_method", "secrets of routes are not in resources here", "make it with `millrace trigger put`: docs/triggers.md#who-may-call");
  if (theirs.is_static_website === true || theirs.static_asset_config != null)
    throw notHere(theirs.is_static_website === true ? "is_static_website" : "static_asset_config", "no files are served", "serve them elsewhere");
  if (theirs.raw_string === true && theirs.wrap_body !== true)
    throw notHere("raw_string", "the text of the body goes together with wrap_body", "set wrap_body: true");
  if (theirs.mode === "suspended") throw notHere("mode", "calls are refused while a route is paused, and not kept", "mode: disabled");
  if ((theirs.allowed_origins?.length ?? 0) > 0)
    throw notHere("allowed_origins", "the answer says which origins may read it", "let the script return millrace_headers");
  if (theirs.error_handler_path != null && theirs.error_handler_path !== "")
    throw notHere("error_handler_path", "routes have no handlers of their own", "hooks are told of jobs that fail: docs/notifications.md");
  if (theirs.retry != null) throw notHere("retry", "a script or a step says itself how often it is tried", "set the retry of the script");
  if (theirs.preserve_permissioned_as === true && theirs.permissioned_as != null)
    throw notHere("permissioned_as", "jobs of a route act for whoever wrote it last", "let that account write it");
}
