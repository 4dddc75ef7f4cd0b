import type { FastifySchema, FastifySchemaCompiler } from "fastify";
import { validatorCompiler as zodCompiler } from "fastify-type-provider-zod";
import { z } from "zod";

/**
 * Checks the parts of a request by their schemas. Most requests have no query, and none of the headers that their route knows: then there is nothing to
 * check, which a schema says once. A job waits for each check on its way to its agent.
 */
export const validatorCompiler: FastifySchemaCompiler<FastifySchema> = (route) => {
  const check = zodCompiler(route as Parameters<typeof zodCompiler>[0]);
  const hasNothing = nothingIn(route.httpPart, route.schema);
  return hasNothing === undefined ? check : (data: object) => (hasNothing(data) ? { value: {} } : check(data));
};

/** Whether a part has nothing that its schema would make something of; undefined where that has to be asked each time. */
function nothingIn(part: string | undefined, schema: unknown): ((data: object) => boolean) | undefined {
  if (!(schema instanceof z.ZodObject)) return undefined;
  if (part === "querystring" && isNothing(schema, {})) return hasNoKey;
  const names = Object.keys(schema.shape);
  if (part === "headers" && isNothing(schema, { "x-other": "1" })) return (data) => names.every((name) => !(name in data));
  return undefined;
}

function isNothing(schema: z.ZodObject, data: object): boolean {
  const result = schema.safeParse(data);
  return result.success && hasNoKey(result.data);
}

function hasNoKey(data: object): boolean {
  for (const _ in data) return false;
  return true;
}
