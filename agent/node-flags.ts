/**
 * What Node is started with for an agent, and for its helper outside of sandboxes. V8 lets the space of young objects grow up to 128 MB while a process is busy,
 * and gives it back when it likes; live objects take 15 MB of an agent that has run 100,000 jobs. `bin/millrace` says the same.
 */
export const AGENT_NODE_FLAGS: readonly string[] = ["--max-semi-space-size=16"];
