/** The API refused a request. */
export class MillraceError extends Error {
  readonly status: number;
  /** Problem details, RFC 9457. */
  readonly problem: Readonly<Record<string, unknown>>;
}

/** A job that was waited for did not succeed. */
export class JobFailed extends Error {
  readonly job: Readonly<Record<string, unknown>>;
  /** What its script raised. */
  readonly error?: { readonly name?: string; readonly message?: string; readonly stack?: string };
}

export interface RunOptions {
  /** The same key and arguments give the same job, however often it is asked for. */
  readonly idempotencyKey?: string;
  readonly tag?: string;
  readonly priority?: number;
  readonly timeout_ms?: number;
  readonly [option: string]: unknown;
}

/** Name of the workspace that the job belongs to. */
export function workspace(): string;
/** Id of the running job. */
export function jobId(): string;
/** One request to the API, `path` relative to the workspace. Rejects with MillraceError. */
export function request(
  method: string,
  path: string,
  options?: { body?: unknown; headers?: Record<string, string>; timeoutMs?: number; signal?: AbortSignal },
): Promise<{ status: number; body: unknown }>;
/** Starts a deployed script and returns the id of its job. */
export function startScript(script: string, args?: Record<string, unknown>, options?: RunOptions): Promise<string>;
/** Runs a deployed script, waits for its end and returns its result. Rejects with JobFailed when it did not succeed. */
export function runScript<Result = unknown>(script: string, args?: Record<string, unknown>, options?: RunOptions): Promise<Result>;
/** Waits for the end of a job and returns its result. Rejects with JobFailed when it did not succeed. */
export function waitJob<Result = unknown>(id: string): Promise<Result>;
/** The job as the API shows it. */
export function getJob(id: string): Promise<Record<string, unknown>>;
/** The result of a job that has ended. */
export function getResult<Result = unknown>(id: string): Promise<Result>;
/** The value of a variable; also that of a secret, which is masked in the log from then on. */
export function getVariable(path: string): Promise<string>;
/** Makes or changes a variable. A new one is plain unless `secret` is true; what is left out stays as it is. */
export function setVariable(path: string, value: string, options?: { secret?: boolean; description?: string }): Promise<void>;
/** The value of a resource, with what its `$var:` and `$res:` stand for. */
export function getResource<Value = unknown>(path: string): Promise<Value>;
/** Makes or changes a resource. A new one needs a type. */
export function setResource(path: string, value: unknown, type?: string, options?: { description?: string }): Promise<void>;
/** What the script has kept with setState in an earlier run; undefined at first. */
export function getState<State = unknown>(path?: string): Promise<State | undefined>;
/** Keeps a value for the next runs of the script: anything that is JSON. */
export function setState(value: unknown, path?: string): Promise<void>;
/** Says how far the job is, 0 to 100. */
export function setProgress(percent: number): Promise<void>;
/** Passes on a piece of the result before the end, to whoever follows the job. */
export function streamResult(text: string): Promise<void>;

/** What a task runs: the newest version of a path, or one exact version. */
export type TaskTarget = string | { readonly script: string } | { readonly hash: string } | { readonly flow: string } | { readonly flow_hash: string };

export interface TaskOptions extends Omit<RunOptions, "idempotencyKey"> {
  /** Under which the task is remembered; default the path. */
  readonly name?: string;
}

/** Does something once: what `fn` gives is remembered and given back at the next attempt of the job, as it comes back from JSON. One that throws is not remembered. */
export function step<Value>(name: string, fn: () => Value | Promise<Value>): Promise<Value>;
export function step<Value>(fn: () => Value | Promise<Value>): Promise<Value>;
/** Runs a deployed script or flow as a job of its own, once over all attempts, and gives its result. Rejects with JobFailed when it did not succeed. */
export function task<Result = unknown>(target: TaskTarget, args?: Record<string, unknown>, options?: TaskOptions): Promise<Result>;
/** A task for each of some arguments, all at the same time. Rejects with the first failure when all have ended. */
export function tasks<Result = unknown>(target: TaskTarget, list: readonly Record<string, unknown>[], options?: TaskOptions): Promise<Result[]>;
/** Sleeps for `ms`, at most a day. The next attempt sleeps only for what is left. */
export function sleep(ms: number, options?: { readonly name?: string }): Promise<void>;
/** Calls functions at the same time, each in a branch with names of its own. Rejects with the first failure when all are through. */
export function parallel<Value>(
  functions: readonly (() => Value | Promise<Value>)[],
  options?: { readonly name?: string; readonly limit?: number },
): Promise<Value[]>;
