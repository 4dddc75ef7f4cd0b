// Runs the `main` of a TypeScript or JavaScript module as the agent wants it. A constant.
// Each job writes one record to its descriptor: R + JSON (result), E + JSON (exception), S + JSON (syntax error),
// I + JSON (result is not JSON), X + exit code.
// CommonJS: as the first module of a process one of the other kind takes Node 3 ms longer.
"use strict";
const { writeSync } = require("node:fs");
const { registerHooks } = require("node:module");
const { pathToFileURL } = require("node:url");

const MAX_TEXT = 16_000;
const MAX_DEPTH = 128;
const exit = process.exit.bind(process);
/** The job that this process works for. */
let current;

// Node writes to pipes without waiting and loses what is left when the process exits. Waiting also keeps children, which share
// the pipe, from finding it in non-blocking mode.
for (const stream of [process.stdout, process.stderr]) stream._handle?.setBlocking?.(true);

/** For processes that started without it. PWD is what the enclosure adds. */
function setEnvironment(env) {
  for (const name of Object.keys(process.env)) if (!Object.hasOwn(env, name)) delete process.env[name];
  Object.assign(process.env, { PWD: process.cwd(), ...env });
}

function report(job, kind, text) {
  if (job.reported) return;
  job.reported = true;
  const data = Buffer.from(kind + text);
  for (let at = 0; at < data.length; ) {
    try {
      at += writeSync(job.fd, data, at);
    } catch (error) {
      if (error.code !== "EAGAIN") throw error;
    }
  }
}

const clip = (text) => (text.length <= MAX_TEXT ? text : `${text.slice(0, MAX_TEXT / 2)}\n…\n${text.slice(-MAX_TEXT / 2)}`);

/** Frames of the script only, under its own file name. */
function cleanStack(stack, { here, file }) {
  return String(stack)
    .split("\n")
    .filter((line) => !/^\s+at .*(?:node:|\/(?:core|wrapper|warm|dedicated)\.[cm]js:)/.test(line))
    .join("\n")
    .replaceAll(urlOf({ here, file }), file)
    .replaceAll(`${here}/${file}`, file);
}

function describe(thrown, job) {
  if (!(thrown instanceof Error))
    return { name: "Thrown", message: clip(typeof thrown === "string" ? thrown : (safely(() => JSON.stringify(thrown)) ?? String(thrown))) };
  const record = { name: clip(String(thrown.name)), message: clip(String(thrown.message)), stack: clip(cleanStack(thrown.stack ?? "", job)) };
  if (typeof thrown.code === "string") record.code = thrown.code;
  return record;
}

function safely(read) {
  try {
    return read();
  } catch {
    return undefined;
  }
}

/** @returns the exit code */
function fail(job, thrown) {
  report(job, "E", safely(() => JSON.stringify(describe(thrown, job))) ?? '{"name":"Error","message":"(the error cannot be read)"}');
  return 1;
}

/** A syntax error of the module itself, not one that running code threw (JSON.parse does). */
function syntaxFault(error, { file }) {
  if (!(error instanceof SyntaxError)) return undefined;
  const stack = String(error.stack);
  const frames = stack.split("\n").filter((line) => /^\s+at /.test(line));
  if (frames.some((line) => line.includes(file))) return undefined;
  const place = new RegExp(`${file.replaceAll(".", "\\.")}:([0-9]+)`).exec(stack);
  return { message: clip(String(error.message)), line: place === null ? 0 : Number(place[1]) };
}

class Unfit extends Error {}

/** JSON.stringify turns NaN into null and a Set into {}; a result must not change in silence. */
function serialise(result) {
  if (result === undefined) return "null";
  const above = [];
  const path = [];
  const check = function (key, value) {
    while (above.length > 0 && above.at(-1) !== this) {
      above.pop();
      path.pop();
    }
    const place = () => ["$", ...path.slice(1), ...(above.length > 0 ? [Array.isArray(this) ? `[${key}]` : `.${key}`] : [])].join("");
    const reason = unfit(value, above);
    if (reason !== undefined) throw Object.assign(new Unfit(reason), { path: place() });
    if (typeof value === "object" && value !== null) {
      if (above.length >= MAX_DEPTH) throw Object.assign(new Unfit(`nested deeper than ${MAX_DEPTH} levels`), { path: place() });
      path.push(above.length === 0 ? "$" : Array.isArray(this) ? `[${key}]` : `.${key}`);
      above.push(value);
    }
    return value;
  };
  return JSON.stringify(result, check) ?? "null";
}

