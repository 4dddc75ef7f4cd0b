import { setFlagsFromString } from "node:v8";

// V8 guesses from which lines of code objects come that live long, and makes them in the space of old objects at once. In a program whose objects
// live as long as a job the guess is wrong, and proves itself right: such an object is dead soon, but keeps the young ones that it points to until
// the next full collection, so that they look long-lived, too. Without it (and with `ChurnMap`) a small collection of the control plane copies a
// third, and there are hardly any full ones under load: docs/decisions/0200. It is set here, not on a command line, so that it holds however the
// program is started; whatever imports this module does so first.
setFlagsFromString("--no-allocation-site-pretenuring");

// V8 compiles a function well when it has been called 400 times, and as well as it can at 3000; and it waits for 500 calls without a surprise. Code that
// runs once for a request gets there after hours where requests come one at a time, and until then each takes a fifth longer. A server or an agent runs for
// months: it may compile sooner, at the price of some functions that are compiled again (docs/decisions/0201).
const COMPILES_AFTER_CALLS = { "invocation-count-for-maglev": 30, "invocation-count-for-turbofan": 60, "minimum-invocations-after-ic-update": 20 };
for (const [flag, calls] of Object.entries(COMPILES_AFTER_CALLS)) setFlagsFromString(`--${flag}=${calls}`);
