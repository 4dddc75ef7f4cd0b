import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { type DeployScriptRequest, deployScriptRequest } from "../control-plane/scripts/contract.ts";
import { AppError, messageOf } from "../kernel/app-error.ts";
import { parseDurationMs } from "./durations.ts";
import { scriptSettings } from "./sync/kinds/script.ts";

/** A file of this name in a deployed folder says more about its scripts. */
export const SETTINGS_FILE = "millrace.json";

export interface DeploySettings {
  readonly prefix: string | undefined;
  /** Files and folders that are no scripts to deploy, by path from the folder. */
  readonly ignore: readonly string[];
  /** By path from the folder, with extension. */
  readonly files: ReadonlyMap<string, FileSettings>;
}

type FileSettings = Omit<DeployScriptRequest, "path" | "language" | "content">;

const { retry, concurrency, rate, debounce, network, min_sandbox_level, memory_mb, cpu_millis, dedicated } = deployScriptRequest.shape;
const fileSchema = z.strictObject({
  tag: z.string().optional(),
  timeout: z.string().optional(),
  soft_timeout: z.string().optional(),
  summary: z.string().optional(),
  priority: z.int().min(0).max(9).optional(),
  queue_ttl: z.string().optional(),
  retry,
  concurrency,
  rate,
  debounce,
  network,
  min_sandbox_level,
  memory_mb,
  cpu_millis,
  dedicated,
});
const schema = z.strictObject({
  prefix: z.string().optional(),
  ignore: z.array(z.string()).optional(),
  files: z.record(z.string(), fileSchema).optional(),
});

/** Reads the settings beside a script, which are in the words of the API. Errors: invalid_argument with the place that is wrong. */
export function readScriptSettings(text: string, name: string): FileSettings {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new AppError("invalid_argument", `${name} is not JSON: ${messageOf(error)}`, { cause: error });
  }
  const parsed = scriptSettings.safeParse(value);
  if (parsed.success) return parsed.data;
  const issues = parsed.error.issues.map((issue) => `${issue.path.length === 0 ? "" : `${issue.path.join(" → ")}: `}${issue.message}`);
  throw new AppError("invalid_argument", `${name} is not right: ${issues.join("; ")}`);
}

/** Reads millrace.json of a folder; nothing is set when there is none. Errors: invalid_argument with the place that is wrong. */
export function readDeploySettings(folder: string): DeploySettings {
  const path = join(folder, SETTINGS_FILE);
  if (!existsSync(path)) return { prefix: undefined, ignore: [], files: new Map() };
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(path, "utf8"));
  } catch (error) {
    throw new AppError("invalid_argument", `"${path}" is not JSON: ${messageOf(error)}`, { cause: error });
  }
  const parsed = schema.safeParse(value);
  if (!parsed.success) {
    const issues = parsed.error.issues.map((issue) => `${issue.path.length === 0 ? "" : `${issue.path.join(" → ")}: `}${issue.message}`);
    throw new AppError("invalid_argument", `"${path}" is not right: ${issues.join("; ")}`, {
      hint: '{"files": {"name.py": {"tag": "…", "timeout": "30s", "summary": "…"}}}',
    });
  }
  const files = new Map<string, FileSettings>();
  for (const [name, file] of Object.entries(parsed.data.files ?? {})) {
    const { tag, timeout, soft_timeout: softTimeout, summary, priority, queue_ttl: queueTtl, retry: again, ...limits } = file;
    files.set(name, {
      ...(tag !== undefined && { tag }),
      ...(summary !== undefined && { summary }),
      ...limits,
      ...(timeout !== undefined && { timeout_ms: parseDurationMs(timeout) }),
      ...(softTimeout !== undefined && { soft_timeout_ms: parseDurationMs(softTimeout) }),
      ...(priority !== undefined && { priority }),
      ...(queueTtl !== undefined && { queue_ttl_s: Math.ceil(parseDurationMs(queueTtl) / 1000) }),
      ...(again !== undefined && { retry: again }),
    });
  }
  return { prefix: parsed.data.prefix, ignore: parsed.data.ignore ?? [], files };
}
