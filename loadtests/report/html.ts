import type { Figures, PeerResult, ScenarioResult, Verdict } from "../result/model.ts";
import { chartHtml } from "./chart.ts";
import type { ReportDocument } from "./document.ts";
import { shortNumber } from "./scale.ts";
import { escapeText } from "./svg.ts";

const STYLE = `
:root { color-scheme: light dark; --ink: #1b1f24; --soft: #57606a; --paper: #fff; --rule: #d0d7de; --bad: #b3261e; --good: #1a6b34;
  --c0: #0b5cad; --c1: #b4540a; --c2: #1a7f4b; --c3: #7b3fb5; --c4: #a8174b; --c5: #4a5a6a; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6edf3; --soft: #9aa7b4; --paper: #0f1419; --rule: #30363d; --bad: #ff8a80; --good: #6fdc95;
  --c0: #6cb2ff; --c1: #ffab5e; --c2: #6fdc95; --c3: #c99cff; --c4: #ff8fb5; --c5: #aab7c4; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 62rem; padding: 1.5rem; font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); }
h1 { font-size: 1.6rem; } h2 { margin-top: 2.5rem; border-top: 1px solid var(--rule); padding-top: 1.5rem; }
table { border-collapse: collapse; margin: .5rem 0 1rem; } th, td { text-align: left; padding: .2rem .9rem .2rem 0; border-bottom: 1px solid var(--rule); vertical-align: top; }
td.number { text-align: right; font-variant-numeric: tabular-nums; }
figure { margin: 1.5rem 0; } figcaption { font-weight: 600; } figure svg { width: 100%; height: auto; }
svg text { fill: var(--soft); font-size: 12px; } svg .axis { fill: var(--ink); } .grid { stroke: var(--rule); }
.line { fill: none; stroke-width: 2; } .limit, .mark { stroke: var(--bad); stroke-dasharray: 5 4; } svg .limit-label, svg .mark-label { fill: var(--bad); }
.line.c0 { stroke: var(--c0); } .line.c1 { stroke: var(--c1); } .line.c2 { stroke: var(--c2); } .line.c3 { stroke: var(--c3); } .line.c4 { stroke: var(--c4); } .line.c5 { stroke: var(--c5); }
.dot, .bar { fill: var(--c0); } .dot.c1 { fill: var(--c1); } .dot.c2 { fill: var(--c2); } .dot.c3 { fill: var(--c3); } .dot.c4 { fill: var(--c4); } .dot.c5 { fill: var(--c5); }
.legend { display: flex; flex-wrap: wrap; gap: .2rem 1.2rem; list-style: none; padding: 0; margin: .3rem 0; } .legend .key { width: 26px; height: 10px; margin-right: .4rem; }
.bad { color: var(--bad); font-weight: 600; } .good { color: var(--good); } .soft { color: var(--soft); } pre { overflow: auto; max-height: 24rem; }
@media print { details { display: none; } }
`;

