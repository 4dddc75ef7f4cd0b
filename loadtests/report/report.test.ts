import { expect, test } from "vitest";
import type { Chart, ScenarioResult } from "../result/model.ts";
import { chartHtml, describe } from "./chart.ts";
import { makeDocument, type RunFacts } from "./document.ts";
import { embeddable, renderHtml } from "./html.ts";
import { element, thinned } from "./svg.ts";

const percentiles: Chart = {
  kind: "percentiles",
  title: "Dispatch <fast> & slow",
  xTitle: "percentile (%)",
  yTitle: "latency (ms)",
  lines: [
    {
      name: "one",
      points: [
        [0, 1],
        [50, 2],
        [99, 8],
        [100, 9],
      ],
    },
    {
      name: "two",
      points: [
        [0, 2],
        [100, 4],
      ],
    },
  ],
  limit: { value: 50, label: "aim: 50 ms" },
};
const time: Chart = {
  kind: "time",
  title: "Rate",
  xTitle: "time (s)",
  yTitle: "jobs per second",
  lines: [
    {
      name: "all",
      points: [
        [0, 5],
        [1, 7],
      ],
    },
  ],
  marks: [{ at: 0.5, label: "kill -9" }],
};
const bars: Chart = {
  kind: "bars",
  title: "Bars",
  xTitle: "agents",
  yTitle: "µs",
  bars: [
    { label: "2", value: 16 },
    { label: "600", value: 66 },
  ],
};

const facts: RunFacts = {
  name: "burst",
  short: true,
  commit: "abc",
  command: "npm run loadtest -- burst",
  machine: { cores: 2, cpuModel: "cpu", memoryGib: 8, kernel: "6", node: "v24", postgres: "18", loadBefore: 0 },
  seed: 1,
  startedAt: new Date(0),
  tookS: 3,
};

function resultOf(fields: Partial<ScenarioResult> = {}): ScenarioResult {
  return {
    scenario: "burst",
    form: "short",
    seed: 1,
    startedAt: "",
    tookS: 1,
    loadBefore: 0,
    figures: { burst_drain_s: 2 },
    charts: [percentiles, time, bars],
    peers: {},
    settings: { agents: 8 },
    notes: [],
    problems: [],
    verdicts: [{ figure: "burst_drain_s", kind: "at most", limit: 1, words: "drain", value: 2, met: false }],
    ...fields,
  };
}

/** Fails on a tag that is not closed in its order: reading markup by eye is not enough. */
function checkNesting(markup: string): void {
  const open: string[] = [];
  for (const [, closing, name, selfClosing] of markup.matchAll(/<(\/?)([a-z][a-z0-9]*)[^>]*?(\/?)>/g)) {
    if (name === undefined || selfClosing === "/" || ["meta", "br"].includes(name)) continue;
    if (closing !== "/") open.push(name);
    else expect(open.pop()).toBe(name);
  }
  expect(open).toEqual([]);
}

test("a chart has titled axes with units, a description that says the values, and the numbers as a table", () => {
  for (const chart of [percentiles, time, bars]) {
    const markup = chartHtml(chart, "x");
    checkNesting(markup);
    expect(markup).toContain('role="img" aria-labelledby="x-t x-d"');
    for (const words of [chart.xTitle, chart.yTitle]) expect(markup).toContain(words);
    expect(markup).toContain("<table>");
    expect(markup).not.toMatch(/NaN|undefined|Infinity/);
  }
  expect(describe(time)).toBe("jobs per second over time (s): all lies between 5 and 7. Marks: kill -9 at 0.5.");
  expect(describe(bars)).toContain("2 16, 600 66");
});

test("lines can be told apart without colour", () => {
  const dashes = [...chartHtml(percentiles, "x").matchAll(/stroke-dasharray="([^"]*)"/g)].map(([, dash]) => dash);
  expect(new Set(dashes).size).toBe(2);
});

test("a chart without any point is still a chart", () => {
  for (const chart of [
    { ...percentiles, lines: [] },
    { ...time, lines: [{ name: "all", points: [] }] },
    { ...bars, bars: [] },
  ]) {
    expect(chartHtml(chart, "x")).not.toMatch(/NaN|Infinity/);
  }
});

test("many points are thinned out and the peak stays", () => {
  const points = Array.from({ length: 50_000 }, (_, at) => [at, at === 31_234 ? 1 : 100] as const);
  const kept = thinned(points);
  expect(kept.length).toBeLessThanOrEqual(1200);
  expect(kept).toContainEqual([31_234, 1]);
});

test("attributes and text cannot break out", () => {
  expect(element("text", { title: 'a"><script>' }, "x")).toBe('<text title="a&quot;&gt;&lt;script&gt;">x</text>');
});

test("the report is one file that asks nobody for anything, and holds the whole of its data", () => {
  const document = makeDocument(facts, [resultOf({ settings: { note: "</script><img src=x>" } })], []);
  const html = renderHtml(document);
  checkNesting(html.slice(html.indexOf("<main>"), html.indexOf("</main>") + 7));
  expect(html).not.toMatch(/(src|href)="(https?:)?\/\//);
  expect(html).toContain("prefers-color-scheme: dark");
  const data = /<script type="application\/json" id="report">(.*)<\/script>/s.exec(html)?.[1] ?? "";
  expect(JSON.parse(data)).toEqual(document);
  expect(html.match(/<\/script>/g)).toHaveLength(1);
});

test("what is embedded cannot end its element", () => {
  const text = embeddable({ bad: "</script><!-- \u2028" });
  expect(text).not.toContain("<");
  expect(JSON.parse(text)).toEqual({ bad: "</script><!-- \u2028" });
});

test("a document joins figures, verdicts, problems and failures of all scenarios", () => {
  const history = resultOf({ scenario: "history", figures: { history_get_p99_ms: 3 }, verdicts: [], problems: ["a job was lost"] });
  const document = makeDocument({ ...facts, name: "all" }, [resultOf(), history], [{ scenario: "fail-over", message: "no replica is ready" }]);
  expect(document.figures).toEqual({ burst_drain_s: 2, history_get_p99_ms: 3 });
  expect(document.problems).toEqual(["history: a job was lost"]);
  expect(document.verdicts).toEqual([expect.objectContaining({ scenario: "burst", met: false })]);
  const html = renderHtml(document);
  for (const words of ["history: a job was lost", "fail-over failed: no replica is ready", "missed", "Short form"]) expect(html).toContain(words);
});
