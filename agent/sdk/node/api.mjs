// How a script reaches the API: through the socket of the agent, or by address where the script has a network.
import { request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";

/** The API refused a request. `status` is the HTTP status, `problem` the problem details. */
export class MillraceError extends Error {
  constructor(status, problem) {
    super(problem.detail ?? problem.title ?? `HTTP ${status}`);
    this.name = "MillraceError";
    this.status = status;
    this.problem = problem;
  }
}

/** A job that was waited for did not succeed. `job` is the job as the API shows it, `error` what its script raised. */
export class JobFailed extends Error {
  constructor(job, error) {
    super(`job ${job.id} of ${job.script ?? "inline code"}: ${error?.message ?? job.exit?.message ?? job.status}`);
    this.name = "JobFailed";
    this.job = job;
    this.error = error;
  }
}

/** Name of the workspace that the job belongs to. */
export function workspace() {
  return process.env.MILLRACE_WORKSPACE ?? "";
}

/** Id of the running job. */
export function jobId() {
  return process.env.MILLRACE_JOB_ID ?? "";
}

/**
 * One request to the API; `path` is relative to the workspace (`jobs`, `scripts/f/x`).
 * Rejects with MillraceError for every status from 400 on.
 */
export async function request(method, path, { body, headers = {}, timeoutMs = 70_000, signal } = {}) {
  const data = body === undefined ? undefined : JSON.stringify(body);
  const kind = data === undefined ? {} : { "content-type": "application/json" };
  return ask(method, `/api/v1/w/${encodeURIComponent(workspace())}/${path}`, data, { ...kind, ...headers }, timeoutMs, signal);
}

/** One request to the agent's door, at any address. */
export async function ask(method, path, data, headers, timeoutMs = 70_000, signal) {
  const token = process.env.MILLRACE_TOKEN;
  if (!token) throw new Error("this job has no token: MILLRACE_TOKEN is not set");
  const length = data === undefined ? {} : { "content-length": Buffer.byteLength(data) };
  const sent = { authorization: `Bearer ${token}`, accept: "application/json", ...length, ...headers };
  const ends = [AbortSignal.timeout(timeoutMs), ...(signal === undefined ? [] : [signal])];
  const { status, text } = await exchange({ method, path, headers: sent, signal: AbortSignal.any(ends) }, data);
  let parsed = null;
  try {
    parsed = text === "" ? null : JSON.parse(text);
  } catch {
    parsed = { detail: text.slice(0, 500) };
  }
  if (status >= 400) throw new MillraceError(status, parsed ?? {});
  return { status, body: parsed };
}

function exchange(options, data) {
  const { MILLRACE_API_SOCKET: socketPath, MILLRACE_API_URL: url } = process.env;
  if (!socketPath && !url) throw new Error("this job has no way to the API: neither MILLRACE_API_SOCKET nor MILLRACE_API_URL is set");
  return new Promise((resolve, reject) => {
    const done = (response) => {
      const pieces = [];
      response.on("data", (piece) => pieces.push(piece));
      response.on("end", () => resolve({ status: response.statusCode, text: Buffer.concat(pieces).toString("utf8") }));
      response.on("error", reject);
    };
    let sent;
    if (socketPath) sent = requestHttp({ ...options, socketPath }, done);
    else sent = (url.startsWith("https:") ? requestHttps : requestHttp)(new URL(url), options, done);
    sent.on("error", reject);
    sent.end(data);
  });
}

/** The result of a job that has ended. Throws JobFailed when it did not succeed. */
export function outcome(job, result) {
  if (job.status === "succeeded") return result;
  throw new JobFailed(job, result?.error);
}
