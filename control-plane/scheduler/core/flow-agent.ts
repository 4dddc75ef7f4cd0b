import { asAgentKey, asSessionId } from "../../../kernel/ids.ts";

/**
 * Flows are run by their owner itself: an agent that is always there, has no end of slots, and is in no list of agents. Its key is that of no
 * row; its tag is one that nobody can name.
 */
export const FLOW_AGENT = asAgentKey("0");
export const FLOW_SESSION = asSessionId("flows");
export const FLOW_TAG = "$flow";
export const FLOW_LANGUAGE = "flow";

/** Runs of flows wait and end like other jobs, but use no worker: their steps do. */
export const isFlow = (of: { readonly language: string }): boolean => of.language === FLOW_LANGUAGE;
