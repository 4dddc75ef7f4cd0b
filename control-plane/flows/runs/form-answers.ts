import { assertNever } from "../../../kernel/assert-never.ts";
import type { WorkspaceId } from "../../../kernel/ids.ts";
import type { Json } from "../../../kernel/json.ts";
import { type SchemaCheck, unfit } from "../../resources/schema-check.ts";
import type { Place } from "../core/model.ts";
import { formSchemaOf } from "../resume-form.ts";

/** What a form is of. */
interface AskedFor {
  readonly workspace: WorkspaceId;
  readonly place: Place;
}

/**
 * Fills in an answer (JSON text) for a form. @param root where the payload stands in the request
 * Errors: invalid_argument with the fields that are wrong, or when the check takes too long; resource_exhausted when too many of the workspace wait to be checked.
 */
export type FillForm = (asked: AskedFor, form: Json, payload: string, root: string) => Promise<string>;

/** Checks answers of people against the forms of steps. */
export function createFormAnswers(schemas: Pick<SchemaCheck, "fill">): FillForm {
  return async ({ workspace, place }, form, payload, root) => {
    const schema = formSchemaOf(form);
    // Whoever sends nothing has left out all fields.
    const given = payload === "null" && schema["type"] === "object" ? "{}" : payload;
    const verdict = await schemas.fill(workspace, schema, given);
    switch (verdict.kind) {
      case "fits":
        return verdict.valueText;
      case "wrong":
        throw unfit(`the payload does not fit the form of step ${place}`, verdict.fields, root);
      // Only of versions from before forms were looked at: their runs must be able to go on.
      case "bad_schema":
        return payload;
      default:
        return assertNever(verdict);
    }
  };
}
