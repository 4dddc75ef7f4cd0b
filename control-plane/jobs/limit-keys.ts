import { createHash } from "node:crypto";
import type { WorkspaceId } from "../../kernel/ids.ts";
import type { JobLimits, LimitSpec } from "../scheduler/core/limit-model.ts";
import { PLACEHOLDER } from "./key-template.ts";
import type { LimitSettings } from "./limits-contract.ts";

const MAX_LABEL_CHARS = 200;

/** What keys are rendered from. */
export interface KeyContext {
  readonly workspace: WorkspaceId;
  readonly workspaceName: string;
  /** Path of the deployed script: the key of limits that name none. */
  readonly scriptPath: string | undefined;
  readonly args: Readonly<Record<string, unknown>>;
}

/** A key with its placeholders filled in: texts as they are, everything else as JSON, a missing argument as null. */
export function renderKey(template: string, { workspaceName, args }: KeyContext): string {
  return template.replaceAll(PLACEHOLDER, (_all, path: string | undefined) => (path === undefined ? workspaceName : textOf(argumentAt(args, path))));
}

/** The limits of one job. Of two with the same kind and key the first counts. Undefined when the settings have none. */
export function renderLimits(settings: LimitSettings | undefined, context: KeyContext): JobLimits | undefined {
  if (settings === undefined) return undefined;
  const specs = new Map<string, LimitSpec>();
  const add = (spec: LimitSpec): void => {
    if (!specs.has(spec.id)) specs.set(spec.id, spec);
  };
  for (const { key, limit, strategy = "queue" } of settings.concurrency ?? []) {
    add({ kind: "running", ...identify("running", key, context), strategy, max: limit });
  }
  for (const { key, starts, per_s, strategy = "queue" } of settings.rate ?? []) {
    add({ kind: "rate", ...identify("rate", key, context), strategy, starts, windowMs: per_s * 1000 });
  }
  if (settings.debounce !== undefined) {
    const { key, delay_s, max_delay_s } = settings.debounce;
    const maxMs = max_delay_s === undefined ? undefined : max_delay_s * 1000;
    add({ kind: "debounce", ...identify("debounce", key, context), strategy: "queue", delayMs: delay_s * 1000, maxMs });
  }
  if (specs.size === 0) return undefined;
  return { group: hash63([...specs.keys()].sort().join(" ")), specs: [...specs.values()] };
}

/** A script's own key is never mistaken for a key of the same text. */
function identify(kind: string, template: string | undefined, context: KeyContext): { id: string; key: string } {
  const [scope, key] = template === undefined ? ["script", context.scriptPath ?? ""] : ["key", renderKey(template, context)];
  return { id: hash63(`${context.workspace}\u0000${kind}\u0000${scope}\u0000${key}`), key: label(key) };
}

/** 63 bits of SHA-256 as a positive decimal number: fits a Postgres bigint, and 0 stays free for "none". */
function hash63(text: string): string {
  const value = createHash("sha256").update(text).digest().readBigUInt64BE() >> 1n;
  return String(value === 0n ? 1n : value);
}

function argumentAt(args: Readonly<Record<string, unknown>>, path: string): unknown {
  let value: unknown = args;
  for (const name of path.split(".")) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, name)) return null;
    value = Object.entries(value).find(([member]) => member === name)?.[1];
  }
  return value;
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : (JSON.stringify(value) ?? "null");
}

/** A key as it is shown and stored: without control characters, and not too long. Its identity is made of the whole. */
function label(key: string): string {
  const plain = key.replaceAll(/\p{Cc}/gu, "\uFFFD");
  return plain.length <= MAX_LABEL_CHARS ? plain : `${plain.slice(0, MAX_LABEL_CHARS - 1)}…`;
}
