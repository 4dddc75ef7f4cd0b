/** Text that may stand in HTML, in SVG and in their attributes. */
export function escapeText(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}

type Attributes = Readonly<Record<string, string | number>>;

/** One element; what is inside is markup already. */
export function element(name: string, attributes: Attributes, ...inside: readonly string[]): string {
  const written = Object.entries(attributes).map(([key, value]) => ` ${key}="${escapeText(typeof value === "number" ? pixel(value) : value)}"`);
  return inside.length === 0 ? `<${name}${written.join("")}/>` : `<${name}${written.join("")}>${inside.join("")}</${name}>`;
}

export function label(text: string, x: number, y: number, attributes: Attributes = {}): string {
  return element("text", { x, y, ...attributes }, escapeText(text));
}

/** A line through points; more of them than the eye can tell apart are thinned out, keeping the highest of each stretch. */
export function polyline(points: readonly (readonly [x: number, y: number])[], attributes: Attributes): string {
  return element("polyline", {
    ...attributes,
    fill: "none",
    points: thinned(points)
      .map(([x, y]) => `${pixel(x)},${pixel(y)}`)
      .join(" "),
  });
}

const MOST_POINTS = 1200;

/** y grows downwards in SVG: the highest point of a stretch has the lowest y. */
export function thinned(points: readonly (readonly [x: number, y: number])[]): readonly (readonly [x: number, y: number])[] {
  if (points.length <= MOST_POINTS) return points;
  const stretch = Math.ceil(points.length / MOST_POINTS);
  const kept: (readonly [x: number, y: number])[] = [];
  for (let from = 0; from < points.length; from += stretch) {
    const highest = points.slice(from, from + stretch).reduce((best, point) => (point[1] < best[1] ? point : best));
    kept.push(highest);
  }
  return kept;
}

function pixel(value: number): string {
  return String(Math.round(value * 10) / 10);
}
