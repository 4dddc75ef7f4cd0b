import type { ItemKind } from "../item.ts";
import { flowKind } from "./flow.ts";
import type { SyncKind } from "./kind.ts";
import { resourceKind } from "./resource.ts";
import { resourceTypeKind } from "./resource-type.ts";
import { scheduleKind } from "./schedule.ts";
import { scriptKind } from "./script.ts";
import { variableKind } from "./variable.ts";

export const SYNC_KINDS: Readonly<Record<ItemKind, SyncKind>> = {
  "resource-type": resourceTypeKind,
  variable: variableKind,
  resource: resourceKind,
  script: scriptKind,
  flow: flowKind,
  schedule: scheduleKind,
};
