// A Node that has started before its script is known, in a sandbox of its own, for one script.
// Says P on fd 5 when it is ready, then waits on fd 7 for one line of JSON: {"env": {...}, "file", "parameters", "plain", "args": text of a JSON object}. The
// script's module is in the job folder. B on fd 5 is the last thing before it; from there on all is as in wrapper.cjs.
"use strict";
const { closeSync, openSync, writeSync } = require("node:fs");
const { run, setEnvironment } = require("./core.cjs");
const { readLine } = require("./lines.cjs");

const RECORD = 5;
const exit = process.exit.bind(process);
const [here] = process.argv.splice(2);
// A whole job once, into nothing: code that has run is quicker.
const nowhere = openSync("/dev/null", "w");
const times = { name: "times", whole: false };

async function serve() {
  await run({ here: __dirname, file: "warm-up.mjs", parameters: [times], plain: true, fd: nowhere }, () => JSON.parse('{"times":1}'));
  closeSync(nowhere);
  writeSync(RECORD, "P");
  const line = readLine();
  if (line === undefined) exit(1);
  const { env, file, parameters, plain, sdk, args } = JSON.parse(line);
  closeSync(7);
  setEnvironment(env);
  writeSync(RECORD, "B");
  exit(await run({ here, file, parameters, plain, sdk, fd: RECORD }, () => JSON.parse(args)));
}

void serve();
