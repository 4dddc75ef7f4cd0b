import { setFlagsFromString } from "node:v8";

const COMPILES_AFTER_CALLS = { "invocation-count-for-maglev": 30, "invocation-count-for-turbofan": 60, "minimum-invocations-after-ic-update": 20 };

/**
 * V8 compiles a function well when it has been called 400 times, and as well as it can at 3000; and it waits for 500 calls without a surprise. Code that
 * runs once for a request gets there after hours where requests come one at a time, and until then each of its steps takes half as long again. A server
 * runs for months: from this call on it compiles sooner, at the price of some functions that are compiled again (docs/decisions/0201).
 */
export function compileSoon(): void {
  for (const [flag, calls] of Object.entries(COMPILES_AFTER_CALLS)) setFlagsFromString(`--${flag}=${calls}`);
}
