// Scripts as workflows: what a step gave, which job a task is and until when a sleep lasts are remembered in the API, so that the next attempt of the job
// goes on where this one ended.
import { AsyncLocalStorage } from "node:async_hooks";
import { setTimeout as pause } from "node:timers/promises";
import { jobId, MillraceError, outcome, request } from "./api.mjs";

/** Of one request. */
const MOST_STEPS = 100;
const MOST_TASKS = 200;
const MOST_BYTES = 1024 * 1024;
const MOST_AWAITED = 1000;
const WAIT_S = 50;
/** How long the API may be away; the job's own timeout may be shorter. */
const GIVE_UP_MS = 10 * 60 * 1000;
const PASSING = new Set([429, 500, 502, 503, 504]);
const LONGEST_TIMER_MS = 24 * 60 * 60 * 1000;

/** Where the code is that runs: {prefix, counts} of the script or of a branch, {inside} of a step. */
const scopes = new AsyncLocalStorage();

/** Asks until there is an answer: a control plane that starts again or changes hands is no reason to fail. */
async function surely(method, path, options) {
  const begunMs = performance.now();
  for (let ms = 50; ; ms = Math.min(5000, ms * 2)) {
    try {
      return (await request(method, path, options)).body;
    } catch (error) {
      const passes = error instanceof MillraceError ? PASSING.has(error.status) : typeof error.code === "string" || error.name === "TimeoutError";
      if (!passes || options.signal?.aborted === true || performance.now() - begunMs > GIVE_UP_MS) throw error;
      await pause(ms);
    }
  }
}

/** What is asked for in the same moment goes in one request, one request after the other. `send(items)` gives an answer for each. */
class Batches {
  #send;
  #most;
  #waiting = [];
  #isSending = false;

  constructor(most, send) {
    this.#most = most;
    this.#send = send;
  }

  add(item) {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ item, bytes: JSON.stringify(item).length, resolve, reject });
      if (!this.#isSending) void this.#work();
    });
  }

  async #work() {
    this.#isSending = true;
    await new Promise(setImmediate);
    while (this.#waiting.length > 0) {
      const batch = this.#take();
      try {
        const answers = await this.#send(batch.map(({ item }) => item));
        for (const [at, { resolve }] of batch.entries()) resolve(answers?.[at]);
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
    this.#isSending = false;
  }

  #take() {
    let count = 0;
    for (let bytes = 0; count < this.#waiting.length && count < this.#most; count++) {
      bytes += this.#waiting[count].bytes;
      if (count > 0 && bytes > MOST_BYTES) break;
    }
    return this.#waiting.splice(0, count);
  }
}

/** Waits for jobs, with one request for all of them. */
class Ends {
  #open = new Map();
  #stop;

  of(id) {
    return new Promise((resolve, reject) => {
      const others = this.#open.get(id);
      this.#open.set(id, [...(others ?? []), { resolve, reject }]);
      if (this.#stop === undefined) void this.#poll();
      // The request under way does not know of this one.
      else if (others === undefined) this.#stop.abort();
    });
  }

  async #poll() {
    this.#stop = new AbortController();
    await new Promise(setImmediate);
    while (this.#open.size > 0) {
      const stop = new AbortController();
      this.#stop = stop;
      const ids = [...this.#open.keys()].slice(0, MOST_AWAITED);
      try {
        const { ended } = await surely("POST", `jobs/ends?wait=${WAIT_S}`, { body: { ids }, signal: stop.signal });
        for (const one of ended) this.#settle(one.job.id, ({ resolve }) => resolve(one));
      } catch (error) {
        if (!stop.signal.aborted) for (const id of ids) this.#settle(id, ({ reject }) => reject(error));
      }
    }
    this.#stop = undefined;
  }

  #settle(id, tell) {
    const waiting = this.#open.get(id) ?? [];
    this.#open.delete(id);
    waiting.forEach(tell);
  }
}

const changed = (text) => Object.assign(new Error(text), { name: "WorkflowChanged" });

/** One attempt of one job. */
class Workflow {
  token = process.env.MILLRACE_TOKEN;
  #path = `jobs/${encodeURIComponent(jobId())}`;
  #root = { prefix: "", counts: new Map() };
  #asked = new Set();
  #known;
  #steps = new Batches(MOST_STEPS, (checkpoints) => surely("POST", `${this.#path}/checkpoints`, { body: { checkpoints } }));
  #tasks = new Batches(MOST_TASKS, async (tasks) => (await surely("POST", `${this.#path}/tasks`, { body: { tasks } })).jobs);
  #ends = new Ends();
  #before = new Set();

