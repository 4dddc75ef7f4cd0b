import { expect, test } from "vitest";
import type { RunJobRequest } from "./contract.ts";
import { refuseBroughtCode } from "./deployed-only.ts";

const brought: RunJobRequest[] = [
  { code: { language: "bash", content: "curl http://elsewhere" } },
  { document: { value: { modules: [] } } },
  { yaml: "value: {modules: []}" },
];

test("a running job starts nothing that is not deployed, whatever form it comes in", () => {
  for (const request of brought) expect(() => refuseBroughtCode({ kind: "job" }, request)).toThrow("deployed scripts and flows only");
  const deployed: RunJobRequest[] = [{ script: "f/a/b" }, { hash: "0".repeat(64) }, { flow: "f/a/b" }, { flow_hash: "0".repeat(64) }];
  for (const request of deployed) expect(() => refuseBroughtCode({ kind: "job" }, request)).not.toThrow();
});

test("everybody else may bring code", () => {
  for (const kind of ["admin", "workspace"] as const) for (const request of brought) expect(() => refuseBroughtCode({ kind }, request)).not.toThrow();
});
