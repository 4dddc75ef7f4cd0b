import { spawn } from "node:child_process";

/** Holds a Redis server: it ends with this process, and this process with the run that started it. Arguments: program, then its own. */
const [program = "", ...args] = process.argv.slice(2);
const server = spawn(program, args, { stdio: "ignore" });
server.once("exit", (code) => process.exit(code ?? 1));
server.once("error", () => process.exit(127));
const end = (): void => void server.kill("SIGTERM");
process.on("SIGTERM", end);
process.on("disconnect", end);
process.on("SIGINT", () => undefined);
