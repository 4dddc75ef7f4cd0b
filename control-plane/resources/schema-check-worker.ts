// Checks one value against one schema that a tenant wrote, in a thread of its own. Whoever started it ends it.
import { parentPort, workerData } from "node:worker_threads";
import type { ValidateFunction } from "ajv";
import { messageOf } from "../../kernel/app-error.ts";
import { describeErrors, type ErrorWords } from "../scripts/args-errors.ts";
import { type CheckAnswer, type CheckRequest, decodeCheckRequest } from "./schema-check-codec.ts";
import { schemaCompiler } from "./schema-compiler.ts";

const WORDS: Readonly<Record<CheckRequest["use"], ErrorWords>> = {
  value: { member: "a member of this type", members: "members", takesReferences: true },
  // What approvers send is not looked up: a text that looks like a reference is that text.
  answer: { member: "a field of this form", members: "fields", takesReferences: false },
};

const request = decodeCheckRequest(workerData);
const answer = (message: CheckAnswer): void => parentPort?.postMessage(message);
const compile = schemaCompiler(request.use, request.schema);
answer({ kind: "ready" });
answer(verdict(request));

function verdict(asked: CheckRequest): CheckAnswer {
  let isValid: ValidateFunction;
  try {
    isValid = compile();
  } catch (error) {
    return { kind: "bad_schema", message: messageOf(error).slice(0, 500) };
  }
  return asked.valueText === undefined ? { kind: "fits", valueText: "null" } : judge(isValid, asked, asked.valueText);
}

function judge(isValid: ValidateFunction, { use, schema }: CheckRequest, valueText: string): CheckAnswer {
  try {
    const value: unknown = JSON.parse(valueText);
    // The value of a resource stays as it was written, digits and all.
    if (isValid(value)) return { kind: "fits", valueText: use === "answer" ? JSON.stringify(value) : valueText };
    const fields = describeErrors(isValid.errors ?? [], schema, value, "", WORDS[use]);
    return fields.length === 0 ? { kind: "fits", valueText } : { kind: "wrong", fields };
  } catch {
    // The stack was not enough.
    return { kind: "wrong", fields: [{ pointer: "", message: "is nested too deep to be checked" }] };
  }
}
