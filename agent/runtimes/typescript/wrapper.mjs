// Runs a TypeScript or JavaScript module as the agent wants it. A constant: what comes from the tenant is read from the
// files beside it. launch.json names the module and the parameters of main, in order.
// Writes one record to fd 5: R + JSON (result), E + JSON (exception), S + JSON (syntax error),
// I + JSON (result is not JSON), X + exit code.
import { readFileSync, writeSync } from "node:fs";
import { pathToFileURL } from "node:url";

const FD = 5;
const MAX_TEXT = 16_000;
const MAX_DEPTH = 128;
const here = import.meta.dirname;
const { file, parameters } = JSON.parse(readFileSync(`${here}/launch.json`, "utf8"));
const url = pathToFileURL(`${here}/${file}`).href;
const exit = process.exit.bind(process);
let reported = false;

// Node writes to pipes without waiting and loses what is left when the process exits. Waiting also keeps children, which share
// the pipe, from finding it in non-blocking mode.
for (const stream of [process.stdout, process.stderr]) stream._handle?.setBlocking?.(true);

function report(kind, text) {
  if (reported) return;
  reported = true;
  const data = Buffer.from(kind + text);
  for (let at = 0; at < data.length; ) {
    try {
      at += writeSync(FD, data, at);
    } catch (error) {
      if (error.code !== "EAGAIN") throw error;
    }
  }
}

const clip = (text) => (text.length <= MAX_TEXT ? text : `${text.slice(0, MAX_TEXT / 2)}\n…\n${text.slice(-MAX_TEXT / 2)}`);

/** Frames of the script only, under its own file name. */
function cleanStack(stack) {
  return String(stack)
    .split("\n")
    .filter((line) => !/^\s+at .*(?:node:|wrapper\.mjs)/.test(line))
    .join("\n")
    .replaceAll(url, file)
    .replaceAll(`${here}/${file}`, file);
}

function describe(thrown) {
  if (!(thrown instanceof Error))
    return { name: "Thrown", message: clip(typeof thrown === "string" ? thrown : (safely(() => JSON.stringify(thrown)) ?? String(thrown))) };
  const record = { name: clip(String(thrown.name)), message: clip(String(thrown.message)), stack: clip(cleanStack(thrown.stack ?? "")) };
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

function fail(thrown) {
  report("E", safely(() => JSON.stringify(describe(thrown))) ?? '{"name":"Error","message":"(the error cannot be read)"}');
  exit(1);
}

/** A syntax error of the module itself, not one that running code threw (JSON.parse does). */
function syntaxFault(error) {
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

function finish(result) {
  let text;
  try {
    text = serialise(result);
  } catch (error) {
    report("I", JSON.stringify({ path: error.path ?? "$", message: clip(String(error.message)) }));
    exit(1);
  }
  if (process.exitCode !== undefined && process.exitCode !== 0) exit();
  report("R", text);
  exit(0);
}

process.on("exit", (code) => report("X", String(code)));
process.on("uncaughtException", (error) => {
  // A script that listens itself wants to go on.
  if (process.listenerCount("uncaughtException") === 1) fail(error);
});
process.on("beforeExit", () => {
  fail(Object.assign(new Error("main did not finish: nothing is left to do, but its promise is still pending"), { name: "Unfinished", stack: "" }));
});

let module;
try {
  module = await import(url);
} catch (error) {
  const fault = syntaxFault(error);
  if (fault === undefined) fail(error);
  report("S", JSON.stringify(fault));
  exit(1);
}
try {
  if (typeof module.main !== "function") throw Object.assign(new Error("the script exports no function `main`"), { name: "NoMain", stack: "" });
  const args = JSON.parse(readFileSync(`${here}/args.json`, "utf8"));
  // Not args[name]: the script's own parameter may be called like something every object has.
  const argument = (name) => (Object.hasOwn(args, name) ? args[name] : undefined);
  finish(await module.main(...parameters.map((parameter) => (parameter.whole ? args : argument(parameter.name)))));
} catch (error) {
  fail(error);
}
