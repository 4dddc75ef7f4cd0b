import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { checkExpressions } from "../../control-plane/flows/check-expressions.ts";
import { ExpressionTiers } from "../../control-plane/flows/expressions/tiers.ts";
import { parseFlow } from "../../control-plane/flows/parse.ts";
import { stepPaths } from "../../control-plane/flows/step-paths.ts";
import { readYaml } from "../../control-plane/flows/yaml-text.ts";
import { planDeploy } from "../deploy-plan.ts";
import { PROJECT_ROOT } from "../settings.ts";
import { readExampleRuns } from "./examples.ts";

const EXAMPLES = join(PROJECT_ROOT, "examples");
const CSV = readFileSync(join(EXAMPLES, "data/packages.csv"), "utf8");
const ROWS = CSV.trimEnd()
  .split("\n")
  .slice(1)
  .map((line) => line.split(","));

describe("the examples", () => {
  it("are all deployed and run, each run after those whose results it takes", () => {
    const deployed = planDeploy(EXAMPLES, undefined).flatMap((file) => (file.kind === "deploy" ? [file.request.path] : []));
    const runs = readExampleRuns(EXAMPLES);
    expect(runs.map((run) => `f/examples/${run.script}`).sort()).toEqual(deployed);
    const seen = new Set<string>();
    for (const run of runs) {
      for (const source of Object.values(run.args)) if ("result_of" in source) expect(seen).toContain(source.result_of);
      seen.add(run.script);
    }
  });

  it("have a flow whose steps are examples, and that has no problems", async () => {
    const plan = planDeploy(EXAMPLES, undefined);
    const scripts = plan.flatMap((file) => (file.kind === "deploy" ? [file.request.path] : []));
    const flows = plan.flatMap((file) => (file.kind === "flow" ? [file] : []));
    expect(flows.map(({ path }) => path)).toEqual(["f/examples/package_report"]);
    const reading = readYaml(flows[0]?.request.yaml ?? "");
    const parsed = parseFlow(JSON.parse(JSON.stringify(reading.kind === "value" ? reading.value : null)));
    const expressions = new ExpressionTiers();
    expect([...parsed.problems, ...parsed.ignored, ...checkExpressions(parsed, expressions)]).toEqual([]);
    await expressions.stop();
    expect(scripts).toEqual(expect.arrayContaining(stepPaths(parsed).map(({ path }) => path)));
    expect(stepPaths(parsed)).toHaveLength(3);
  });

  it("clean the real list: every row is kept or rejected, and the sums are those of the rows kept", () => {
    const code = "import json, sys; sys.path.insert(0, sys.argv[1]); import clean_packages as c; r = c.main(sys.stdin.read()); print(); print(json.dumps(r))";
    const { stdout, stderr, status } = spawnSync("python3", ["-B", "-c", code, EXAMPLES], { input: CSV, encoding: "utf8" });
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    const result = JSON.parse(stdout.trimEnd().split("\n").at(-1) ?? "");
    const rejected = Object.values<number>(result.rejected).reduce((sum, count) => sum + count, 0);
    expect(ROWS.length).toBeGreaterThan(3900);
    expect(result.rows).toBe(ROWS.length);
    expect(result.packages + rejected).toBe(ROWS.length);
    expect(result.rejected["no installed size"]).toBe(ROWS.filter((row) => row[4] === "").length);
    expect(result.packages).toBe(new Set(ROWS.filter((row) => row[4] !== "").map((row) => row[0])).size);
    const video = ROWS.filter((row) => row[2] === "video" && ROWS.filter((other) => other[0] === row[0]).length === 1);
    expect(result.sections.video.packages).toBeGreaterThanOrEqual(video.length);
    expect(result.sections.video.installed_kb).toBeGreaterThanOrEqual(video.reduce((sum, row) => sum + Number(row[4]), 0));
  });

  it("order versions as Debian does", () => {
    const pairs = [
      ["1.0~rc1", "1.0"],
      ["2", "1:0.1"],
      ["2.36-9+deb12u7", "2.36-9+deb12u14"],
      ["1.2", "1.10"],
      ["1.0a", "1.0+"],
      ["1.0", "1.0a"],
      ["1.0-1~bpo1", "1.0-1"],
    ];
    const code =
      "import json, sys; sys.path.insert(0, sys.argv[1]); import clean_packages as c; print(json.dumps([[c.compare_versions(a, b) < 0, c.compare_versions(b, a) > 0, c.compare_versions(a, a) == 0] for a, b in json.load(sys.stdin)]))";
    const { stdout } = spawnSync("python3", ["-B", "-c", code, EXAMPLES], { input: JSON.stringify(pairs), encoding: "utf8" });
    expect(JSON.parse(stdout)).toEqual(pairs.map(() => [true, true, true]));
  });
});
