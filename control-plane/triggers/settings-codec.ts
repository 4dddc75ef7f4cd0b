import { parseExactJson } from "../http/exact-json.ts";
import { METHODS, type TriggerSettings, triggerSettings } from "./contract.ts";

/** Settings as they are stored. Constants keep the digits of large numbers. */
export function decodeSettings(text: string): TriggerSettings {
  return triggerSettings.parse(parseExactJson(text));
}

export function methodOf(text: string | null): (typeof METHODS)[number] | undefined {
  return METHODS.find((method) => method === text);
}