function unfit(value, above) {
  switch (typeof value) {
    case "number":
      return Number.isFinite(value) ? undefined : `${value} is not a JSON number`;
    case "bigint":
      return "a BigInt is not JSON; return it as a string, or through JSON.rawJSON to keep it a number";
    case "function":
    case "symbol":
      return `a ${typeof value} is not JSON`;
    case "object":
      if (value === null) return undefined;
      if (above.includes(value)) return "the value contains itself";
      for (const type of [Map, Set, WeakMap, WeakSet, Promise]) if (value instanceof type) return `a ${type.name} is not JSON`;
      return undefined;
    default:
      return undefined;
  }
}

/** @returns the exit code */
function finish(job, result) {
  let text;
  try {
    text = serialise(result);
  } catch (error) {
    report(job, "I", JSON.stringify({ path: error.path ?? "$", message: clip(String(error.message)) }));
    return 1;
  }
  if (process.exitCode !== undefined && process.exitCode !== 0) {
    report(job, "X", String(process.exitCode));
    return Number(process.exitCode);
  }
  report(job, "R", text);
  return 0;
}

process.on("exit", (code) => current && report(current, "X", String(code)));
process.on("uncaughtException", (error) => {
  // A script that listens itself wants to go on.
  if (process.listenerCount("uncaughtException") === 1) exit(current ? fail(current, error) : 1);
});
process.on("beforeExit", () => {
  const unfinished = new Error("main did not finish: nothing is left to do, but its promise is still pending");
  exit(current ? fail(current, Object.assign(unfinished, { name: "Unfinished", stack: "" })) : 1);
});

/** The script's module. Of a plain one the types have been taken away already: Node need not look for them. */
async function load(job) {
  const main = urlOf(job);
  if (job.sdk) offerSdk();
  if (!job.plain) return import(main);
  const hooks = registerHooks({ load: (url, context, next) => next(url, url === main ? { ...context, format: "module" } : context) });
  try {
    return await import(main);
  } finally {
    hooks.deregister();
  }
}

let offered = false;

/** `import "millrace"`: only where a script names it, since every import pays for a hook. */
function offerSdk() {
  if (offered) return;
  offered = true;
  const url = pathToFileURL(`${__dirname}/sdk/index.mjs`).href;
  registerHooks({
    resolve: (specifier, context, next) => (specifier === "millrace" ? { url, format: "module", shortCircuit: true } : next(specifier, context)),
  });
}

function urlOf({ here, file }) {
  return pathToFileURL(`${here}/${file}`).href;
}

/**
 * One job of the script: `here` is its folder, `file` its module, `parameters` those of main, in order, `plain` whether
 * the module is free of types whatever its name is, `fd` where the record goes.
 * `readArgs` is called when the module has been loaded.
 * @returns the exit code
 */
async function run(job, readArgs) {
  current = job;
  let module;
  try {
    module = await load(job);
  } catch (error) {
    const fault = syntaxFault(error, job);
    if (fault === undefined) return fail(job, error);
    report(job, "S", JSON.stringify(fault));
    return 1;
  }
  try {
    if (typeof module.main !== "function") throw Object.assign(new Error("the script exports no function `main`"), { name: "NoMain", stack: "" });
    const args = readArgs();
    // Not args[name]: the script's own parameter may be called like something every object has.
    const argument = (name) => (Object.hasOwn(args, name) ? args[name] : undefined);
    const result = await module.main(...job.parameters.map((parameter) => (parameter.whole ? args : argument(parameter.name))));
    // Set by the client in the job, when the script is a workflow.
    const fault = globalThis[Symbol.for("millrace.workflow")]?.fault();
    return fault === undefined ? finish(job, result) : fail(job, fault);
  } catch (error) {
    return fail(job, error);
  }
}

module.exports = { run, setEnvironment };
