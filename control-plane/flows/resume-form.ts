/** The forms of steps that wait for people: as editors save them, and as answers are checked against them. */
import type { Json } from "../../kernel/json.ts";
import { isObject } from "./field-reader.ts";
import type { Module } from "./model.ts";
import { insideOf } from "./module-expressions.ts";
import type { ParsedFlow } from "./parse.ts";

type Schema = Readonly<Record<string, Json>>;

interface ResumeForm {
  readonly step: string;
  /** JSON pointer of the form's `schema`. */
  readonly pointer: string;
  readonly schema: Schema;
}

/** All forms of a flow, in the order of the document. */
export function resumeForms({ definition, pointers }: Pick<ParsedFlow, "definition" | "pointers">): readonly ResumeForm[] {
  const found: ResumeForm[] = [];
  const look = (module: Module): void => {
    const { id, suspend } = module;
    if (suspend?.formSchema !== undefined)
      found.push({ step: id, pointer: `${pointers.get(id) ?? ""}/suspend/resume_form/schema`, schema: formSchemaOf(suspend.formSchema) });
    for (const list of insideOf(module)) list.forEach(look);
  };
  definition.modules.forEach(look);
  return found;
}

/** Members whose values are no schemas, and those whose values have names of somebody's own in front of schemas. */
const LITERALS: ReadonlySet<string> = new Set(["default", "const", "enum", "examples"]);
const MAPS: ReadonlySet<string> = new Set(["properties", "patternProperties", "$defs", "definitions", "dependentSchemas"]);

/**
 * The JSON Schema that answers are checked against. Editors write `null`, an empty text or an empty list of choices for what was taken back: it counts as
 * absent, also as a default that could not be a value. A form with fields is an object, whether it says so or not.
 */
export function formSchemaOf(form: Json): Schema {
  const schema = cleaned(form);
  if (!isObject(schema)) return {};
  return schema["type"] === undefined && isObject(schema["properties"]) ? { ...schema, type: "object" } : schema;
}

function cleaned(schema: Json): Json {
  if (Array.isArray(schema)) return schema.map(cleaned);
  if (!isObject(schema)) return schema;
  const members = Object.entries(schema).filter(([name, value]) => saysSomething(schema, name, value));
  const said = Object.fromEntries(members.map(([name, value]) => [name, cleanedMember(name, value)]));
  return isResource(schema) ? { ...said, type: ["object", "string"] } : said;
}

/** What editors let people choose among resources: the answer has a text such as `$res:f/db/main` there. */
function isResource({ type, format }: Schema): boolean {
  return type === "object" && typeof format === "string" && format.startsWith("resource-");
}

function cleanedMember(name: string, value: Json): Json {
  if (LITERALS.has(name)) return value;
  if (MAPS.has(name) && isObject(value)) return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, cleaned(one)]));
  return cleaned(value);
}

function saysSomething({ type, format, enum: choices }: Schema, name: string, value: Json): boolean {
  if (name === "const") return true;
  const isEmpty = value === null || value === "";
  if (name !== "default") return !isEmpty && !(name === "enum" && Array.isArray(value) && value.length === 0);
  if (value === "") return (type === undefined || type === "string") && (format ?? "") === "" && !Array.isArray(choices);
  return value !== null || (Array.isArray(type) && type.includes("null"));
}
