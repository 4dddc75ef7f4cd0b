// Checks one value against one schema that a tenant wrote, in a thread of its own: Ajv makes a program of the schema, and neither that program nor
// a pattern in it can be trusted to end. Whoever started it ends it.
import { parentPort, workerData } from "node:worker_threads";
import { Ajv } from "ajv";
import addFormats from "ajv-formats";
import { describeErrors } from "../scripts/args-errors.ts";
import { decodeCheckRequest } from "./schema-check-codec.ts";

const { schema, valueText } = decodeCheckRequest(workerData);
const ajv = new Ajv({ strict: false, allErrors: false, coerceTypes: false, useDefaults: false, logger: false, verbose: true, unicodeRegExp: false });
addFormats.default(ajv);
parentPort?.postMessage({ kind: "ready" });
try {
  const isValid = ajv.compile(schema);
  const value: unknown = valueText === undefined ? undefined : JSON.parse(valueText);
  if (valueText === undefined || isValid(value)) parentPort?.postMessage({ kind: "fits" });
  else parentPort?.postMessage({ kind: "wrong", fields: describeErrors(isValid.errors ?? [], schema, value, "/value") });
} catch (error) {
  parentPort?.postMessage({ kind: "bad_schema", message: error instanceof Error ? error.message.slice(0, 500) : String(error) });
}
