import type { z } from "zod";
import { AppError } from "../../kernel/app-error.ts";
import { assertNever } from "../../kernel/assert-never.ts";
import { parseExactJson } from "../exact-json.ts";
import type { ItemKind, SyncItem } from "./item.ts";
import { RESOURCE_SUFFIX, resourceFile, resourceItem } from "./kinds/resource.ts";
import { RESOURCE_TYPE_SUFFIX, resourceTypeFile, resourceTypeItem } from "./kinds/resource-type.ts";
import { SCHEDULE_SUFFIX, scheduleFile, scheduleItem } from "./kinds/schedule.ts";
import { VARIABLE_SUFFIX, variableFile, variableItem } from "./kinds/variable.ts";

type ThingKind = Exclude<ItemKind, "script" | "flow">;

const SUFFIXES: readonly (readonly [ThingKind, string])[] = [
  ["variable", VARIABLE_SUFFIX],
  ["resource", RESOURCE_SUFFIX],
  ["resource-type", RESOURCE_TYPE_SUFFIX],
  ["schedule", SCHEDULE_SUFFIX],
];

/** What a file is by its name, and the name of the thing as the file has it; undefined for other files. */
export function thingFile(file: string): { readonly kind: ThingKind; readonly stem: string } | undefined {
  const found = SUFFIXES.find(([, suffix]) => file.endsWith(suffix) && file.length > suffix.length);
  return found === undefined ? undefined : { kind: found[0], stem: file.slice(0, -found[1].length) };
}

/** Reads the file of a thing. Errors: invalid_argument with the member that is wrong. */
export function readThing(kind: ThingKind, path: string, text: string): SyncItem {
  const value = parseExactJson(text, "it");
  switch (kind) {
    case "variable": {
      const file = read(variableFile, value);
      if (file.is_secret === true && file.value !== undefined)
        throw new AppError("invalid_argument", `a secret's value does not belong into a file: millrace variable set ${path} --secret`);
      if (file.is_secret !== true && file.value === undefined) throw new AppError("invalid_argument", "value is missing");
      return variableItem(path, file);
    }
    case "resource":
      return resourceItem(path, read(resourceFile, value));
    case "resource-type":
      return resourceTypeItem(path, read(resourceTypeFile, value));
    case "schedule":
      return scheduleItem(path, read(scheduleFile, value));
    default:
      return assertNever(kind);
  }
}

function read<Shape extends z.ZodType>(shape: Shape, value: unknown): z.infer<Shape> {
  const parsed = shape.safeParse(value);
  if (parsed.success) return parsed.data;
  const issues = parsed.error.issues.map((issue) => `${issue.path.length === 0 ? "" : `${issue.path.join(".")}: `}${issue.message}`);
  throw new AppError("invalid_argument", issues.join("; "));
}
