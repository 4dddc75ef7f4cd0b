import { z } from "zod";
import { HAS_LOCATION } from "./locations.ts";
import { EXAMPLES, NAMED, PARAMETERS, STATUSES, TAGS } from "./openapi-words.ts";
import { problemView } from "./problem-contract.ts";

type Schema = Readonly<Record<string, unknown>>;

/** The parts of an OpenAPI document that are touched here; the rest passes through. */
interface OpenApiDocument {
  paths?: Record<string, Record<string, Operation>>;
  components?: { schemas?: Record<string, unknown> };
}

interface Media {
  schema?: unknown;
  example?: unknown;
}

interface Response {
  description?: string;
  headers?: Record<string, unknown>;
  content?: Record<string, Media>;
}

interface Parameter {
  name: string;
  in: string;
  description?: string;
  schema?: Schema;
}

interface Operation {
  operationId?: string;
  summary?: string;
  description?: string;
  security?: unknown[];
  parameters?: Parameter[];
  requestBody?: { content?: Record<string, Media> };
  responses?: Record<string, Response>;
  "x-permission"?: string;
}

const PROBLEM = { $ref: "#/components/schemas/Problem" };
const TEXT = { schema: { type: "string" } };
const JSON_TYPE = "application/json";
const header = (description: string, type: "string" | "integer" = "string"): unknown => ({ description, schema: { type } });
const ETAG = header("Names this revision: for If-Match.");
const LOCATION = header("Where what was made is.");
/** Of a refused request. */
const OF_PROBLEMS = {
  "Retry-After": header("Of a 429 or 503: seconds after which the same request may work.", "integer"),
  "RateLimit-Limit": header("Requests per second, where a rate is in force.", "integer"),
  "RateLimit-Remaining": header("How many are left at this moment.", "integer"),
  "RateLimit-Reset": header("Seconds until all of them are there again; of a 429 as Retry-After.", "integer"),
};

/**
 * Completes what the schemas of routes do not say: tags, parameters, headers, who may, examples; errors are application/problem+json and share one
 * schema, logs are plain text or an event stream; schemas that are worth it have a name. Returns a new document.
 */
export function completeOpenApi(generated: object): object {
  const document = structuredClone(generated) as OpenApiDocument;
  for (const methods of Object.values(document.paths ?? {})) {
    const hasRevisions = Object.values(methods).some(({ parameters = [] }) => parameters.some((one) => one.name === "if-match"));
    for (const [method, operation] of Object.entries(methods)) completeOperation(operation, hasRevisions && (method === "get" || method === "put"));
  }
  const named = nameSchemas(document);
  const tags = Object.entries(TAGS).map(([name, description]) => ({ name, description }));
  const schemas = { ...document.components?.schemas, ...named, Problem: problemSchema() };
  return { ...document, tags, components: { ...document.components, schemas } };
}

function completeOperation(operation: Operation, hasEtag: boolean): void {
  const { operationId = "", responses = {}, "x-permission": permission } = operation;
  for (const [status, response] of Object.entries(responses)) {
    if (status === "default") continue;
    if (response.description === undefined || response.description === "Default Response") response.description = STATUSES[status] ?? "Done";
    const headers = {
      ...(hasEtag && { ETag: ETAG }),
      ...((status === "302" || (status.startsWith("20") && HAS_LOCATION.has(operationId) && status !== "200")) && { Location: LOCATION }),
    };
    if (Object.keys(headers).length > 0) response.headers = { ...headers, ...response.headers };
  }
  if (responses["default"] !== undefined)
    responses["default"] = {
      description: "What is wrong, and with which field",
      headers: OF_PROBLEMS,
      content: { "application/problem+json": { schema: PROBLEM } },
    };
  if (operationId === "exportAudit" || operationId === "exportInstanceAudit")
    responses["200"] = { description: "A line of JSON for each row, and one for the head", content: { "application/x-ndjson": TEXT } };
  if (operationId === "getJobLogs")
    responses["200"] = { description: "Plain text, or with follow=true Server-Sent Events", content: { "text/plain": TEXT, "text/event-stream": TEXT } };
  if (permission === "public") operation.security = [];
  else if (permission !== undefined) operation.description = [operation.description, `Needs \`${permission}\`.`].filter((part) => part !== undefined).join(" ");
  for (const parameter of operation.parameters ?? []) {
    const own = parameter.description ?? parameter.schema?.["description"];
    const known = PARAMETERS[`${parameter.in} ${parameter.name}`];
    if (own === undefined && known !== undefined) parameter.description = known;
  }
  const body = operation.requestBody?.content?.[JSON_TYPE];
  if (body !== undefined && EXAMPLES[operationId] !== undefined) body.example = EXAMPLES[operationId];
}

/** Gives names to the schemas of the table, and puts references in the place of whatever is the same. @returns components by name */
function nameSchemas(document: OpenApiDocument): Record<string, unknown> {
  const operations = new Map(
    Object.values(document.paths ?? {}).flatMap((methods) => Object.values(methods).map((one) => [one.operationId ?? "", one] as const)),
  );
  const names = new Map<string, string>();
  const found: [string, unknown][] = [];
  for (const [name, place] of Object.entries(NAMED)) {
    const schema = schemaAt(operations, place);
    const text = JSON.stringify(schema);
    if (schema === undefined || names.has(text)) continue;
    names.set(text, name);
    found.push([name, schema]);
  }
  const components = found.map(([name, schema]) => [name, withReferences(schema, names, false)] as const);
  for (const operation of operations.values()) {
    for (const { content = {} } of [operation.requestBody ?? {}, ...Object.values(operation.responses ?? {})])
      for (const media of Object.values(content)) if (media.schema !== undefined) media.schema = withReferences(media.schema, names, true);
  }
  return Object.fromEntries(components);
}

/** The body or an answer of an operation, or what the items of one of its lists are. */
function schemaAt(operations: ReadonlyMap<string, Operation>, [operationId, part = "", list]: readonly string[]): unknown {
  const operation = operations.get(operationId ?? "");
  const schema = (part === "body" ? operation?.requestBody : operation?.responses?.[part])?.content?.[JSON_TYPE]?.schema;
  return list === undefined ? schema : memberOf(memberOf(memberOf(schema, "properties"), list), "items");
}

const memberOf = (value: unknown, name: string): unknown => (typeof value === "object" && value !== null ? Reflect.get(value, name) : undefined);

/** @param isOwn whether the schema itself may become a reference */
function withReferences(value: unknown, names: ReadonlyMap<string, string>, isOwn: boolean): unknown {
  if (Array.isArray(value)) return value.map((one) => withReferences(one, names, true));
  if (typeof value !== "object" || value === null) return value;
  const name = isOwn ? names.get(JSON.stringify(value)) : undefined;
  if (name !== undefined) return { $ref: `#/components/schemas/${name}` };
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, withReferences(one, names, true)]));
}

function problemSchema(): unknown {
  const { $schema: _dialect, ...schema } = z.toJSONSchema(problemView);
  return schema;
}
