/** Results that are kept for those who ask for the same again: `cache_ttl`. */
import { createHash } from "node:crypto";
import type { FlowDefinition, Module } from "../model.ts";
import type { FlowSource } from "./flow-run-store.ts";
import type { Resolved } from "./step-jobs.ts";

/** Larger ones are not kept. */
export const MOST_KEPT_BYTES = 256 * 1024;

/**
 * Under which the result of a step is kept: what runs, with which arguments and constants, for whom: a job reads what its starter may read, and another
 * one might not. Where the step stands does not matter.
 */
export function stepKey(module: Module, resolved: Resolved, { env }: FlowDefinition, argsJson: string, createdBy: string): string {
  const { value } = module;
  const code = value.kind === "rawscript" ? [value.language, value.content] : [];
  const what = resolved.kind === "code" ? code : [resolved.kind, resolved.kind === "script" ? resolved.version.hash : resolved.hash];
  return digest(["step", what, argsJson, env, createdBy]);
}

/** Under which the result of a whole flow is kept. */
export function flowKey({ scriptHash, code, argsJson, createdBy }: FlowSource): string {
  return digest(["flow", scriptHash ?? null, code ?? null, argsJson, createdBy]);
}

const digest = (of: unknown): string => createHash("sha256").update(JSON.stringify(of)).digest("hex");
