/** Names that an expression uses and that are nowhere: it would end with a ReferenceError whenever it comes to them. */

/** Always there. */
const EVERYWHERE = ["flow_input", "results", "previous_result", "flow_env", "resume", "resumes", "approvers"];
const LOOKUPS = ["variable", "resource"];

/** What the language has, as far as QuickJS does. */
const LANGUAGE = [
  ..."undefined NaN Infinity globalThis arguments eval Function Object Array String Number Boolean Symbol BigInt Math JSON Date RegExp".split(" "),
  ..."Map Set WeakMap WeakSet WeakRef FinalizationRegistry Promise Proxy Reflect Iterator Atomics ArrayBuffer SharedArrayBuffer DataView".split(" "),
  ..."Error EvalError RangeError ReferenceError SyntaxError TypeError URIError AggregateError InternalError".split(" "),
  ..."Int8Array Uint8Array Uint8ClampedArray Int16Array Uint16Array Int32Array Uint32Array".split(" "),
  ..."BigInt64Array BigUint64Array Float16Array Float32Array Float64Array".split(" "),
  ..."isNaN isFinite parseInt parseFloat encodeURI encodeURIComponent decodeURI decodeURIComponent escape unescape queueMicrotask".split(" "),
];
const KNOWN: ReadonlySet<string> = new Set([...EVERYWHERE, ...LOOKUPS, ...LANGUAGE]);

const INPUTS = "inputs of the flow are flow_input.<name>";
const RESULTS = "results of steps are results.<id>";
const NO_IO = "expressions have no I/O and no modules: make it a script step";
/** What people write who mean something else. */
const MEANT: ReadonlyMap<string, string> = new Map([
  ...["input", "inputs", "args", "flow_inputs", "params"].map((name) => [name, INPUTS] as const),
  ...["step", "steps", "output", "outputs"].map((name) => [name, RESULTS] as const),
  ...["fetch", "require", "process", "console", "Buffer", "setTimeout", "Deno", "Bun", "wmill", "Intl", "URL"].map((name) => [name, NO_IO] as const),
  ["result", "it is there after the step; before it, previous_result is that of the step before"],
  ["error", "it is there in retry_if and in the failure module"],
  ["iter", "it is there in the steps of a loop"],
]);

/** @param free all names that an expression needs @param names those that are there beside the ones that always are. @returns what is wrong with the others */
export function unknownNames(free: readonly string[], names: ReadonlySet<string>): string[] {
  const unknown = free.filter((name) => !KNOWN.has(name) && !names.has(name));
  return unknown.map((name) => `uses ${name}, which is not there: ${MEANT.get(name) ?? `expressions see ${[...EVERYWHERE, ...names, ...LOOKUPS].join(", ")}`}`);
}
