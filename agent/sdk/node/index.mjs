// What a script can ask of Millrace while it runs. No packages; speaks to the API with the token of the running attempt.
//
//     import { runScript } from "millrace";
//     const total = await runScript("f/billing/total", { month: "2026-11" });
import { setTimeout as pause } from "node:timers/promises";
import { ask, jobId, MillraceError, outcome, request } from "./api.mjs";

export { JobFailed, jobId, MillraceError, request, workspace } from "./api.mjs";
export { parallel, sleep, step, task, tasks } from "./workflow.mjs";

/** The longest that one request waits for an end; the server allows a minute. */
const WAIT_S = 50;
const POLL_FROM_MS = 200;
const POLL_TO_MS = 2000;

const keyHeader = (key) => (key === undefined ? {} : { "idempotency-key": key });

/** Starts a deployed script and returns the id of its job. Options are those of the API: tag, priority, timeout_ms, retry … */
export async function startScript(script, args = {}, { idempotencyKey, ...options } = {}) {
  const { body } = await request("POST", "jobs", { body: { script, args, ...options }, headers: keyHeader(idempotencyKey) });
  return body.id;
}

/**
 * Runs a deployed script, waits for its end and returns its result. Rejects with JobFailed when it did not succeed.
 * The slot of this job stays taken meanwhile.
 */
export async function runScript(script, args = {}, { idempotencyKey, ...options } = {}) {
  const { status, body } = await request("POST", `jobs?wait=${WAIT_S}`, { body: { script, args, ...options }, headers: keyHeader(idempotencyKey) });
  return status === 200 ? outcome(body, body.result) : waitJob(body.id);
}

/** Waits for the end of a job and returns its result. Rejects with JobFailed when it did not succeed. */
export async function waitJob(id) {
  for (let ms = POLL_FROM_MS; ; ms = Math.min(POLL_TO_MS, ms * 1.5)) {
    const job = await getJob(id);
    if (job.finished_at !== undefined) return outcome(job, await getResult(id));
    await pause(ms);
  }
}

/** The job as the API shows it. */
export async function getJob(id) {
  return (await request("GET", `jobs/${encodeURIComponent(id)}`)).body;
}

/** The result of a job that has ended. */
export async function getResult(id) {
  return (await request("GET", `jobs/${encodeURIComponent(id)}/result`)).body;
}

const at = (path) => `by-path?path=${encodeURIComponent(path)}`;

/** The value of a variable; also that of a secret, which is masked in the log from then on. Rejects with MillraceError (404) when there is none. */
export async function getVariable(path) {
  return (await request("GET", `variables/value?path=${encodeURIComponent(path)}`)).body.value;
}

/** Makes or changes a variable. A new one is plain unless `secret` is true; what is left out stays as it is. */
export async function setVariable(path, value, { secret, description } = {}) {
  await request("PUT", `variables/${at(path)}`, { body: { value, is_secret: secret, description } });
}

/** The value of a resource, with what its `$var:` and `$res:` stand for. Rejects with MillraceError (404) when there is none. */
export async function getResource(path) {
  return (await request("GET", `resources/value?path=${encodeURIComponent(path)}`)).body;
}

/** Makes or changes a resource. A new one needs a type. */
export async function setResource(path, value, type, { description } = {}) {
  await request("PUT", `resources/${at(path)}`, { body: { type, value: value ?? null, description } });
}

/** What the script has kept with setState in an earlier run; undefined at first. */
export async function getState(path) {
  try {
    return await getResource(statePath(path));
  } catch (error) {
    if (error instanceof MillraceError && error.status === 404) return undefined;
    throw error;
  }
}

/** Keeps a value for the next runs of the script: anything that is JSON. */
export async function setState(value, path) {
  await request("PUT", `resources/${at(statePath(path))}`, { body: { type: "state", value: value ?? null } });
}

/** Says how far the job is, 0 to 100. */
export async function setProgress(percent) {
  await request("PUT", `jobs/${encodeURIComponent(jobId())}/progress`, { body: { percent: Math.floor(percent) } });
}

/** Passes on a piece of the result before the end, to whoever follows the job. */
export async function streamResult(text) {
  if (!process.env.MILLRACE_API_SOCKET) throw new Error("results are streamed through the agent: MILLRACE_API_SOCKET is not set");
  await ask("POST", "/stream", String(text), { "content-type": "text/plain; charset=utf-8" });
}

function statePath(path) {
  const found = path ?? process.env.MILLRACE_STATE_PATH;
  if (!found) throw new Error("inline code has no state of its own: give a path");
  return found;
}
