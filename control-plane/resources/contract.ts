import { z } from "zod";
import { byPath, changeFields, description, pageQuery, THING_LIMITS } from "../variables/contract.ts";

export const typeName = z
  .string()
  .regex(/^[a-z][a-z0-9_]{0,62}$/, "the name of a resource type is 1 to 63 characters: a-z, 0-9 and underscore, a letter first")
  .meta({ examples: ["postgresql"] });

/** What scripts remember between their runs. Lists leave them out unless this type is asked for. */
export const STATE_TYPE = "state";

export const resourceQuery = byPath;
export const resourceListQuery = z.strictObject({
  ...pageQuery,
  type: typeName.optional().meta({ description: "Only of this type. Without it: of all types but `state`." }),
});

export const putResource = z.strictObject({
  type: typeName.optional().meta({ description: "Of a new one it must be given; it stays as it is." }),
  value: z.unknown().optional().meta({
    description:
      "Any JSON, checked against the schema of the type if it has one. Texts `$var:path` and `$res:path` stand for what is there. Left out: it stays as it is.",
  }),
  description: description.optional(),
});
export type PutResource = z.infer<typeof putResource>;

export const resourceView = z.object({ path: z.string(), type: z.string(), description: z.string(), ...changeFields });
export type ResourceView = z.infer<typeof resourceView>;
export const resourceWithValue = resourceView.extend({ value: z.unknown() });
export const resourcePage = z.object({ resources: z.array(resourceView), next_cursor: z.string().optional() });

export const byName = z.strictObject({ name: typeName });
export const putResourceType = z.strictObject({
  schema: z
    .record(z.string(), z.unknown())
    .nullish()
    .refine((schema) => schema == null || Buffer.byteLength(JSON.stringify(schema)) <= THING_LIMITS.schemaBytes, {
      message: `a schema has at most ${THING_LIMITS.schemaBytes} bytes`,
    })
    .meta({ description: "JSON Schema (draft 7) of the values. Left out: it stays as it is; null: values are not checked." }),
  description: description.optional(),
});
export type PutResourceType = z.infer<typeof putResourceType>;

export const resourceTypeView = z.object({
  name: z.string(),
  description: z.string(),
  schema: z.record(z.string(), z.unknown()).optional(),
  ...changeFields,
});
export type ResourceTypeView = z.infer<typeof resourceTypeView>;
export const resourceTypePage = z.object({ types: z.array(resourceTypeView.omit({ schema: true })), next_cursor: z.string().optional() });