/** The whole report in one file: no network, no scripts. The JSON that it was made from is inside. */
export function renderHtml(report: ReportDocument): string {
  const { machine } = report;
  const facts: [string, string][] = [
    ["command", report.command],
    ["commit", report.commit],
    ["started", `${report.startedAt}, took ${Math.round(report.tookS)} s`],
    [
      "machine",
      `${machine.cores} cores (${machine.cpuModel}), ${machine.memoryGib} GiB, Linux ${machine.kernel}, Node ${machine.node}, PostgreSQL ${machine.postgres}`,
    ],
    ["load before", String(machine.loadBefore)],
    ["seed", String(report.seed)],
  ];
  const short = report.form === "short" ? `<p class="bad">Short form: for development. These are not figures to quote.</p>` : "";
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Millrace load test: ${escapeText(report.name)}</title><style>${STYLE}</style></head>
<body><main><h1>Millrace load test: ${escapeText(report.name)}</h1>${short}
${pairTable(facts)}
${trouble(report)}
<h2>Aims</h2>${verdictTable(report.verdicts)}
${report.scenarios.map(section).join("\n")}
<h2>Raw data</h2><details><summary>JSON</summary><pre>${escapeText(JSON.stringify({ ...report, scenarios: report.scenarios.map((one) => ({ ...one, charts: "in the data element" })) }, null, 2))}</pre></details>
</main><script type="application/json" id="report">${embeddable(report)}</script></body></html>
`;
}

/** JSON that may stand inside a script element: no tag can end it. */
export function embeddable(value: unknown): string {
  return JSON.stringify(value).replaceAll("<", "\\u003c").replaceAll("\u2028", "\\u2028").replaceAll("\u2029", "\\u2029");
}

function trouble(report: ReportDocument): string {
  const lines = [...report.problems, ...report.failures.map((failure) => `${failure.scenario} failed: ${failure.message}`)];
  if (lines.length === 0) return `<p class="good">No job was lost, none ended twice.</p>`;
  return `<h2 class="bad">What went wrong</h2><ul>${lines.map((line) => `<li class="bad">${escapeText(line)}</li>`).join("")}</ul>`;
}

function section(result: ScenarioResult): string {
  return `<section><h2 id="${result.scenario}">${escapeText(result.scenario)}</h2>
<p class="soft">Took ${Math.round(result.tookS)} s; load before ${result.loadBefore}.</p>
${result.notes.map((note) => `<p>${escapeText(note)}</p>`).join("")}
${result.charts.map((chart, at) => chartHtml(chart, `${result.scenario}-${at}`)).join("\n")}
<h3>Figures</h3>${figureTable(result.figures)}
${peerTable(result.peers)}
<h3>Settings</h3>${pairTable(Object.entries(result.settings).map(([name, value]) => [name, String(value)]))}</section>`;
}

function peerTable(peers: Readonly<Record<string, PeerResult>>): string {
  const names = Object.keys(peers);
  if (names.length === 0) return "";
  const parts = Object.entries(peers).map(([name, peer]) => {
    if (peer.kind === "skipped") return `<h4>${escapeText(name)}</h4><p class="bad">Skipped: ${escapeText(peer.reason)}</p>`;
    const settings = Object.entries(peer.settings).map(([key, value]): [string, string] => [key, String(value)]);
    return `<h4>${escapeText(name)} ${escapeText(peer.version)}</h4>${figureTable(peer.figures)}<details><summary>How it was set up</summary>${pairTable(settings)}</details>`;
  });
  return `<h3>Peers, each alone on the machine in its turn</h3>${parts.join("")}`;
}

function verdictTable(verdicts: readonly (Verdict & { scenario: string })[]): string {
  if (verdicts.length === 0) return `<p class="soft">None for these scenarios.</p>`;
  const rows = verdicts.map(
    (one) =>
      `<tr><td>${escapeText(one.words)}</td><td><code>${escapeText(one.figure)}</code></td><td class="number">${one.value === null ? "not measured" : shortNumber(one.value)}</td><td>${one.kind} ${shortNumber(one.limit)}</td><td class="${one.met ? "good" : "bad"}">${one.met ? "met" : "missed"}</td></tr>`,
  );
  return `<table><tr><th>aim</th><th>figure</th><th>value</th><th>limit</th><th>verdict</th></tr>${rows.join("")}</table>`;
}

function figureTable(figures: Figures): string {
  const rows = Object.entries(figures).map(([name, value]) => `<tr><td><code>${escapeText(name)}</code></td><td class="number">${value}</td></tr>`);
  return `<table><tr><th>figure</th><th>value</th></tr>${rows.join("")}</table>`;
}

function pairTable(pairs: readonly (readonly [string, string])[]): string {
  return `<table>${pairs.map(([name, value]) => `<tr><th scope="row">${escapeText(name)}</th><td>${escapeText(value)}</td></tr>`).join("")}</table>`;
}
