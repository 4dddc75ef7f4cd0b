import { isDeepStrictEqual } from "node:util";
import { z } from "zod";
import { AppError } from "../../kernel/app-error.ts";
import { parseLanguage } from "../../kernel/languages.ts";
import { scriptPath } from "../jobs/contract.ts";
import { type PutSchedule, putSchedule } from "../schedules/contract.ts";
import { readArgs, readSettings } from "../schedules/schedule-codec.ts";
import type { StoredSchedule } from "../schedules/schedule-store.ts";
import { inTheirWords, notHere } from "./refusals.ts";
import { retryInTheirWords, retryOf, theirRetry } from "./retry-words.ts";

const args = z.record(z.string(), z.unknown()).nullish();
const times = z.number().nullish();
const handler = z.string().max(400).nullish();

/** A schedule as Windmill's tools send it. What they say beyond this is kept for them. */
export const theirSchedule = z.looseObject({
  schedule: z.string(),
  timezone: z.string(),
  script_path: scriptPath,
  is_flow: z.boolean(),
  args,
  enabled: z.boolean().nullish(),
  on_failure: handler,
  on_failure_times: times,
  on_failure_exact: z.boolean().nullish(),
  on_failure_extra_args: args,
  on_recovery: handler,
  on_recovery_times: times,
  on_recovery_extra_args: args,
  on_success: handler,
  retry: theirRetry.nullish(),
  no_flow_overlap: z.boolean().nullish(),
  tag: z.string().nullish(),
  description: z.string().nullish(),
  dynamic_skip: z.string().nullish(),
  paused_until: z.iso.datetime({ offset: true }).nullish(),
  cron_version: z.string().nullish(),
  permissioned_as: z.string().nullish(),
  preserve_permissioned_as: z.boolean().nullish(),
});
export type TheirSchedule = z.infer<typeof theirSchedule>;

/** Where the members of ours are said by them. */
const NAMES: Readonly<Record<string, string>> = {
  cron: "schedule",
  script: "script_path",
  flow: "script_path",
  "on_error/script": "on_failure",
  "on_error/after": "on_failure_times",
  "on_error/exact": "on_failure_exact",
  "on_error/args": "on_failure_extra_args",
  "on_recovery/script": "on_recovery",
  "on_recovery/after": "on_recovery_times",
  "on_recovery/args": "on_recovery_extra_args",
};

/** An error of a schedule of ours, about the members that its writer knows. */
export const scheduleError = (thrown: unknown): AppError => inTheirWords(thrown, NAMES);

/**
 * What a schedule of theirs is here. What only ours can have (`catch_up`, `priority`, limits of time) stays as it was.
 * Errors: unimplemented for what there is nothing for here; invalid_argument. Both name the member.
 */
export function scheduleInOurWords(theirs: TheirSchedule, before: StoredSchedule | undefined, nowMs: number): PutSchedule {
  refuseWhatIsNotHere(theirs, nowMs);
  const { script_path: path, is_flow: isFlow, tag } = theirs;
  const wanted = {
    ...(before !== undefined && onlyOurs(before)),
    cron: cronOf(theirs),
    timezone: theirs.timezone,
    [isFlow ? "flow" : "script"]: path,
    args: theirs.args ?? {},
    ...(tag != null && tag !== "" && parseLanguage(tag) === undefined && { tag }),
    ...retryIn(theirs, before),
    overlap: overlapOf(theirs, before),
    ...handlersIn(theirs),
    description: theirs.description ?? "",
  };
  const parsed = putSchedule.safeParse(wanted);
  if (parsed.success) return parsed.data;
  const fields = parsed.error.issues.map((issue) => ({ pointer: `/${issue.path.join("/")}`, message: issue.message }));
  throw scheduleError(new AppError("invalid_argument", `the schedule is not valid: ${fields[0]?.message ?? ""}`, { fields }));
}

/**
 * A schedule in their words. What they said of it is given back as they said it for as long as it means what the schedule is.
 * @param said what their tools said last
 */
export function scheduleInTheirWords(stored: StoredSchedule, said: TheirSchedule | undefined): Record<string, unknown> {
  const enabled = !stored.paused;
  if (said !== undefined && isSame(said, stored)) return { ...said, enabled };
  return { ...said, ...toldAnew(stored), enabled };
}

/** What is kept of what they send: not who it is for, which is whoever writes it here. */
export function keptOf({ path: _path, preserve_permissioned_as: _preserve, ...said }: TheirSchedule): object {
  return said;
}

function isSame(said: TheirSchedule, stored: StoredSchedule): boolean {
  try {
    // What has become the past since it was sent is no reason to forget it.
    const { paused: _paused, ...ours } = scheduleInOurWords({ ...said, paused_until: null }, stored, 0);
    return isDeepStrictEqual(plain(ours), plain(putOf(stored)));
  } catch {
    return false;
  }
}

/** With defaults said, so that two that mean the same are equal. */
function plain({ cron, timezone = "UTC", catch_up: catchUp = { policy: "none" }, on_error: error, on_recovery: recovery, ...rest }: PutSchedule): object {
  return {
    cron: cron.trim().replace(/\s+/g, " "),
    timezone,
    catchUp,
    error: error === undefined ? undefined : { ...error, args: error.args ?? {}, after: error.after ?? 1, exact: error.exact ?? false },
    recovery: recovery === undefined ? undefined : { ...recovery, args: recovery.args ?? {}, after: recovery.after ?? 1 },
    ...rest,
  };
}

/** Without `paused`. */
function putOf(stored: StoredSchedule): PutSchedule {
  const { cron, zone, target, argsJson, overlap, handlers, description } = stored;
  return {
    ...readSettings(stored.settingsJson),
    cron,
    timezone: zone,
    [target.kind]: target.path,
    args: readArgs(argsJson),
    overlap,
    catch_up: catchUpOf(stored),
    ...(handlers.error !== undefined && { on_error: handlers.error }),
    ...(handlers.recovery !== undefined && { on_recovery: handlers.recovery }),
    description,
  };
}

