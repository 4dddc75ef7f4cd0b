// DBOS: a workflow whose steps are functions of this process. The argument is the address of a Postgres.
import { DBOS } from "@dbos-inc/dbos-sdk";
import { serve, work } from "./lines.mjs";

const step = (n, name) => DBOS.runStep(async () => work(n), { name });

const inARow = DBOS.registerWorkflow(
  async (count, n) => {
    for (let at = 0; at < count; at++) await step(n, "fib");
  },
  { name: "in_a_row" },
);
const atOnce = DBOS.registerWorkflow(async (count, n) => void (await Promise.all(Array.from({ length: count }, (_, at) => step(n, `fib ${at}`)))), {
  name: "at_once",
});

DBOS.setConfig({ name: "bench", systemDatabaseUrl: process.argv[2], logLevel: "error", runAdminServer: false });
await DBOS.launch();
await serve(
  ({ count, n, way }) => (way === "in_a_row" ? inARow(count, n) : atOnce(count, n)),
  () => DBOS.shutdown(),
);
