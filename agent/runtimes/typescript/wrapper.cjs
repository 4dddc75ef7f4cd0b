// Runs one script. A constant: what comes from the tenant is read from the files in the job folder, the argument. package.json there names
// the module and the parameters of main, in order; args.json has the arguments. The record goes to fd 5, see core.cjs.
"use strict";
const { readFileSync } = require("node:fs");
const { run } = require("./core.cjs");

const exit = process.exit.bind(process);
const [here] = process.argv.splice(2);
const { file, parameters, plain, sdk } = JSON.parse(readFileSync(`${here}/package.json`, "utf8")).millrace;
void run({ here, file, parameters, plain, sdk, fd: 5 }, () => JSON.parse(readFileSync(`${here}/args.json`, "utf8"))).then(exit);
