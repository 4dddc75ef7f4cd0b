import { MUTATIONS } from "./mutations.ts";
import { runTask, seedsFrom } from "./seed-workers.ts";

const only = process.argv[2];
const n = Number(process.argv[3] ?? 300);
for (const mutation of MUTATIONS) {
  if (only && !mutation.name.includes(only)) continue;
  const begun = performance.now();
  const r = await runTask({ seeds: seedsFrom(1, n), mutation, explainFailure: false }).catch((e: Error) => ({
    seeds: 0,
    failure: { invariant: "ERROR", message: e.message },
  }));
  console.log(
    r.failure ? "caught " : "MISSED ",
    String(r.seeds).padStart(4),
    (performance.now() - begun).toFixed(0).padStart(6),
    mutation.name,
    "|",
    r.failure?.invariant ?? "",
    "|",
    (r.failure?.message ?? "").slice(0, 110),
  );
}
