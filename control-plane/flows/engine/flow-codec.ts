import type { Json } from "../../../kernel/json.ts";
import type { FlowEvent, ListItem, ValueRef } from "../core/model.ts";
import type { FlowState } from "../core/state.ts";

/** Events and states are plain JSON of our own making: what was stored is read back as it was. */
export const decodeEvents = (text: string): FlowEvent[] => JSON.parse(text) as FlowEvent[];
export const decodeState = (text: string): FlowState => JSON.parse(text) as FlowState;
export const decodeRef = (text: string): ValueRef => JSON.parse(text) as ValueRef;
export const encodeItem = ({ value }: ListItem): string => JSON.stringify(value);

/** JSON text that was checked when it came in, as a value. */
export const parseJson = (text: string): Json => JSON.parse(text) as Json;
export const parseMembers = (text: string): Readonly<Record<string, Json>> => JSON.parse(text) as Readonly<Record<string, Json>>;
export const parseList = (text: string): readonly Json[] => JSON.parse(text) as readonly Json[];
