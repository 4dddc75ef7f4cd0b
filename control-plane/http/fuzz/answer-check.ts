import { type Agent, type IncomingHttpHeaders, request as sendRequest } from "node:http";
import { Ajv2020, type AnySchema, type ValidateFunction } from "ajv/dist/2020.js";
import addFormats from "ajv-formats";
import type { ApiRequest, Operation, Parameter } from "./request-arbitrary.ts";
import type { Schema } from "./schema-arbitrary.ts";

/** The description of the API, as the server gives it out. */
export interface ApiDocument {
  readonly paths: Readonly<Record<string, Readonly<Record<string, DocumentedOperation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, AnySchema>> };
}

interface DocumentedOperation {
  readonly operationId: string;
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: Schema }>> };
  readonly responses: Readonly<Record<string, { readonly content?: Readonly<Record<string, { readonly schema?: AnySchema }>> }>>;
}

export interface ApiAnswer {
  readonly status: number;
  readonly contentType: string;
  readonly headers: IncomingHttpHeaders;
  /** Of an event stream, the beginning. */
  readonly text: string;
}

const ANSWER_WITHIN_MS = 15_000;
const PROBLEM = "application/problem+json";
const OF_EVERY_ANSWER = [
  ["x-content-type-options", "nosniff"],
  ["cache-control", "no-store"],
] as const;

/** Operations of a description, by name; those that take things away come last. */
export function operationsOf(document: ApiDocument): Operation[] {
  const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, { operationId, parameters = [], requestBody }]) => ({
      operationId,
      method: method.toUpperCase(),
      path,
      parameters,
      body: resolved(requestBody?.content["application/json"]?.schema, document),
    })),
  );
  const place = ({ method, operationId }: Operation): string => `${method === "DELETE" ? 1 : 0} ${operationId}`;
  return operations.sort((a, b) => (place(a) < place(b) ? -1 : 1));
}

/** A schema with what its references stand for in their place. */
function resolved(schema: Schema | undefined, { components }: ApiDocument): Schema | undefined {
  if (schema === undefined) return undefined;
  return JSON.parse(JSON.stringify(schema), (_key, value: unknown) => {
    const reference: unknown = typeof value === "object" && value !== null ? Reflect.get(value, "$ref") : undefined;
    const name = typeof reference === "string" ? /^#\/components\/schemas\/(\w+)$/.exec(reference)?.[1] : undefined;
    const named = name === undefined ? undefined : components.schemas[name];
    return named === undefined ? value : resolved(named as Schema, { paths: {}, components });
  }) as Schema;
}

/** Sends a request byte for byte; nothing on the way makes it tidier. Errors: when no answer comes. */
export function send(agent: Agent, port: number, { method, target, headers, body }: ApiRequest): Promise<ApiAnswer> {
  const bytes = body === undefined ? undefined : "text" in body ? Buffer.from(body.text) : Buffer.from(body.base64, "base64");
  return new Promise((resolve, reject) => {
    const request = sendRequest(
      { agent, host: "127.0.0.1", port, method, path: target, headers: { ...headers, ...(bytes !== undefined && { "content-length": bytes.length }) } },
      (response) => {
        const pieces: Buffer[] = [];
        const { headers } = response;
        const contentType = headers["content-type"] ?? "";
        const answer = (): void => resolve({ status: response.statusCode ?? 0, contentType, headers, text: Buffer.concat(pieces).toString("utf8") });
        response.on("data", (piece: Buffer) => {
          pieces.push(piece);
          if (!contentType.startsWith("text/event-stream")) return;
          answer();
          request.destroy();
        });
        response.on("end", answer);
        response.on("error", reject);
      },
    );
    request.setTimeout(ANSWER_WITHIN_MS, () => request.destroy(new Error(`no answer within ${ANSWER_WITHIN_MS} ms`)));
    request.on("error", reject);
    request.end(bytes);
  });
}

/** Says what is wrong with an answer; undefined for one that the description allows. */
export type CheckAnswer = (operation: Operation, answer: ApiAnswer) => string | undefined;

/** A checker for the answers of an API. Schemas are compiled when they are first needed. */
export function answerChecker(document: ApiDocument): CheckAnswer {
  const ajv = new Ajv2020({ strict: false, allErrors: false });
  addFormats.default(ajv);
  ajv.addSchema({ $id: "doc", components: document.components }, "doc");
  const compiled = new Map<string, ValidateFunction>();

  function problemWith(key: string, schema: AnySchema, text: string): string | undefined {
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch {
      return "the body is not JSON";
    }
    const validate = compiled.get(key) ?? ajv.compile(withDocumentRefs(schema));
    compiled.set(key, validate);
    if (validate(value)) return undefined;
    const [error] = validate.errors ?? [];
    return `the body does not fit its schema: ${error?.instancePath ?? ""} ${error?.message ?? ""} ${JSON.stringify(error?.params ?? {})}`;
  }

  return ({ operationId, method, path }, { status, contentType, headers, text }) => {
    if (status >= 500) return `status ${status}`;
    for (const [name, value] of OF_EVERY_ANSWER) if (headers[name] !== value) return `its ${name} is ${headers[name]?.toString() ?? "left out"}`;
    const responses = document.paths[path]?.[method.toLowerCase()]?.responses ?? {};
    const documented = responses[String(status)] ?? (status >= 400 ? responses["default"] : undefined);
    if (documented === undefined) return `status ${status} is not described`;
    const type = contentType.split(";")[0]?.trim() ?? "";
    if (status >= 400 && type !== PROBLEM) return `an error of type "${type}"`;
    const content = documented.content ?? {};
    if (status === 204) return text === "" ? undefined : "a 204 with a body";
    const media = content[type];
    if (media === undefined) return `type "${type}" is not described for ${status}, only ${Object.keys(content).join(", ")}`;
    if (media.schema === undefined || (type !== "application/json" && type !== PROBLEM)) return undefined;
    return problemWith(`${operationId} ${status} ${type}`, media.schema, text);
  };
}

/** References within the description lead to it from wherever a schema is compiled. */
function withDocumentRefs(schema: AnySchema): AnySchema {
  return JSON.parse(JSON.stringify(schema).replaceAll('"$ref":"#/components', '"$ref":"doc#/components')) as AnySchema;
}
