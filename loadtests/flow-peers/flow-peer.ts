/** A workflow that every engine of the comparison runs: `count` steps, each of which computes fib(n). */
export interface Workload {
  readonly name: string;
  readonly count: number;
  readonly n: number;
  /** One after the other, or all at once. */
  readonly way: "in_a_row" | "at_once";
}

/** Another engine of durable workflows, used as its documentation says, with what it comes with. */
export interface FlowPeer {
  readonly name: string;
  /** Pinned. */
  readonly packages: Readonly<Record<string, string>>;
  readonly kind: "npm" | "pip";
  /** In `programs/`: a process that speaks the lines of `program.ts`. */
  readonly program: string;
  /** Its server, as a Go module with its version: built beside the packages, as `bin/<last part of the path>`. */
  readonly go?: string;
  /** What the program is given: the address of a Postgres of ours, or so many free ports and a folder for its data. */
  readonly needs: "postgres" | { readonly ports: number };
  readonly settings: Readonly<Record<string, string | number | boolean>>;
}

/** Hundreds of megabytes (Restate alone 224): they are installed when the scenario wants them, and no dependencies of ours. */
export const FLOW_PEERS: readonly FlowPeer[] = [
  {
    name: "dbos-typescript",
    packages: { "@dbos-inc/dbos-sdk": "5.3.0" },
    kind: "npm",
    program: "dbos.mjs",
    needs: "postgres",
    settings: { steps: "DBOS.runStep in one process, one row each", postgres: "embedded, durable commits, the product's settings", sandbox: "none" },
  },
  {
    name: "restate-typescript",
    packages: { "@restatedev/restate-server": "1.7.12", "@restatedev/restate-sdk": "1.17.2" },
    kind: "npm",
    program: "restate.mjs",
    needs: { ports: 4 },
    settings: { steps: "ctx.run in one process, journalled by one server over HTTP/2", server: "the real one, one node, its defaults", sandbox: "none" },
  },
  {
    name: "dbos-python",
    packages: { dbos: "3.4.0" },
    kind: "pip",
    program: "dbos-flows.py",
    needs: "postgres",
    settings: { steps: "DBOS.run_step in one process, one row each", postgres: "embedded, durable commits, the product's settings", sandbox: "none" },
  },
  {
    name: "prefect-python",
    // It starts with no FastAPI that is much newer than itself.
    packages: { prefect: "3.8.3", fastapi: "0.139.0" },
    kind: "pip",
    program: "prefect-flows.py",
    needs: { ports: 1 },
    settings: { steps: "tasks in the process of the flow, states sent to one server", server: "the real one, SQLite, its defaults", sandbox: "none" },
  },
  {
    name: "temporal-typescript",
    packages: { "@temporalio/client": "1.24.0", "@temporalio/worker": "1.24.0", "@temporalio/workflow": "1.24.0" },
    kind: "npm",
    go: "github.com/temporalio/cli/cmd/temporal@v1.5.1",
    program: "temporal.mjs",
    needs: { ports: 1 },
    settings: { steps: "activities of one worker, driven by one server over gRPC", server: "the real one, start-dev, SQLite in a file", sandbox: "none" },
  },
];
