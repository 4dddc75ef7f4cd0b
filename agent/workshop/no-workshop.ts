import { AppError } from "../../kernel/app-error.ts";
import type { Workshop } from "./workshop.ts";

function missing(): Promise<never> {
  return Promise.reject(new AppError("internal", "this agent cannot build"));
}

/** Of an agent that cannot build: every request fails. */
export const NO_WORKSHOP: Workshop = { artifact: missing, command: missing, buildEnv: new Map() };
