import { z } from "zod";
import { WITHOUT_NUL } from "../../kernel/storable-text.ts";
import { JOB_LIMITS, scriptPath, tagName } from "../jobs/contract.ts";
import { limitFields } from "../jobs/limits-contract.ts";
import { policySettings } from "../jobs/policy-contract.ts";
import { requirementFields } from "../jobs/requirements-contract.ts";

/** UTF-8 bytes of the lock of one version. */
export const LOCK_BYTES = 1024 * 1024;

export const deployScriptRequest = z.strictObject({
  path: scriptPath,
  language: z
    .string()
    .max(32)
    .meta({ examples: ["python3", "typescript", "javascript", "bash"] }),
  content: z.string(),
  summary: z.string().max(1000).refine(WITHOUT_NUL.check, WITHOUT_NUL.message).optional(),
  tag: tagName.optional(),
  timeout_ms: z.int().min(100).max(JOB_LIMITS.timeoutMs).optional(),
  priority: z.int().min(0).max(9).optional(),
  ...policySettings,
  ...limitFields,
  ...requirementFields,
  lock: z
    .string()
    .refine((text) => Buffer.byteLength(text) <= LOCK_BYTES, `a lock has at most ${LOCK_BYTES} bytes`)
    .refine(WITHOUT_NUL.check, WITHOUT_NUL.message)
    .optional()
    .meta({ description: "Fixed versions of the dependencies, in the words of the language's own tool. Default: an agent finds them out after the deploy." }),
});
export type DeployScriptRequest = z.infer<typeof deployScriptRequest>;

/** Of scripts and flows. */
export const archivedFields = {
  archived_at: z.iso.datetime().optional().meta({ description: "Of an archived one: it is not listed and does not run." }),
  archived_by: z.string().optional(),
};

export const scriptView = z.object({
  path: z.string(),
  hash: z.string().meta({ description: "Names this version for ever: sha256 of path, language, code and settings." }),
  language: z.string(),
  summary: z.string(),
  tag: z.string(),
  timeout_ms: z.int().optional(),
  priority: z.int().optional(),
  ...policySettings,
  ...limitFields,
  ...requirementFields,
  lock_state: z.enum(["none", "pending", "ready", "failed"]).meta({
    description:
      "Of the versions of its dependencies. none: it has none that could be fixed. Until it is ready, and when it failed, runs find them out themselves.",
  }),
  lock_job: z.string().optional().meta({ description: "The job that finds them out, or did." }),
  lock_error: z.string().optional().meta({ description: "Why it failed. Deploying the same version again asks once more." }),
  schema: z.record(z.string(), z.unknown()).meta({ description: "JSON Schema of the arguments, inferred from `main`." }),
  created_at: z.iso.datetime(),
  created_by: z.string(),
  ...archivedFields,
});
export type ScriptView = z.infer<typeof scriptView>;

export const deployScriptResponse = scriptView.extend({ created: z.boolean().meta({ description: "false: this version was already deployed." }) });
export const scriptWithContent = scriptView.extend({
  content: z.string(),
  lock: z.string().optional().meta({ description: "Once it is ready." }),
  lock_given: z.boolean().meta({ description: "true: the lock came with the deploy, and is part of what the hash names." }),
});
export const scriptPage = z.object({ scripts: z.array(scriptView), next_cursor: z.string().optional() });
export const scriptListQuery = z.strictObject({
  prefix: z.string().max(255).refine(WITHOUT_NUL.check, WITHOUT_NUL.message).optional(),
  cursor: z.string().max(255).refine(WITHOUT_NUL.check, WITHOUT_NUL.message).optional(),
  limit: z.coerce.number().int().min(1).max(200).optional(),
  archived: z.stringbool().optional().meta({ description: "true: those that are archived, instead of those in use." }),
});

const versionFields = { current: z.boolean().meta({ description: "Whether this version is what the path runs." }) };
export const scriptVersionPage = z.object({ versions: z.array(scriptView.extend(versionFields)), next_cursor: z.string().optional() });
/** Of scripts and flows. */
export const versionsQuery = z.strictObject({
  path: z.string().max(255).refine(WITHOUT_NUL.check, WITHOUT_NUL.message),
  cursor: z.string().max(255).refine(WITHOUT_NUL.check, WITHOUT_NUL.message).optional(),
  limit: z.coerce.number().int().min(1).max(200).optional(),
});

/** Of scripts and flows. */
export const archiveRequest = z.strictObject({ path: scriptPath });
export const moveRequest = z.strictObject({ path: scriptPath, to: scriptPath });
/** The current version of the path: its ETag is the hash. */
export const ifMatch = z.object({
  "if-match": z.string().max(100).optional().meta({ description: "The ETag (the hash in quotes) that the current version must still have; otherwise a 412." }),
});
export const deployConditions = ifMatch.extend({
  "if-none-match": z.literal("*").optional().meta({ description: "`*`: nothing must be in use at the path; otherwise a 412." }),
});
