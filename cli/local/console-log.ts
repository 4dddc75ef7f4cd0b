import { isJsonObject } from "../exact-json.ts";
import { type Ink, inkFor } from "../output.ts";
import { plainText } from "../sanitise.ts";

const LEVELS = ["debug", "info", "warn", "error", "silent"] as const;
type Level = (typeof LEVELS)[number];
/** Those of pino that people need not tell apart. */
const OTHER_LEVELS: ReadonlyMap<unknown, Level> = new Map<unknown, Level>([
  ["trace", "debug"],
  ["fatal", "error"],
]);
/** Fields that tell a person nothing. */
const HIDDEN = new Set(["level", "time", "msg", "pid", "hostname", "v", "stack", "event"]);
const MAX_FIELD = 300;

/** What the control plane writes its events to. */
export interface ConsoleLog {
  debug(fields: Record<string, unknown>, message: string): void;
  info(fields: Record<string, unknown>, message: string): void;
  warn(fields: Record<string, unknown>, message: string): void;
  error(fields: Record<string, unknown>, message: string): void;
}

/** The least level that is shown, from MILLRACE_LOG_LEVEL. */
export function logLevel(env: NodeJS.ProcessEnv, fallback: Level): Level {
  return LEVELS.find((level) => level === env["MILLRACE_LOG_LEVEL"]) ?? fallback;
}

/** A log for people: one line an event on stderr. */
export function createConsoleLog(source: string, least: Level): ConsoleLog {
  const ink = inkFor(process.stderr);
  const at = (level: Exclude<Level, "silent">) => (fields: Record<string, unknown>, message: string) => {
    if (LEVELS.indexOf(level) >= LEVELS.indexOf(least)) process.stderr.write(`${formatEvent(source, level, fields, message, ink)}\n`);
  };
  return { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
}

/** Turns a JSON line of pino into one for people; what is none is shown as it is. */
export function formatJsonLine(source: string, line: string, ink: Ink): string {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return `${ink.dim(source)} ${plainText(line)}`;
  }
  if (!isJsonObject(value)) return `${ink.dim(source)} ${plainText(line)}`;
  const { level, msg } = value;
  const name = OTHER_LEVELS.get(level) ?? LEVELS.find((known) => known === level) ?? "info";
  return formatEvent(source, name, value, typeof msg === "string" ? msg : "", ink);
}

function formatEvent(source: string, level: Level, fields: Record<string, unknown>, message: string, ink: Ink): string {
  const paint = level === "error" ? ink.red : level === "warn" ? ink.yellow : ink.dim;
  const details = Object.entries(fields)
    .filter(([key, value]) => !HIDDEN.has(key) && value !== undefined)
    .map(([key, value]) => `${key}=${plainText(typeof value === "string" ? value : JSON.stringify(value)).slice(0, MAX_FIELD)}`)
    .join(" ");
  return `${paint(`${source} ${level}:`)} ${plainText(message)}${details === "" ? "" : ink.dim(` (${details})`)}`;
}
