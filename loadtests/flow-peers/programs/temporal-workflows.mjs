// What the worker of `temporal.mjs` runs in its sandbox for workflows.
import { proxyActivities } from "@temporalio/workflow";

const { step } = proxyActivities({ startToCloseTimeout: "1 minute" });

export async function in_a_row(count, n) {
  for (let at = 0; at < count; at++) await step(n);
}

export async function at_once(count, n) {
  await Promise.all(Array.from({ length: count }, () => step(n)));
}
