/**
 * Types of TypeScript for an OpenAPI 3.1 document, in the form that openapi-fetch takes (an interface `paths`). The same document gives the same text.
 * A generator of our own: those that there are need another compiler than ours, or bring a client of their own with them (decision 0167).
 */

type Schema = Readonly<Record<string, unknown>> | boolean;

interface Media {
  readonly schema?: Schema;
}
interface Parameter {
  readonly name: string;
  readonly in: string;
  readonly required?: boolean;
  readonly description?: string;
  readonly schema?: Schema;
}
interface Operation {
  readonly summary?: string;
  readonly description?: string;
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: { readonly required?: boolean; readonly content?: Readonly<Record<string, Media>> };
  readonly responses?: Readonly<Record<string, { readonly content?: Readonly<Record<string, Media>> }>>;
}
export interface OpenApiDocument {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components?: { readonly schemas?: Readonly<Record<string, Schema>> };
}

const METHODS = ["get", "put", "post", "delete", "options", "head", "patch", "trace"];
const PLACES = ["query", "header", "path", "cookie"];
const WORD = /^[A-Za-z_$][A-Za-z0-9_$]*$/;

/** The whole file. */
export function openApiTypes(document: OpenApiDocument): string {
  const paths = sorted(document.paths).map(([path, methods]) => `  ${JSON.stringify(path)}: ${indent(pathType(methods))};\n`);
  const schemas = sorted(document.components?.schemas ?? {}).map(([name, schema]) => `    ${key(name)}: ${indent(indent(typeOf(schema)))};\n`);
  return `// Made from the description of the API by npm run sdk. Do not edit.

export interface paths {
${paths.join("")}}

export interface components {
  schemas: {
${schemas.join("")}  };
}
`;
}

function pathType(methods: Readonly<Record<string, Operation>>): string {
  const members = METHODS.map((method) => {
    const operation = methods[method];
    return operation === undefined ? `${method}?: never;` : `${comment(operation.summary, operation.description)}${method}: ${operationType(operation)};`;
  });
  return block(["parameters: { query?: never; header?: never; path?: never; cookie?: never };", ...members]);
}

function operationType({ parameters = [], requestBody, responses = {} }: Operation): string {
  const places = PLACES.map((place) => {
    const own = parameters.filter((parameter) => parameter.in === place);
    if (own.length === 0) return `${place}?: never;`;
    const isNeeded = own.some(({ required }) => required === true);
    const members = own.map(({ name, required, description, schema }) => {
      const about = description ?? aboutOf(schema ?? true);
      return `${comment(about)}${key(name)}${required === true ? "" : "?"}: ${typeOf(schema ?? true)};`;
    });
    return `${place}${isNeeded ? "" : "?"}: ${block(members)};`;
  });
  const body =
    requestBody === undefined
      ? "requestBody?: never;"
      : `requestBody${requestBody.required === true ? "" : "?"}: { content: ${contentType(requestBody.content)} };`;
  const answers = sorted(responses).map(([status, { content }]) => {
    const isEmpty = content === undefined || status === "204";
    return `${status}: { headers: { [name: string]: unknown }; ${isEmpty ? "content?: never" : `content: ${contentType(content)}`} };`;
  });
  return block([`parameters: ${block(places)};`, body, `responses: ${block(answers)};`]);
}

function contentType(content: Readonly<Record<string, Media>> = {}): string {
  return block(sorted(content).map(([type, { schema }]) => `${JSON.stringify(type)}: ${typeOf(schema ?? true)};`));
}

/** The type of a schema; what cannot be said is `unknown`. */
export function typeOf(schema: Schema): string {
  if (typeof schema === "boolean") return schema ? "unknown" : "never";
  const { $ref, const: constant, enum: values, anyOf, oneOf, allOf, type } = schema;
  if (typeof $ref === "string") return `components["schemas"][${JSON.stringify($ref.slice($ref.lastIndexOf("/") + 1))}]`;
  if (constant !== undefined) return JSON.stringify(constant);
  if (Array.isArray(values)) return union(values.map((value) => JSON.stringify(value)));
  for (const list of [anyOf, oneOf]) if (Array.isArray(list)) return union(list.map(typeOf));
  if (Array.isArray(allOf)) return allOf.map((one) => `(${typeOf(one)})`).join(" & ");
  if (Array.isArray(type)) return union(type.map((one) => simpleType(String(one), schema)));
  return typeof type === "string" ? simpleType(type, schema) : "unknown";
}

function simpleType(type: string, schema: Readonly<Record<string, unknown>>): string {
  switch (type) {
    case "string":
    case "boolean":
    case "null":
      return type;
    case "number":
    case "integer":
      return "number";
    case "array":
      return arrayType(schema);
    case "object":
      return objectType(schema);
    default:
      return "unknown";
  }
}

function arrayType({ items, prefixItems }: Readonly<Record<string, unknown>>): string {
  if (Array.isArray(prefixItems)) return `[${prefixItems.map(typeOf).join(", ")}]`;
  return isSchema(items) ? `(${typeOf(items)})[]` : "unknown[]";
}

function objectType({ properties, required, additionalProperties }: Readonly<Record<string, unknown>>): string {
  const needed = new Set(Array.isArray(required) ? required : []);
  const members = isSchema(properties) && typeof properties === "object" ? Object.entries(properties) : [];
  const others = isSchema(additionalProperties) && additionalProperties !== false ? `Record<string, ${typeOf(additionalProperties)}>` : undefined;
  if (members.length === 0) return others ?? "Record<string, never>";
  const own = block(
    members.map(([name, schema]) => (isSchema(schema) ? `${comment(aboutOf(schema))}${key(name)}${needed.has(name) ? "" : "?"}: ${typeOf(schema)};` : "")),
  );
  return others === undefined ? own : `${own} & ${others}`;
}

function isSchema(value: unknown): value is Schema {
  return typeof value === "boolean" || (typeof value === "object" && value !== null && !Array.isArray(value));
}

function aboutOf(schema: Schema): string | undefined {
  const about = typeof schema === "boolean" ? undefined : schema["description"];
  return typeof about === "string" ? about : undefined;
}

const union = (types: readonly string[]): string => (types.length === 0 ? "never" : [...new Set(types)].join(" | "));
const key = (name: string): string => (WORD.test(name) ? name : JSON.stringify(name));
const sorted = <Value>(values: Readonly<Record<string, Value>>): [string, Value][] => Object.entries(values).sort(([a], [b]) => (a < b ? -1 : 1));
const indent = (text: string): string => text.replaceAll("\n", "\n  ");
const block = (members: readonly string[]): string =>
  members.length === 0 ? "Record<string, never>" : `{\n${members.map((member) => `  ${indent(member)}\n`).join("")}}`;

function comment(...parts: readonly (string | undefined)[]): string {
  const text = parts
    .filter((part) => part !== undefined)
    .join(". ")
    .replaceAll(/\s+/g, " ")
    .replaceAll("*/", "* /")
    .trim();
  return text === "" ? "" : `/** ${text} */\n`;
}
