// Restate: its server as a child, and a service in this process whose steps it journals. The arguments are four free ports, and a folder for its data.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import * as restate from "@restatedev/restate-sdk";
import { serve, work } from "./lines.mjs";

const [, , ingress, admin, fabric, own, data] = process.argv;

const service = restate.service({
  name: "bench",
  handlers: {
    in_a_row: async (context, { count, n }) => {
      for (let at = 0; at < count; at++) await context.run("fib", () => work(n));
    },
    at_once: async (context, { count, n }) => {
      await restate.RestatePromise.all(Array.from({ length: count }, (_, at) => context.run(`fib ${at}`, () => work(n))));
    },
  },
});
await restate.endpoint().bind(service).listen(Number(own));

const env = {
  ...process.env,
  RESTATE_INGRESS__BIND_ADDRESS: `127.0.0.1:${ingress}`,
  RESTATE_ADMIN__BIND_ADDRESS: `127.0.0.1:${admin}`,
  RESTATE_BIND_ADDRESS: `127.0.0.1:${fabric}`,
  RESTATE_ADVERTISED_ADDRESS: `http://127.0.0.1:${fabric}`,
  RESTATE_LISTEN_MODE: "tcp",
};
const server = spawn(binary(), ["--base-dir", data, "--node-name", "bench", "--no-logo"], { env, stdio: ["ignore", "ignore", "inherit"] });
process.on("exit", () => server.kill("SIGKILL"));
server.once("exit", (code) => {
  process.stderr.write(`restate-server ended with ${code}\n`);
  process.exit(1);
});

/** The package for this machine has nothing but the program. */
function binary() {
  const require = createRequire(import.meta.url);
  const name = `@restatedev/restate-server-${process.platform}-${process.arch}`;
  const folder = dirname(require.resolve(`${name}/package.json`));
  return [join(folder, "bin", "restate-server"), join(folder, "restate-server")].find((path) => existsSync(path)) ?? "restate-server";
}

async function post(url, body) {
  const response = await fetch(url, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
  if (!response.ok) throw new Error(`${url}: ${response.status} ${await response.text()}`);
}

async function registered() {
  for (const begun = performance.now(); ; await pause(100)) {
    try {
      return await post(`http://127.0.0.1:${admin}/deployments`, { uri: `http://127.0.0.1:${own}` });
    } catch (error) {
      if (performance.now() - begun > 100_000) throw error;
    }
  }
}

await registered();
await serve(
  ({ way, ...asked }) => post(`http://127.0.0.1:${ingress}/bench/${way}`, asked),
  async () => {
    server.removeAllListeners("exit");
    server.kill("SIGTERM");
  },
);
