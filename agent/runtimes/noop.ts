import { setTimeout } from "node:timers/promises";
import { NOOP_LANGUAGE } from "../../kernel/languages.ts";
import { readJsonMembers } from "../runner/json-text.ts";
import type { InProcessRuntime, RuntimeSupport } from "./runtime.ts";

const MAX_SLEEP_MS = 60_000;

/**
 * Returns the argument `value` or null, at once or after `sleep_ms`: measures everything around a job. Only for agents that
 * were started with it.
 */
const runtime: InProcessRuntime = {
  kind: "in-process",
  version: "1",
  run: async (request, signal) => {
    const members = readJsonMembers(request.argsJson);
    if (members.kind !== "members") return "null";
    const sleepMs = Number(members.values.get("sleep_ms") ?? "0");
    if (sleepMs > 0) await setTimeout(Math.min(sleepMs, MAX_SLEEP_MS), undefined, { signal });
    return members.values.get("value") ?? "null";
  },
  close: () => undefined,
};

export const noopSupport: RuntimeSupport = {
  languages: [NOOP_LANGUAGE],
  detect: () => Promise.resolve(new Map([[NOOP_LANGUAGE, runtime]])),
};
