import { z } from "zod";
import { WITHOUT_NUL } from "../../kernel/storable-text.ts";
import { scriptPath } from "../jobs/contract.ts";
import { THING_LIMITS } from "../variables/contract.ts";

export const DRAFT_LIMITS = {
  /** UTF-8 bytes of the JSON text of a draft: a script's code and its settings. */
  bytes: 1536 * 1024,
  /** Drafts that one author may have in a workspace. */
  perAuthor: 1000,
} as const;

export const draftKind = z.enum(["script", "flow"]);
export type DraftKind = z.infer<typeof draftKind>;

export const draftQuery = z.strictObject({ kind: draftKind, path: scriptPath });
export const draftListQuery = z.strictObject({
  kind: draftKind.optional(),
  path: scriptPath.optional().meta({ description: "Only drafts of this path." }),
  everybody: z.stringbool().optional().meta({ description: "true: those of all authors; without it the caller's own." }),
  cursor: z.string().max(600).refine(WITHOUT_NUL.check, WITHOUT_NUL.message).optional(),
  limit: z.coerce.number().int().min(1).max(THING_LIMITS.pageSize).optional(),
});

export const putDraft = z.strictObject({
  value: z
    .record(z.string(), z.unknown())
    .refine((value) => Buffer.byteLength(JSON.stringify(value)) <= DRAFT_LIMITS.bytes, { message: `a draft has at most ${DRAFT_LIMITS.bytes} bytes` })
    .meta({ description: "What a deploy would be asked, finished or not. It is not looked into." }),
});

const draftFields = {
  kind: draftKind,
  path: z.string(),
  author: z.string(),
  revision: z.int(),
  created_at: z.iso.datetime(),
  updated_at: z.iso.datetime(),
};
export const draftView = z.object(draftFields);
export type DraftView = z.infer<typeof draftView>;
export const draftWithValue = z.object({ ...draftFields, value: z.record(z.string(), z.unknown()) });
export const draftPage = z.object({ drafts: z.array(draftView), next_cursor: z.string().optional() });
