// Temporal: its server as a child, with SQLite, and a worker in this process. The arguments are a free port, and a folder for its data.
import { spawn } from "node:child_process";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { Client, Connection } from "@temporalio/client";
import { DefaultLogger, NativeConnection, Runtime, Worker } from "@temporalio/worker";
import { serve, work } from "./lines.mjs";

const [, , port, data] = process.argv;
const address = `127.0.0.1:${port}`;
const queue = { taskQueue: "bench" };

const options = ["--headless", "--ip", "127.0.0.1", "--port", port, "--db-filename", join(data, "temporal.db"), "--log-level", "error"];
const server = spawn(join(import.meta.dirname, "bin", "temporal"), ["server", "start-dev", ...options], { stdio: ["ignore", "ignore", "inherit"] });
process.on("exit", () => server.kill("SIGKILL"));
server.once("exit", (code) => {
  process.stderr.write(`the server of Temporal ended with ${code}\n`);
  process.exit(1);
});

/** Tries until the server is there, and has its namespace. */
async function soon(attempt) {
  for (const begun = performance.now(); ; await pause(100)) {
    try {
      return await attempt();
    } catch (error) {
      if (performance.now() - begun > 100_000) throw error;
    }
  }
}

Runtime.install({ logger: new DefaultLogger("ERROR") });
const connection = await soon(() => NativeConnection.connect({ address }));
const activities = { step: async (n) => work(n) };
const worker = await soon(() => Worker.create({ ...queue, connection, activities, workflowsPath: join(import.meta.dirname, "temporal-workflows.mjs") }));
const working = worker.run();
const { workflow } = new Client({ connection: await Connection.connect({ address }) });

let runs = 0;
await serve(
  ({ count, n, way }) => workflow.execute(way, { ...queue, workflowId: `run-${runs++}`, args: [count, n] }),
  async () => {
    worker.shutdown();
    await working;
    server.removeAllListeners("exit");
    server.kill("SIGTERM");
  },
);
