/**
 * What Node is started with for an agent, and for its helper outside of sandboxes. V8 lets the space of young objects grow up to 128 MB while a process is busy,
 * and gives it back when it likes; live objects take 15 MB of an agent that has run 100,000 jobs. `bin/millrace` says the same.
 */
export const AGENT_NODE_FLAGS: readonly string[] = ["--max-semi-space-size=16"];

/**
 * Its environment besides, for the C library of most systems: what is allocated for large buffers, as of results and output, comes from the system and goes
 * back to it. Otherwise the library learns from the first of them to keep such memory, where small things that stay soon lie between (mallopt(3),
 * M_MMAP_THRESHOLD): an agent at rest held 40 MB of that after 100,000 jobs. With few arenas threads that hardly allocate do not keep some of their own.
 */
export const AGENT_ENVIRONMENT: Readonly<Record<string, string>> = { MALLOC_ARENA_MAX: "2", MALLOC_MMAP_THRESHOLD_: "131072" };
