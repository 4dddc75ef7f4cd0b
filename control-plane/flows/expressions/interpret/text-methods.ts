import { charge, type Frame, refuse, type Value, type ValueList } from "./values.ts";

type TextMethod = (text: string, args: ValueList, frame: Frame) => Value;

/** Longest text that padding and repeating make here. */
const MADE_CHARS = 100_000;

/** Methods of texts that can be given exactly. Regular expressions, locales and letters beyond ASCII in another case are for the sandbox. */
const TEXT_METHODS: ReadonlyMap<string, TextMethod> = new Map<string, TextMethod>([
  ["at", (text, [index]) => text.at(number(index))],
  ["charAt", (text, [index]) => text.charAt(number(index))],
  ["charCodeAt", (text, [index]) => text.charCodeAt(number(index))],
  ["codePointAt", (text, [index]) => text.codePointAt(number(index))],
  ["concat", (text, args) => text.concat(...args.map(string))],
  ["endsWith", (text, [search, end]) => text.endsWith(string(search), optionalNumber(end))],
  ["includes", (text, [search, from]) => text.includes(string(search), optionalNumber(from))],
  ["indexOf", (text, [search, from]) => text.indexOf(string(search), optionalNumber(from))],
  ["lastIndexOf", (text, [search, from]) => text.lastIndexOf(string(search), optionalNumber(from))],
  ["padEnd", (text, [length, fill]) => text.padEnd(moderate(length), fill === undefined ? undefined : string(fill))],
  ["padStart", (text, [length, fill]) => text.padStart(moderate(length), fill === undefined ? undefined : string(fill))],
  ["repeat", repeat],
  ["replace", (text, [search, replacement]) => text.replace(string(search), plain(replacement))],
  ["replaceAll", replaceAll],
  ["slice", (text, [start, end]) => text.slice(optionalNumber(start), optionalNumber(end))],
  ["split", split],
  ["startsWith", (text, [search, from]) => text.startsWith(string(search), optionalNumber(from))],
  ["substring", (text, [start, end]) => text.substring(number(start), optionalNumber(end))],
  ["toLowerCase", (text) => ascii(text).toLowerCase()],
  ["toString", (text) => text],
  ["toUpperCase", (text) => ascii(text).toUpperCase()],
  ["trim", (text) => text.trim()],
  ["trimEnd", (text) => text.trimEnd()],
  ["trimStart", (text) => text.trimStart()],
]);

export function callTextMethod(text: string, name: string, args: ValueList, frame: Frame): Value {
  const method = TEXT_METHODS.get(name) ?? refuse();
  charge(frame, 1 + (text.length >> 6));
  // Looking for one text in another takes as long as both together in bad cases; backwards it does so in most.
  const atOnce = name === "lastIndexOf" ? 64 : 4_096;
  for (const arg of args) if (typeof arg === "string") charge(frame, Math.ceil((text.length * arg.length) / atOnce));
  const value = method(text, args, frame);
  if (typeof value === "string") charge(frame, value.length >> 6);
  return value;
}

function split(text: string, [separator, limit]: ValueList, frame: Frame): Value {
  charge(frame, text.length >> 2);
  frame.hasMade = true;
  return text.split(string(separator), optionalNumber(limit));
}

function repeat(text: string, [times]: ValueList): Value {
  const count = moderate(times);
  return count >= 0 && count * text.length <= MADE_CHARS ? text.repeat(count) : refuse();
}

function replaceAll(text: string, [search, replacement]: ValueList, frame: Frame): Value {
  const [wanted, instead] = [string(search), plain(replacement)];
  // As many times as there are characters, at the worst.
  charge(frame, Math.ceil((text.length * (1 + instead.length)) / 64));
  return text.replaceAll(wanted, instead);
}

function string(value: Value): string {
  return typeof value === "string" ? value : refuse();
}

function number(value: Value): number {
  return typeof value === "number" ? value : refuse();
}

function optionalNumber(value: Value): number | undefined {
  return value === undefined ? undefined : number(value);
}

function moderate(value: Value): number {
  const count = number(value);
  return count <= MADE_CHARS ? count : refuse();
}

/** `$` stands for something in a replacement. */
function plain(value: Value): string {
  return string(value).includes("$") ? refuse() : string(value);
}

/** The engines have tables of different years for the others. */
function ascii(text: string): string {
  return /^[\s!-~]*$/.test(text) ? text : refuse();
}
