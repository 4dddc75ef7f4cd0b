import type { SandboxLimits } from "./sandbox-limits.ts";

/** To the thread. One task is under way at a time. */
export interface SandboxTask {
  readonly id: number;
  /** A function expression without parameters. */
  readonly code: string;
  /** JSON `{ values, variables, resources }`. */
  readonly context: string;
  /** Whether `Date` exists. */
  readonly hasDate: boolean;
  /** What the clock says; undefined when there is none. */
  readonly atMs: number | undefined;
}

/** `size`, `depth`: of the value; `context`: what it reads is too large to be passed. */
export type Limit = "time" | "memory" | "stack" | "size" | "depth" | "context";

export type SandboxOutcome =
  /** JSON */
  | { readonly kind: "value"; readonly json: string }
  | { readonly kind: "needs"; readonly variables: readonly string[]; readonly resources: readonly string[] }
  | { readonly kind: "error"; readonly name: string; readonly message: string; readonly stack: string }
  | { readonly kind: "limit"; readonly limit: Limit }
  /** The engine itself failed: a defect of it that somebody may be making use of. */
  | { readonly kind: "broken" };

/** From the thread. `isWorn`: it has grown, or is not to be trusted any more, and has to be replaced. */
export type SandboxMessage =
  | { readonly kind: "ready"; readonly cpuMicros: number }
  | { readonly kind: "outcome"; readonly id: number; readonly outcome: SandboxOutcome; readonly isWorn: boolean; readonly cpuMicros: number };

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

/** The limits that a thread was started with. Both ends are our own code. */
export function asLimits(value: unknown): SandboxLimits {
  return value as SandboxLimits;
}

/** A task in a message of the host; undefined for anything else. */
export function asTask(message: unknown): SandboxTask | undefined {
  return isRecord(message) && typeof message["code"] === "string" ? (message as unknown as SandboxTask) : undefined;
}

/** A message of the thread; undefined for anything else. */
export function asMessage(message: unknown): SandboxMessage | undefined {
  return isRecord(message) && (message["kind"] === "ready" || message["kind"] === "outcome") ? (message as unknown as SandboxMessage) : undefined;
}

const BROKEN = { kind: "broken" } as const;

/** An answer of the guest (`guest.ts`), which may be anything that somebody managed to make of it. */
export function readAnswer(text: string): SandboxOutcome {
  const rest = text.slice(1);
  if (text.startsWith("v")) return { kind: "value", json: rest };
  const parts = parseList(rest);
  if (parts === undefined) return BROKEN;
  if (text.startsWith("n")) {
    const [variables, resources] = parts;
    return isTexts(variables) && isTexts(resources) ? { kind: "needs", variables, resources } : BROKEN;
  }
  const [name, message, stack] = parts;
  const isError = text.startsWith("e") && typeof name === "string" && typeof message === "string" && typeof stack === "string";
  return isError ? { kind: "error", name, message, stack } : BROKEN;
}

function parseList(text: string): unknown[] | undefined {
  try {
    const list: unknown = JSON.parse(text);
    return Array.isArray(list) ? list : undefined;
  } catch {
    return undefined;
  }
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((one) => typeof one === "string");
}
