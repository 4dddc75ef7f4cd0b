import { assertNever } from "../../kernel/assert-never.ts";
import type { Chart, Line } from "../result/model.ts";
import { linearScale, percentileScale, type Scale, shortNumber } from "./scale.ts";
import { element, escapeText, label, polyline } from "./svg.ts";

const WIDTH = 760;
const HEIGHT = 320;
const LEFT = 78;
const RIGHT = 18;
const TOP = 18;
const BOTTOM = 52;
const PLOT_X = [LEFT, WIDTH - RIGHT] as const;
const PLOT_Y = [HEIGHT - BOTTOM, TOP] as const;
/** Dash patterns beside colours: lines can be told apart without seeing colours. */
const DASHES = ["", "7 4", "2 3", "10 3 2 3", "1 4", "12 5"];

/** A chart as a figure: title, drawing with a description, legend, and the numbers as a table for whoever cannot or will not look. */
export function chartHtml(chart: Chart, id: string): string {
  const drawing = draw(chart);
  const svg = element(
    "svg",
    { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-labelledby": `${id}-t ${id}-d` },
    element("title", { id: `${id}-t` }, escapeText(chart.title)),
    element("desc", { id: `${id}-d` }, escapeText(describe(chart))),
    label(chart.xTitle, (PLOT_X[0] + PLOT_X[1]) / 2, HEIGHT - 10, { class: "axis", "text-anchor": "middle" }),
    label(chart.yTitle, 0, 0, { class: "axis", "text-anchor": "middle", transform: `translate(16 ${(PLOT_Y[0] + PLOT_Y[1]) / 2}) rotate(-90)` }),
    drawing,
  );
  return `<figure><figcaption>${escapeText(chart.title)}</figcaption>${svg}${legend(chart)}<details><summary>Numbers</summary>${table(chart)}</details></figure>`;
}

function draw(chart: Chart): string {
  switch (chart.kind) {
    case "percentiles": {
      const y = linearScale(highest(chart.lines, chart.limit?.value), PLOT_Y);
      const most = Math.max(0, ...chart.lines.flatMap((line) => line.points.map(([percentile]) => percentile)).filter((percentile) => percentile < 100));
      const x = percentileScale(most, PLOT_X);
      return grid(x, y) + limitLine(chart.limit, y) + lines(chart.lines, x, y);
    }
    case "time": {
      const xs = chart.lines.flatMap((line) => line.points.map(([at]) => at));
      const x = linearScale(most(xs), PLOT_X, Math.min(0, least(xs)), 8);
      const y = linearScale(highest(chart.lines), PLOT_Y);
      return grid(x, y) + lines(chart.lines, x, y) + (chart.marks ?? []).map((mark) => markLine(mark, x)).join("");
    }
    case "bars":
      return bars(chart);
    default:
      return assertNever(chart);
  }
}

function grid(x: Scale, y: Scale): string {
  const rows = y.ticks.map(
    (tick) =>
      element("line", { class: "grid", x1: PLOT_X[0], x2: PLOT_X[1], y1: y.at(tick), y2: y.at(tick) }) +
      label(shortNumber(tick), PLOT_X[0] - 8, y.at(tick) + 4, { "text-anchor": "end" }),
  );
  const columns = x.ticks.map((tick) => label(shortNumber(tick), x.at(tick), PLOT_Y[0] + 18, { "text-anchor": "middle" }));
  return rows.join("") + columns.join("");
}

function lines(all: readonly Line[], x: Scale, y: Scale): string {
  return all
    .map((line, at) => {
      const points = line.points.map(([px, py]) => [x.at(px), y.at(py)] as const);
      const style = { class: `line c${at % 6}`, "stroke-dasharray": DASHES[at % DASHES.length] ?? "" };
      const [only] = points;
      return points.length === 1 && only !== undefined
        ? element("circle", { class: `dot c${at % 6}`, cx: only[0], cy: only[1], r: 3 })
        : polyline(points, style);
    })
    .join("");
}

function limitLine(limit: { value: number; label: string } | undefined, y: Scale): string {
  if (limit === undefined) return "";
  const at = y.at(limit.value);
  return (
    element("line", { class: "limit", x1: PLOT_X[0], x2: PLOT_X[1], y1: at, y2: at }) + label(limit.label, PLOT_X[0] + 6, at - 5, { class: "limit-label" })
  );
}

function markLine(mark: { at: number; label: string }, x: Scale): string {
  const at = x.at(mark.at);
  return element("line", { class: "mark", x1: at, x2: at, y1: PLOT_Y[1], y2: PLOT_Y[0] }) + label(mark.label, at + 4, PLOT_Y[1] + 10, { class: "mark-label" });
}

function bars(chart: Extract<Chart, { kind: "bars" }>): string {
  const y = linearScale(most([...chart.bars.map((bar) => bar.value), chart.limit?.value ?? 0]), PLOT_Y);
  const slot = (PLOT_X[1] - PLOT_X[0]) / Math.max(1, chart.bars.length);
  const drawn = chart.bars.map((bar, at) => {
    const middle = PLOT_X[0] + slot * (at + 0.5);
    const top = y.at(bar.value);
    return (
      element("rect", { class: "bar c0", x: middle - slot * 0.32, y: top, width: slot * 0.64, height: Math.max(0, PLOT_Y[0] - top) }) +
      label(shortNumber(bar.value), middle, top - 5, { "text-anchor": "middle" }) +
      label(bar.label, middle, PLOT_Y[0] + 18, { "text-anchor": "middle" })
    );
  });
  return grid({ ticks: [], at: () => 0 }, y) + drawn.join("") + limitLine(chart.limit, y);
}

function legend(chart: Chart): string {
  if (chart.kind === "bars" || chart.lines.length < 2) return "";
  const entries = chart.lines.map((line, at) => {
    const sample = element("line", { class: `line c${at % 6}`, x1: 0, x2: 26, y1: 5, y2: 5, "stroke-dasharray": DASHES[at % DASHES.length] ?? "" });
    return `<li>${element("svg", { class: "key", viewBox: "0 0 26 10", "aria-hidden": "true" }, sample)}${escapeText(line.name)}</li>`;
  });
  return `<ul class="legend">${entries.join("")}</ul>`;
}

/** The chart in a sentence. */
export function describe(chart: Chart): string {
  const limit = chart.kind !== "time" && chart.limit !== undefined ? ` The limit "${chart.limit.label}" is ${shortNumber(chart.limit.value)}.` : "";
  if (chart.kind === "bars")
    return `Bars of ${chart.yTitle} by ${chart.xTitle}: ${chart.bars.map((bar) => `${bar.label} ${shortNumber(bar.value)}`).join(", ")}.${limit}`;
  const ends = chart.lines.map((line) => {
    const ys = line.points.map(([, y]) => y);
    return ys.length === 0 ? `${line.name} has no points` : `${line.name} lies between ${shortNumber(least(ys))} and ${shortNumber(most(ys))}`;
  });
  const marks =
    chart.kind === "time" && (chart.marks ?? []).length > 0
      ? ` Marks: ${(chart.marks ?? []).map((mark) => `${mark.label} at ${shortNumber(mark.at)}`).join(", ")}.`
      : "";
  return `${chart.yTitle} over ${chart.xTitle}: ${ends.join("; ")}.${limit}${marks}`;
}

const MOST_ROWS = 120;

function table(chart: Chart): string {
  const row = (cells: readonly string[], tag: "td" | "th"): string => `<tr>${cells.map((cell) => `<${tag}>${escapeText(cell)}</${tag}>`).join("")}</tr>`;
  if (chart.kind === "bars") {
    return `<table>${row([chart.xTitle, chart.yTitle], "th")}${chart.bars.map((bar) => row([bar.label, shortNumber(bar.value)], "td")).join("")}</table>`;
  }
  const rows = chart.lines.flatMap((line) => {
    const every = Math.ceil(line.points.length / MOST_ROWS);
    return line.points.filter((_, at) => at % every === 0).map(([x, y]) => row([line.name, shortNumber(x), shortNumber(y)], "td"));
  });
  return `<table>${row(["line", chart.xTitle, chart.yTitle], "th")}${rows.join("")}</table>`;
}

function highest(all: readonly Line[], limit = 0): number {
  return most([...all.flatMap((line) => line.points.map(([, y]) => y)), limit]);
}

/** Not by spreading: a call takes only so many arguments. */
function most(values: readonly number[]): number {
  return values.reduce((best, value) => Math.max(best, value), 0);
}

function least(values: readonly number[]): number {
  return values.reduce((best, value) => Math.min(best, value), Number.POSITIVE_INFINITY);
}
