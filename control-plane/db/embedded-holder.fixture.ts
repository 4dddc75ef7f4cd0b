// A process that starts an embedded database in the folder of its first argument and stays: for tests that kill it.
import { startEmbeddedPostgres } from "./embedded.ts";

const silent = { info: () => undefined, warn: () => undefined, error: console.error };
const server = await startEmbeddedPostgres({ stateDir: process.argv[2] ?? "", log: silent });
process.stdout.write(`${JSON.stringify({ pid: server.pid })}\n`);
setInterval(() => undefined, 60_000);
