import type { Language } from "../kernel/languages.ts";
import type { SignatureReading } from "./model.ts";
import { ParserProcess } from "./parser-process.ts";

const parserProcess = new ParserProcess();

/**
 * Infers what a script takes from the signature of its `main`, and finds its syntax errors. Broken code is a result,
 * not an error; whatever the code does to the parsers, this process survives. The caller refuses code over 1 MiB.
 * Errors: resource_exhausted and unavailable when the parser process cannot serve at the moment (see `ParserProcess`).
 */
export function inferSignature(language: Language, code: string): Promise<SignatureReading> {
  return parserProcess.read(language, code);
}