  /** The name under which this call is remembered: the first keeps the text, others get a number. */
  place(text) {
    const scope = scopes.getStore() ?? this.#root;
    if (scope.inside !== undefined)
      throw new Error(`"${text}" is inside of the step "${scope.inside}": a step is done as a whole, and remembers nothing in between`);
    if (/[#>]/.test(text)) throw new Error(`the name "${text}" has # or >, which are for numbers and branches`);
    const count = (scope.counts.get(text) ?? 0) + 1;
    scope.counts.set(text, count);
    const name = `${scope.prefix}${text}${count > 1 ? `#${count}` : ""}`;
    this.#asked.add(name);
    return name;
  }

  /** What an attempt before has remembered under this name. */
  async find(name, kind) {
    this.#known ??= this.#load();
    const found = (await this.#known).get(name);
    if (found === undefined || found.kind === kind) return found;
    throw changed(`"${name}" was a ${found.kind} at an earlier attempt, and is a ${kind} now: a workflow must do the same at every attempt`);
  }

  async #load() {
    const known = new Map();
    for (let after = 0; after !== undefined; ) {
      const page = await surely("GET", `${this.#path}/checkpoints?after=${after}`, {});
      for (const one of page.checkpoints) {
        known.set(one.name, { ...one, readMs: performance.now() });
        this.#before.add(one.name);
      }
      after = page.next_after;
    }
    return known;
  }

  remember(checkpoint) {
    return this.#steps.add(checkpoint);
  }

  async run(name, job) {
    await this.find(name, "task");
    const { job: ended, result } = await this.#ends.of(await this.#tasks.add({ name, job }));
    return outcome(ended, result);
  }

  /** What is wrong when the script is through: it did not come by something that an attempt before has done. */
  fault() {
    const missed = [...this.#before].filter((name) => !this.#asked.has(name));
    if (missed.length === 0) return undefined;
    const names = missed.slice(0, 5).map((name) => `"${name}"`);
    const text = `an earlier attempt has done ${names.join(", ")}${missed.length > 5 ? ` and ${missed.length - 5} more` : ""}, and this one did not come by: a workflow must do the same at every attempt`;
    return Object.assign(changed(text), { stack: "" });
  }
}

let current;

/** A process may work for one job after another. */
function workflow() {
  if (current === undefined || current.token !== process.env.MILLRACE_TOKEN) current = new Workflow();
  return current;
}

/** For the program that runs the script. */
globalThis[Symbol.for("millrace.workflow")] = { fault: () => (current?.token === process.env.MILLRACE_TOKEN ? current?.fault() : undefined) };

/** JSON.stringify turns NaN into null and a Map into {}: what is remembered must not change in silence. */
function jsonOf(value, name) {
  const text = JSON.stringify(value, (key, member) => {
    const isOdd = ["bigint", "function", "symbol"].includes(typeof member) || [Map, Set, Promise].some((type) => member instanceof type);
    if (isOdd || (typeof member === "number" && !Number.isFinite(member)))
      throw new TypeError(
        `what the step "${name}" gives is not JSON: ${key === "" ? "" : `${key} is `}${typeof member === "number" ? member : (member.constructor?.name ?? typeof member)}`,
      );
    return member;
  });
  return text ?? "null";
}

/**
 * Does something once: what `fn` gives is remembered, and given back at the next attempt without doing it again. One that throws is not remembered.
 * The value is what comes back from JSON.
 */
export async function step(name, fn) {
  const [text, work] = typeof name === "function" ? [name.name || "step", name] : [name, fn];
  const flow = workflow();
  const place = flow.place(text);
  const known = await flow.find(place, "step");
  if (known !== undefined) return known.value;
  const given = jsonOf(await scopes.run({ inside: place }, async () => work()), place);
  const value = JSON.parse(given);
  await flow.remember({ kind: "step", name: place, value });
  return value;
}

/**
 * Runs a deployed script as a job of its own, once, waits for its end and gives its result. Throws JobFailed when it did not succeed. `script` is a path, or
 * {hash}, {flow}, {flow_hash}. Options are those of the API, and `name`.
 */
export async function task(script, args = {}, { name, ...options } = {}) {
  const flow = workflow();
  const asked = typeof script === "string" ? { script } : script;
  return flow.run(flow.place(name ?? asked.script ?? asked.flow ?? "task"), { ...asked, args, ...options });
}

/** Runs a deployed script for each of some arguments, all at the same time. The results in their order; throws the first failure when all have ended. */
export async function tasks(script, list, options = {}) {
  return together(list.map((args) => task(script, args, options)));
}

async function together(promises) {
  const ends = await Promise.allSettled(promises);
  for (const end of ends) if (end.status === "rejected") throw end.reason;
  return ends.map(({ value }) => value);
}

/** Sleeps. The next attempt sleeps only for what is left. @param ms at most a day */
export async function sleep(ms, { name = "sleep" } = {}) {
  const flow = workflow();
  const place = flow.place(name);
  const known = await flow.find(place, "sleep");
  if (known === undefined) await flow.remember({ kind: "sleep", name: place, ms: Math.max(0, Math.ceil(ms)) });
  const leftMs = known === undefined ? ms : known.remaining_ms - (performance.now() - known.readMs);
  if (leftMs > 0) await pause(Math.min(leftMs, LONGEST_TIMER_MS));
}

/**
 * Calls functions at the same time, each in a branch of its own: names of steps in it count from its beginning, so that it does not matter which branch is
 * faster. The results in their order; throws the first failure when all are through. @param limit how many at a time
 */
export async function parallel(functions, { name = "parallel", limit = 16 } = {}) {
  const place = workflow().place(name);
  const results = [];
  let next = 0;
  const worker = async () => {
    for (let at = next++; at < functions.length; at = next++) {
      const result = scopes.run({ prefix: `${place}>${at}>`, counts: new Map() }, async () => functions[at]());
      results[at] = result;
      await result.catch(() => undefined);
    }
  };
  await Promise.all(Array.from({ length: Math.max(1, Math.min(limit, functions.length)) }, worker));
  return together(results);
}
