// A Node that has started before its script is known, in a sandbox of its own, for one script.
// Says P on fd 5 when it is ready, then waits on fd 7 for one line of JSON: {"env": {...}, "file", "parameters", "args": text of a JSON object}. The
// script's module is in the job folder. B on fd 5 is the last thing before it; from there on all is as in wrapper.mjs.
import { closeSync, writeSync } from "node:fs";
import { run, setEnvironment } from "./core.mjs";
import { readLine } from "./lines.mjs";
// Loads what takes the types away, and the way of loading modules.
import { warmedUp } from "./warm-up.ts";

const RECORD = 5;
const exit = process.exit.bind(process);
const [here] = process.argv.splice(2);
await warmedUp(1);
writeSync(RECORD, "P");
const line = readLine();
if (line === undefined) exit(1);
const { env, file, parameters, args } = JSON.parse(line);
closeSync(7);
setEnvironment(env);
writeSync(RECORD, "B");
exit(await run({ here, file, parameters, fd: RECORD }, () => JSON.parse(args)));
