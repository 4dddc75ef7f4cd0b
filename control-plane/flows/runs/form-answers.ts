import { AppError } from "../../../kernel/app-error.ts";
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
 * Errors: invalid_argument with the fields that are wrong, or when the check takes too long; resource_exhausted when too many are checked at once.
 */
export type FillForm = (asked: AskedFor, form: Json, payload: string, root: string) => Promise<string>;

/** Of one workspace at a time: patterns that take long must not keep answers of others waiting for longer than a few seconds. */
const MOST_OF_ONE = 8;

/** Checks answers of people against the forms of steps. */
export function createFormAnswers(schemas: Pick<SchemaCheck, "fill">): FillForm {
  const under = new Map<WorkspaceId, number>();

  async function inTurn<T>(workspace: WorkspaceId, act: () => Promise<T>): Promise<T> {
    const count = under.get(workspace) ?? 0;
    if (count >= MOST_OF_ONE)
      throw new AppError("resource_exhausted", "too many answers of this workspace are being checked at the moment", { retryAfterS: 1 });
    under.set(workspace, count + 1);
    try {
      return await act();
    } finally {
      const left = (under.get(workspace) ?? 1) - 1;
      if (left === 0) under.delete(workspace);
      else under.set(workspace, left);
    }
  }

  return async ({ workspace, place }, form, payload, root) => {
    const schema = formSchemaOf(form);
    // Whoever sends nothing has left out all fields.
    const given = payload === "null" && schema["type"] === "object" ? "{}" : payload;
    const verdict = await inTurn(workspace, () => schemas.fill(schema, given));
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