function toldAnew(stored: StoredSchedule): Record<string, unknown> {
  const { target, handlers, overlap, description } = stored;
  const { tag, retry } = readSettings(stored.settingsJson);
  const { error, recovery } = handlers;
  const isFlow = target.kind === "flow";
  return {
    schedule: stored.cron.split(" ").length === 5 ? `0 ${stored.cron}` : stored.cron,
    timezone: stored.zone,
    script_path: target.path,
    is_flow: isFlow,
    args: readArgs(stored.argsJson),
    on_failure: error === undefined ? null : `script/${error.script}`,
    on_failure_times: error?.after ?? null,
    on_failure_exact: error?.exact ?? null,
    on_failure_extra_args: error?.args ?? null,
    on_recovery: recovery === undefined ? null : `script/${recovery.script}`,
    on_recovery_times: recovery?.after ?? null,
    on_recovery_extra_args: recovery?.args ?? null,
    retry: retryInTheirWords(retry) ?? null,
    no_flow_overlap: isFlow && overlap !== "parallel",
    tag: tag ?? null,
    description,
    cron_version: "v2",
  };
}

/** What they have no word for. */
function onlyOurs(before: StoredSchedule): Partial<PutSchedule> {
  const { priority, timeout_ms, queue_ttl_s, soft_timeout_ms } = readSettings(before.settingsJson);
  return {
    ...(priority !== undefined && { priority }),
    ...(timeout_ms !== undefined && { timeout_ms }),
    ...(queue_ttl_s !== undefined && { queue_ttl_s }),
    ...(soft_timeout_ms !== undefined && { soft_timeout_ms }),
    catch_up: catchUpOf(before),
  };
}

function catchUpOf({ catchUp }: StoredSchedule): NonNullable<PutSchedule["catch_up"]> {
  return catchUp.kind === "all" ? { policy: "all", max: catchUp.max, window_s: Math.round(catchUp.windowMs / 1000) } : { policy: catchUp.kind };
}

/** Theirs run scripts one after the other, and flows at the same time unless they are told not to. */
function overlapOf({ is_flow: isFlow, no_flow_overlap: noOverlap }: TheirSchedule, before: StoredSchedule | undefined): NonNullable<PutSchedule["overlap"]> {
  const theirs = isFlow && noOverlap !== true ? "parallel" : "skip";
  if (before === undefined || theirs === "parallel" || (before.target.kind === "flow") !== isFlow) return theirs;
  // Runs that wait for each other are ours alone, and so are runs of a script at the same time.
  return before.overlap === "queue" || !isFlow ? before.overlap : theirs;
}

function retryIn({ retry }: TheirSchedule, before: StoredSchedule | undefined): Pick<PutSchedule, "retry"> {
  if (retry != null) return retryOf(retry);
  const known = before === undefined ? undefined : readSettings(before.settingsJson).retry;
  return known !== undefined && retryInTheirWords(known) === undefined ? { retry: known } : {};
}

function handlersIn(theirs: TheirSchedule): Pick<PutSchedule, "on_error" | "on_recovery"> {
  const { on_failure: failure, on_recovery: recovery } = theirs;
  const of = (path: string, extra: TheirSchedule["args"], after: TheirSchedule["on_failure_times"]) => ({
    script: path.replace(/^script\//, ""),
    ...(extra != null && { args: extra }),
    ...(after != null && { after }),
  });
  const exact = theirs.on_failure_exact;
  return {
    ...(isGiven(failure) && { on_error: { ...of(failure, theirs.on_failure_extra_args, theirs.on_failure_times), ...(exact != null && { exact }) } }),
    ...(isGiven(recovery) && { on_recovery: of(recovery, theirs.on_recovery_extra_args, theirs.on_recovery_times) }),
  };
}

const isGiven = (text: string | null | undefined): text is string => text != null && text !== "";

/** The older of their two readers counts weekdays from 1, and wants day and weekday to match both. */
function cronOf({ schedule, cron_version: version }: TheirSchedule): string {
  const fields = schedule.trim().split(/\s+/);
  if (version !== "v1") return fields.join(" ");
  const [day = "*", , weekday = "*"] = fields.slice(3);
  const isAny = (field: string): boolean => field === "*" || field === "?";
  if (fields.length !== 6 || /\d/.test(weekday) || !(isAny(day) || isAny(weekday)))
    throw notHere("schedule", "means something else in cron_version v1", "write it for v2: weekdays are 0 to 6 from Sunday, or names; no years");
  return fields.join(" ");
}

function refuseWhatIsNotHere(theirs: TheirSchedule, nowMs: number): void {
  for (const name of ["on_failure", "on_recovery"] as const)
    if (theirs[name]?.startsWith("flow/") === true) throw notHere(name, "is a flow: handlers of schedules are scripts", "let a script run the flow");
  if (isGiven(theirs.on_success))
    throw notHere("on_success", "there is no such handler", "hooks are told of jobs that succeed: docs/notifications.md; or make it the last step of a flow");
  if (isGiven(theirs.dynamic_skip)) throw notHere("dynamic_skip", "no script is asked whether a tick runs", "let the script itself return early");
  if (theirs.paused_until != null && Date.parse(theirs.paused_until) > nowMs)
    throw notHere("paused_until", "a schedule is paused until somebody resumes it", "enabled: false");
  if (theirs.preserve_permissioned_as === true && isGiven(theirs.permissioned_as))
    throw notHere("permissioned_as", "jobs of a schedule act for whoever wrote it last", "let that account write it");
}
