import { expect, test } from "vitest";
import { parseFlow } from "./parse.ts";
import { formSchemaOf, resumeForms } from "./resume-form.ts";

test("what editors leave behind of settings that were taken back counts as absent", () => {
  const form = {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    type: "object",
    order: ["size", "day"],
    required: ["size"],
    properties: {
      size: { type: "string", enum: null, pattern: "", default: null, description: "" },
      day: { type: "string", format: "date", default: "", enum: [] },
    },
  };
  expect(formSchemaOf(form)).toEqual({
    $schema: "https://json-schema.org/draft/2020-12/schema",
    type: "object",
    order: ["size", "day"],
    required: ["size"],
    properties: { size: { type: "string" }, day: { type: "string", format: "date" } },
  });
});

test("what says something stays, also where it looks like nothing", () => {
  const properties = {
    note: { type: "string", default: "" },
    maybe: { type: ["string", "null"], default: null },
    fixed: { const: null },
    choice: { enum: [null, ""] },
    // A field of this name, not a default.
    default: { type: "integer", default: 0 },
    nested: {
      anyOf: [
        { type: "object", properties: { a: { type: "string" } } },
        { type: "boolean", default: false },
      ],
    },
  };
  expect(formSchemaOf({ type: "object", properties })).toEqual({ type: "object", properties });
});

test("a form with fields is an object; a field for a resource takes the text that names one", () => {
  expect(formSchemaOf({ properties: { db: { type: "object", format: "resource-postgresql" } } })).toEqual({
    type: "object",
    properties: { db: { type: ["object", "string"], format: "resource-postgresql" } },
  });
  expect(formSchemaOf({})).toEqual({});
  expect(formSchemaOf({ type: "string" })).toEqual({ type: "string" });
});

test("forms are found wherever their steps are", () => {
  const asks = (id: string) => ({ id, value: { type: "identity" }, suspend: { required_events: 1, resume_form: { schema: { title: id } } } });
  const loop = { id: "l", value: { type: "forloopflow", iterator: { type: "static", value: [] }, skip_failures: false, modules: [asks("b")] } };
  expect(resumeForms(parseFlow({ summary: "", value: { modules: [asks("a"), loop] } }, "/document"))).toEqual([
    { step: "a", pointer: "/document/value/modules/0/suspend/resume_form/schema", schema: { title: "a" } },
    { step: "b", pointer: "/document/value/modules/1/value/modules/0/suspend/resume_form/schema", schema: { title: "b" } },
  ]);
});
