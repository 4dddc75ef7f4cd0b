// Runs one script. A constant: what comes from the tenant is read from the files in the job folder, the argument. package.json there names
// the module and the parameters of main, in order; args.json has the arguments. The record goes to fd 5, see core.mjs.
import { readFileSync } from "node:fs";
import { run } from "./core.mjs";

const exit = process.exit.bind(process);
const [here] = process.argv.splice(2);
const { file, parameters, plain, sdk } = JSON.parse(readFileSync(`${here}/package.json`, "utf8")).millrace;
exit(await run({ here, file, parameters, plain, sdk, fd: 5 }, () => JSON.parse(readFileSync(`${here}/args.json`, "utf8"))));
