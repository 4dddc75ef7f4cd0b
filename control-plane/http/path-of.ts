import type { FastifyRequest } from "fastify";

// Where requests have the path that they are about, for `config.path` of their routes.

export const queryPath = (request: FastifyRequest): string | undefined => textIn(request.query, "path");
export const bodyPath = (request: FastifyRequest): string | undefined => textIn(request.body, "path");
/** At the end of the address, with its slashes. */
export const restPath = (request: FastifyRequest): string | undefined => textIn(request.params, "*");

function textIn(value: unknown, name: string): string | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const found: unknown = Reflect.get(value, name);
  return typeof found === "string" ? found : undefined;
}
