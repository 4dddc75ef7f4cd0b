import { LANGUAGES, type Language } from "../kernel/languages.ts";
import type { SignatureReading } from "./model.ts";

/** To the parser process. One request is under way at a time; the number ties the answer to it. */
export interface ParseRequest {
  readonly id: number;
  readonly language: Language;
  readonly code: string;
}

/** From the parser process. `isWorn`: it has grown too large and should be replaced. */
export type ParserMessage =
  | { readonly kind: "ready" }
  | { readonly kind: "reading"; readonly id: number; readonly reading: SignatureReading; readonly isWorn: boolean }
  /** The parser threw: a defect of ours, or a trap of its WebAssembly machine. */
  | { readonly kind: "failure"; readonly id: number; readonly message: string };

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

/** The request in a message of the parent; undefined for anything else. */
export function asParseRequest(message: unknown): ParseRequest | undefined {
  if (!isRecord(message)) return undefined;
  const { id, code } = message;
  const language = LANGUAGES.find((one) => one === message["language"]);
  return typeof id === "number" && typeof code === "string" && language !== undefined ? { id, language, code } : undefined;
}

/** A message of the parser process; undefined for anything else. */
export function asParserMessage(message: unknown): ParserMessage | undefined {
  if (!isRecord(message)) return undefined;
  const { kind, id } = message;
  if (kind === "ready") return { kind };
  if (typeof id !== "number") return undefined;
  if (kind === "failure") return { kind, id, message: String(message["message"]) };
  if (kind !== "reading" || !isReading(message["reading"])) return undefined;
  return { kind, id, reading: message["reading"], isWorn: message["isWorn"] === true };
}

/** Looks at the outline only: both ends are our own code. */
function isReading(value: unknown): value is SignatureReading {
  if (!isRecord(value) || !Array.isArray(value["problems"]) || !isRecord(value["signature"])) return false;
  const { parameters, hasMain, variadic } = value["signature"];
  return Array.isArray(parameters) && typeof hasMain === "boolean" && typeof variadic === "boolean";
}
