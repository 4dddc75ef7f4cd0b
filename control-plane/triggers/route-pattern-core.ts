// Patterns of routes: `/orders/:id/lines`, `/files/*rest`. What is literal goes before a parameter, a parameter before a rest, decided segment by
// segment from the left. Two patterns that differ only in the names of their parameters have the same shape, and cannot live side by side.

export type Segment =
  | { readonly kind: "literal"; readonly text: string }
  | { readonly kind: "parameter"; readonly name: string }
  /** All that follows; the last one of its pattern. */
  | { readonly kind: "rest"; readonly name: string };

export const PATTERN_LIMITS = { segments: 16, chars: 300 } as const;

const LITERAL = /^[A-Za-z0-9._~!$&'()+,;=@-]+$/;
const NAME = /^[A-Za-z_][A-Za-z0-9_]{0,62}$/;

/** The segments of a pattern, or in words what is wrong with it. */
export function parsePattern(text: string): readonly Segment[] | string {
  if (!text.startsWith("/")) return "must begin with a slash";
  if (text.length > PATTERN_LIMITS.chars) return `has at most ${PATTERN_LIMITS.chars} characters`;
  const parts = text === "/" ? [] : text.slice(1).split("/");
  if (parts.length > PATTERN_LIMITS.segments) return `has at most ${PATTERN_LIMITS.segments} segments`;
  const segments: Segment[] = [];
  const names = new Set<string>();
  for (const [at, part] of parts.entries()) {
    const segment = parseSegment(part);
    if (typeof segment === "string") return segment;
    if (segment.kind === "rest" && at < parts.length - 1) return `*${segment.name} takes all that follows: it must be the last segment`;
    if (segment.kind !== "literal") {
      if (names.has(segment.name)) return `names ${segment.name} twice`;
      names.add(segment.name);
    }
    segments.push(segment);
  }
  return segments;
}

function parseSegment(part: string): Segment | string {
  const first = part.charAt(0);
  if (first === ":" || first === "*") {
    const name = part.slice(1);
    if (!NAME.test(name)) return `${first}name: a name has letters, digits and underscores`;
    return first === ":" ? { kind: "parameter", name } : { kind: "rest", name };
  }
  if (part === "." || part === "..") return "has no segments . and ..";
  if (!LITERAL.test(part)) return part === "" ? "has an empty segment" : `segment "${part}" has characters that are not for paths`;
  return { kind: "literal", text: part };
}

/** The same for patterns that answer the same requests with the same right. */
export function shapeOf(segments: readonly Segment[]): string {
  return `/${segments.map((segment) => (segment.kind === "literal" ? segment.text : segment.kind === "parameter" ? ":" : "*")).join("/")}`;
}

interface Node<T> {
  readonly literals: Map<string, Node<T>>;
  parameter: Node<T> | undefined;
  /** Of a pattern that ends here, and of one that takes all that follows. */
  here: Entry<T> | undefined;
  rest: Entry<T> | undefined;
}

interface Entry<T> {
  readonly value: T;
  readonly segments: readonly Segment[];
}

export interface Match<T> {
  readonly value: T;
  readonly params: Readonly<Record<string, string>>;
}

export type RouteTree<T> = Readonly<Node<T>>;

const newNode = <T>(): Node<T> => ({ literals: new Map(), parameter: undefined, here: undefined, rest: undefined });

/** Of patterns of the same shape the first one counts. */
export function buildRoutes<T>(routes: readonly Entry<T>[]): RouteTree<T> {
  const root = newNode<T>();
  for (const entry of routes) {
    let node = root;
    for (const segment of entry.segments) {
      if (segment.kind === "rest") break;
      node = childOf(node, segment);
    }
    if (entry.segments.at(-1)?.kind === "rest") node.rest ??= entry;
    else node.here ??= entry;
  }
  return root;
}

function childOf<T>(node: Node<T>, segment: Exclude<Segment, { kind: "rest" }>): Node<T> {
  if (segment.kind === "parameter") {
    node.parameter ??= newNode<T>();
    return node.parameter;
  }
  const known = node.literals.get(segment.text) ?? newNode<T>();
  node.literals.set(segment.text, known);
  return known;
}

/** The route of a path; no node is looked at twice. @param path decoded segments */
export function matchRoute<T>(tree: RouteTree<T>, path: readonly string[]): Match<T> | undefined {
  const entry = find(tree, path, 0);
  if (entry === undefined) return undefined;
  const params: [string, string][] = [];
  for (const [at, segment] of entry.segments.entries()) {
    if (segment.kind === "parameter") params.push([segment.name, path[at] ?? ""]);
    else if (segment.kind === "rest") params.push([segment.name, path.slice(at).join("/")]);
  }
  return { value: entry.value, params: Object.fromEntries(params) };
}

function find<T>(node: RouteTree<T>, path: readonly string[], at: number): Entry<T> | undefined {
  const part = path[at];
  if (part === undefined) return node.here ?? node.rest;
  const literal = node.literals.get(part);
  const found = literal === undefined ? undefined : find(literal, path, at + 1);
  if (found !== undefined) return found;
  // A parameter stands for something: an empty segment is none.
  const byParameter = node.parameter === undefined || part === "" ? undefined : find(node.parameter, path, at + 1);
  return byParameter ?? node.rest;
}
