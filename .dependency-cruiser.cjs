// The arrows between the parts. scripts/architecture.test.ts proves that this file is really applied: with TypeScript 7 alone
// dependency-cruiser checks no module at all and passes.
const TEST = ["[.]test[.]ts$", "[.]fixture[.]ts$", "/test-[^/]+[.]ts$"];
const DATABASE_DRIVER = ["node_modules/pg/", "node_modules/pg-[^/]+/", "node_modules/@types/pg/", "node_modules/kysely/"];
const MAY_TALK_SQL = ["/store[.]ts$", "/statements[.]ts$", "-store[.]ts$", "^control-plane/db/", "^agent/runtimes/query/postgresql/"];
const PURE_CORE = ["^control-plane/scheduler/core/", "^control-plane/flows/core/", "-core[.]ts$", "/transitions[.]ts$"];

module.exports = {
  forbidden: [
    { name: "no-cycles", severity: "error", comment: "Two modules that need each other are one module, or miss a third.", from: {}, to: { circular: true } },
    { name: "imports-resolve", severity: "error", comment: "The module does not exist.", from: {}, to: { couldNotResolve: true } },
    {
      name: "kernel-is-a-leaf",
      severity: "error",
      comment: "The kernel is shared by all: it imports itself, node:crypto and node:v8.",
      from: { path: "^kernel/", pathNot: TEST },
      to: { pathNot: "^kernel/|^(node:)?(crypto|v8)$" },
    },
    {
      name: "signatures-know-the-kernel-only",
      severity: "error",
      comment: "Reading what a script takes is shared by control plane and agent.",
      from: { path: "^signatures/", pathNot: TEST },
      to: { path: "^(control-plane|agent|cli|e2e|loadtests|simulation|scripts|proto)/" },
    },
    {
      name: "agent-stands-alone",
      severity: "error",
      comment: "The agent runs in the customer's network: it knows the wire, not the control plane.",
      from: { path: "^agent/" },
      to: { path: "^(control-plane|cli|e2e|loadtests|simulation|scripts)/" },
    },
    {
      name: "control-plane-stands-alone",
      severity: "error",
      comment: "The control plane knows agents by the wire only, and the CLI not at all.",
      from: { path: "^control-plane/" },
      to: { path: "^(agent|cli|e2e|loadtests|simulation|scripts)/" },
    },
    {
      name: "cli-uses-the-front-doors",
      severity: "error",
      comment: "The CLI starts the two processes as they want it, manages the embedded database, and speaks the API's contracts.",
      from: { path: "^cli/", pathNot: TEST },
      to: {
        path: "^(control-plane|agent|e2e|loadtests|simulation|scripts)/",
        pathNot: [
          "^control-plane/main[.]ts$",
          "^control-plane/.+/contract[.]ts$",
          "^control-plane/db/embedded[.]ts$",
          "^control-plane/db/state-dir[.]ts$",
          "^agent/main[.]ts$",
          "^agent/doctor[.]ts$",
          "^agent/node-flags[.]ts$",
        ],
      },
    },
    {
      name: "sdk-stands-alone",
      severity: "error",
      comment: "The client is for other people's projects: it knows the description of the API, and nothing of ours.",
      from: { path: "^sdk/", pathNot: TEST },
      to: { path: "^(kernel|signatures|control-plane|agent|cli|e2e|loadtests|simulation|scripts|proto)/" },
    },
    { name: "nobody-imports-the-cli", severity: "error", from: { pathNot: "^cli/" }, to: { path: "^cli/" } },
    {
      name: "sql-stays-in-stores",
      severity: "error",
      comment: "pg and kysely are for store.ts, statements.ts, *-store.ts, db/, the agent's PostgreSQL runtime and tests.",
      from: { path: "^(kernel|signatures|control-plane|agent|cli)/", pathNot: [...MAY_TALK_SQL, ...TEST] },
      to: { path: DATABASE_DRIVER },
    },
    {
      name: "same-cases-each-run",
      severity: "error",
      comment: "kernel/fast-check.fixture.ts sets the seed; fast-check itself takes a new one in each run.",
      from: { pathNot: "^kernel/fast-check[.]fixture[.]ts$|node_modules" },
      to: { path: "node_modules/fast-check/" },
    },
    {
      name: "pure-core-has-no-io",
      severity: "error",
      comment: "Decisions take events and return effects: no Node modules, no packages.",
      from: { path: PURE_CORE, pathNot: TEST },
      to: { dependencyTypes: ["core", "npm", "npm-dev", "npm-optional", "npm-peer", "npm-no-pkg", "npm-unknown"] },
    },
  ],
  options: {
    doNotFollow: { path: "(^|/)node_modules/" },
    // Programs of peers run beside packages that are installed when they are wanted.
    exclude: { path: "^(console|[.]millrace|loadtests/flow-peers/programs)/" },
    // Type-only imports count too.
    tsPreCompilationDeps: true,
    enhancedResolveOptions: { exportsFields: ["exports"], conditionNames: ["import", "node", "default", "types"] },
  },
};
