import { z } from "zod";
import { problemView } from "./problem-contract.ts";

/** The parts of an OpenAPI document that are touched here; the rest passes through. */
interface OpenApiDocument {
  paths?: Record<string, Record<string, Operation>>;
  components?: { schemas?: Record<string, unknown> };
}

interface Operation {
  operationId?: string;
  responses?: Record<string, { description?: string; content?: Record<string, { schema?: unknown }> }>;
}

const PROBLEM = { $ref: "#/components/schemas/Problem" };
const TEXT = { schema: { type: "string" } };

/**
 * Completes what the route schemas cannot say: errors are application/problem+json and share one schema, and logs are plain
 * text or an event stream. Returns a new document.
 */
export function completeOpenApi(generated: object): object {
  const document = structuredClone(generated) as OpenApiDocument;
  for (const methods of Object.values(document.paths ?? {})) {
    for (const operation of Object.values(methods)) completeOperation(operation);
  }
  const schemas = { ...document.components?.schemas, Problem: problemSchema() };
  return { ...document, components: { ...document.components, schemas } };
}

function completeOperation(operation: Operation): void {
  const responses = operation.responses ?? {};
  if (responses["default"] !== undefined) {
    responses["default"] = { description: "What is wrong, and with which field", content: { "application/problem+json": { schema: PROBLEM } } };
  }
  if (operation.operationId === "exportAudit" || operation.operationId === "exportInstanceAudit") {
    responses["200"] = { description: "A line of JSON for each row, and one for the head", content: { "application/x-ndjson": TEXT } };
  }
  if (operation.operationId === "getJobLogs") {
    responses["200"] = { description: "Plain text, or with follow=true Server-Sent Events", content: { "text/plain": TEXT, "text/event-stream": TEXT } };
  }
}

function problemSchema(): unknown {
  const { $schema: _dialect, ...schema } = z.toJSONSchema(problemView);
  return schema;
}
