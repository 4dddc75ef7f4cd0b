import { z } from "zod";
import { WELL_FORMED } from "../../kernel/storable-text.ts";

/** Limits of variables and resources, in one place. */
export const THING_LIMITS = {
  /** UTF-8 bytes of the value of a variable. */
  variableBytes: 64 * 1024,
  /** UTF-8 bytes of the JSON text of a resource. */
  resourceBytes: 256 * 1024,
  /** UTF-8 bytes of the JSON Schema of a resource type. */
  schemaBytes: 64 * 1024,
  variables: 10_000,
  /** States count as resources. */
  resources: 20_000,
  resourceTypes: 1000,
  pageSize: 200,
} as const;

const DESCRIPTION_CHARS = 1000;
/** A script's path and what is added to it for its state. */
const PATH_CHARS = 300;

/** By Windmill's rules: of a user, or of a folder. */
export const thingPath = z
  .string()
  .max(PATH_CHARS)
  .regex(/^[uf]\/[A-Za-z0-9_-]+(\/[A-Za-z0-9_.-]+)+$/, "a path looks like f/folder/name or u/user/name")
  .meta({ examples: ["f/billing/api_key"] });

export const description = z.string().max(DESCRIPTION_CHARS).refine(WELL_FORMED.check, WELL_FORMED.message);
export const byPath = z.strictObject({ path: thingPath });

/** What every list of things takes. */
export const pageQuery = {
  prefix: z.string().max(PATH_CHARS).refine(WELL_FORMED.check, WELL_FORMED.message).optional(),
  cursor: z.string().max(PATH_CHARS).refine(WELL_FORMED.check, WELL_FORMED.message).optional(),
  limit: z.coerce.number().int().min(1).max(THING_LIMITS.pageSize).optional(),
};

/** What lists take that nothing narrows. */
export const cursorQuery = z.strictObject({ cursor: pageQuery.cursor, limit: pageQuery.limit });

/** What every thing says about its changes. `revision` is its ETag. */
export const changeFields = {
  revision: z.int(),
  created_at: z.iso.datetime(),
  created_by: z.string(),
  updated_at: z.iso.datetime(),
  updated_by: z.string(),
};

export const conditions = z.object({
  "if-match": z.string().max(100).optional().meta({ description: "The ETag that the thing must still have; otherwise a 412." }),
  "if-none-match": z.literal("*").optional().meta({ description: "`*`: it must not be there yet; otherwise a 412." }),
});

export const putVariable = z.strictObject({
  value: z
    .string()
    .refine((text) => Buffer.byteLength(text) <= THING_LIMITS.variableBytes, `a value has at most ${THING_LIMITS.variableBytes} bytes`)
    .refine(WELL_FORMED.check, WELL_FORMED.message)
    .optional()
    .meta({ description: "Left out: it stays as it is." }),
  is_secret: z.boolean().optional().meta({ description: "Left out: it stays as it is, and a new one is plain. To change it, give the value too." }),
  description: description.optional(),
});
export type PutVariable = z.infer<typeof putVariable>;

const variableView = z.object({
  path: z.string(),
  is_secret: z.boolean(),
  description: z.string(),
  ...changeFields,
});
export type VariableView = z.infer<typeof variableView>;
export const variableWithValue = variableView.extend({ value: z.string().optional().meta({ description: "Of a plain one only." }) });
export type VariableWithValue = z.infer<typeof variableWithValue>;
export const variablePage = z.object({ variables: z.array(variableView), next_cursor: z.string().optional() });
export const variableValue = z.object({ value: z.string() });
