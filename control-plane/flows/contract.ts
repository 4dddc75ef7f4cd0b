import { z } from "zod";
import { WELL_FORMED, WITHOUT_NUL } from "../../kernel/storable-text.ts";
import { scriptPath } from "../jobs/contract.ts";
import { archivedFields } from "../scripts/contract.ts";

export const deployFlowRequest = z
  .strictObject({
    path: scriptPath,
    document: z.record(z.string(), z.unknown()).optional().meta({ description: "The flow as OpenFlow: `summary`, `schema`, `value` with its steps." }),
    yaml: z
      .string()
      .refine(WELL_FORMED.check, WELL_FORMED.message)
      .optional()
      .meta({ description: "The same as YAML text instead. It is kept as it is, comments and all." }),
  })
  .refine((body) => (body.document === undefined) !== (body.yaml === undefined), { message: "give exactly one of document and yaml" });
export type DeployFlowRequest = z.infer<typeof deployFlowRequest>;

export const flowView = z.object({
  path: z.string(),
  hash: z.string().meta({ description: "Names this version for ever: sha256 of path and document." }),
  summary: z.string(),
  created_at: z.iso.datetime(),
  created_by: z.string(),
  ...archivedFields,
});
export type FlowView = z.infer<typeof flowView>;

const ignored = z
  .array(z.string())
  .meta({ description: "Members of the document that are kept and change nothing, as JSON pointers from its top; at most 50." });

export const deployFlowResponse = flowView.extend({ created: z.boolean().meta({ description: "false: this version was already deployed." }), ignored });
export type DeployFlowResponse = z.infer<typeof deployFlowResponse>;

export const flowWithDocument = flowView.extend({
  document: z.record(z.string(), z.unknown()).meta({ description: "As it was deployed." }),
  yaml: z.string().optional().meta({ description: "The text that it was deployed as, when that was YAML." }),
  ignored,
});
export type FlowWithDocument = z.infer<typeof flowWithDocument>;

export const flowPage = z.object({ flows: z.array(flowView), next_cursor: z.string().optional() });
export const flowVersionPage = z.object({
  versions: z.array(flowView.extend({ current: z.boolean().meta({ description: "Whether this version is what the path runs." }) })),
  next_cursor: z.string().optional(),
});

const pathText = z.string().max(255).refine(WITHOUT_NUL.check, WITHOUT_NUL.message);
const limit = z.coerce.number().int().min(1).max(200).optional();

export const flowListQuery = z.strictObject({
  prefix: pathText.optional(),
  cursor: pathText.optional(),
  limit,
  archived: z.stringbool().optional().meta({ description: "true: those that are archived, instead of those in use." }),
});
export const flowPathQuery = z.strictObject({ path: pathText });
